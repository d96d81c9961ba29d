// The client that an Autobahn fuzzing server tests: echo_client PORT AGENT [FIRST LAST]
//
// It asks the server on 127.0.0.1:PORT how many cases there are, echoes what each sends, and has
// the reports written. Exit status 1 when the server cannot be reached or a case does not end.

#include <parley/config.hpp>
#include <parley/secret.hpp>

#include "conformance/echo_session.hpp"
#include "core/url.hpp"
#include "transport/environment.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace parley;

constexpr std::chrono::minutes patience{5}; // of one case: the largest are of 16 MiB

class suite {
public:
    suite(asio::any_io_executor strand, const std::string& port, std::string agent)
        : strand_(std::move(strand)), port_(port), agent_(percent_encode(agent)),
          factory_(real_environment()->make_transports(
              std::make_shared<const connection_config>(settings()))) {}

    awaitable<unsigned> run(std::optional<unsigned> first, std::optional<unsigned> last) {
        const std::string count = co_await visit("/getCaseCount", false);
        const unsigned cases = number(count).value_or(0);
        for (unsigned at = first.value_or(1); at <= last.value_or(cases); ++at) {
            std::cout << "case " << at << " of " << cases << std::endl;
            co_await visit("/runCase?case=" + std::to_string(at) + "&agent=" + agent_, true);
        }
        co_await visit("/updateReports?agent=" + agent_, true);
        co_return cases;
    }

    static std::optional<unsigned> number(std::string_view text) {
        unsigned value = 0;
        const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
        if (end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::nullopt;
        return value;
    }

private:
    static connection_config settings() {
        connection_config config;
        config.limits.message_bytes = 64u << 20;
        return config;
    }

    /// One connection to its end. Returns the first message when it is not to be echoed.
    awaitable<std::string> visit(std::string target, bool echo) {
        const auto server = server_url::parse("ws://127.0.0.1:" + port_, false);
        test::echo_listener heard;
        const std::shared_ptr<transport> link = factory_->make(strand_, heard, false);
        asio::steady_timer late(strand_, patience);
        bool gave_up = false;
        late.async_wait([alive = std::weak_ptr(link), &gave_up](const auto& cancelled) {
            const auto held = alive.lock();
            if (cancelled || !held) return;
            gave_up = true;
            held->abort();
        });
        const auto request = std::make_shared<const connect_request>(server, std::move(target));
        const auto connected = co_await link->connect(request);
        std::string first;
        if (!connected) throw_error(connected.error());
        if (echo) {
            co_await test::echo_until_closed(*link, heard);
        } else {
            co_await link->read();
            if (!heard.held.empty()) first = heard.held.front().second;
            link->abort();
        }
        if (gave_up) throw_error(error_info(errc::message_timeout, "The case does not end."));
        late.cancel();
        co_return first;
    }

    const asio::any_io_executor strand_;
    const std::string port_;
    const std::string agent_;
    const std::shared_ptr<transport_factory> factory_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 3 && argc != 5) {
        std::cerr << "usage: echo_client PORT AGENT [FIRST LAST]\n";
        return 2;
    }
    boost::asio::io_context io;
    suite cases(boost::asio::make_strand(io.get_executor()), argv[1], argv[2]);
    std::optional<unsigned> first;
    std::optional<unsigned> last;
    if (argc == 5) {
        first = suite::number(argv[3]);
        last = suite::number(argv[4]);
    }
    int status = 1;
    boost::asio::co_spawn(io, cases.run(first, last),
                          [&status](std::exception_ptr failed, unsigned) {
                              try {
                                  if (failed) std::rethrow_exception(failed);
                                  status = 0;
                              } catch (const std::exception& problem) {
                                  std::cerr << "echo_client: " << problem.what() << '\n';
                              }
                          });
    io.run();
    return status;
}
