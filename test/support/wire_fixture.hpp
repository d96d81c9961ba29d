#pragma once

#include <parley/config.hpp>
#include <parley/secret.hpp>

#include "dialect/parley/endpoints.hpp"
#include "net/network.hpp"
#include "net/resolve.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"
#include "transport/environment.hpp"
#include "transport/socket_transport.hpp"
#include "transport/transport.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::test {

/// Notes what a transport says.
class recorder final : public transport_listener {
public:
    void on_phase(phase now) override { phases.push_back(now); }
    void on_bytes(std::size_t count, bool message_open) override {
        bytes += count;
        if (opens.empty() || opens.back() != message_open) opens.push_back(message_open);
    }
    void on_pong() override { ++pongs; }
    void on_close_started() override { ++closes; }
    void on_text(std::string_view text) override { texts.emplace_back(text); }
    void on_binary(std::string_view message) override { binaries.push_back(message.size()); }
    bool wants_more() const override { return room; }

    std::vector<phase> phases;
    std::size_t bytes = 0;
    std::vector<bool> opens; ///< the changes of `message_open`
    unsigned pongs = 0;
    unsigned closes = 0;
    std::vector<std::string> texts;
    std::vector<std::size_t> binaries;
    bool room = true;
};

/// Real sockets and real time, for one connection.
class wire {
public:
    static constexpr std::chrono::seconds patience{60};

    asio::io_context io;
    asio::any_io_executor strand = asio::make_strand(io.get_executor());
    connection_config config;
    std::shared_ptr<clock_source> clock = real_environment()->clock();
    std::shared_ptr<resolver> names = shared_resolver();
    recorder seen;
    std::unique_ptr<transport> link;

    wire() { config.allow_plaintext = true; }

    std::shared_ptr<network> make_network() const {
        return std::make_shared<network>(std::make_shared<const connection_config>(config), clock,
                                         names);
    }

    /// What a connect to this URL ends with. The ticket is `sentinel-ticket`.
    result<void> connect(const std::string& url) { return run(connecting(url)); }

    result<void> connect(std::uint16_t port) {
        return connect("ws://127.0.0.1:" + std::to_string(port));
    }

    /// The same, to be awaited.
    awaitable<result<void>> connecting(const std::string& url) {
        const auto server = parse_server_url(url, true);
        if (!factory) factory = make_socket_transports(make_network());
        link = factory->make(strand, seen, server.secure());
        return link->connect(std::make_shared<const connect_request>(
            session_request(server, ticket(secret("sentinel-ticket"), {}))));
    }

    /// Sends one frame, and flushes it.
    result<void> write(std::string_view text) { return flush(link->write(text)); }
    result<void> ping() { return flush(link->ping()); }
    result<void> close(unsigned code) { return flush(link->close(code)); }
    result<void> flush(const result<bool>& sent) {
        if (!sent) return sent.error();
        return *sent ? result<void>() : run(link->flush());
    }

    /// Reads until the connection ends.
    error_info read_to_end() {
        for (;;)
            if (const auto outcome = run(link->read()); !outcome) return outcome.error();
    }

    template <class T>
    T run(awaitable<T> operation) {
        auto one = start(strand, std::move(operation));
        until([&one] { return one.done(); });
        if (!one.done()) FAIL("the operation did not complete");
        return one.get();
    }

    template <class Predicate>
    bool until(Predicate holds) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!holds() && std::chrono::steady_clock::now() < end) {
            if (io.stopped()) io.restart();
            io.run_one_for(std::chrono::milliseconds(20));
        }
        return holds();
    }

    /// True when nothing is left to run, at once or after a while.
    bool drains() {
        io.restart();
        io.run_for(patience);
        return io.stopped();
    }

    std::shared_ptr<transport_factory> factory; ///< made at the first connect
};

/// Looked for in every text that an error has.
inline bool tells_the_ticket(const error_info& error) {
    const std::string all = error.message + error.details.to_string();
    return all.find("sentinel") != std::string::npos;
}

} // namespace parley::test

template <class T>
struct Catch::StringMaker<parley::result<T>> {
    static std::string convert(const parley::result<T>& outcome) {
        return outcome ? "success" : outcome.error().message;
    }
};
