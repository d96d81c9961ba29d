#pragma once

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <ostream>
#include <string_view>
#include <utility>

/// What the examples of the headers that need a client run against: a server that answers well, or
/// not, and a client in its own context.
namespace example_scene {

using parley::testing::answer_script;

enum class outcome { hangs, returns, throws };

inline std::ostream& operator<<(std::ostream& out, outcome value) {
    constexpr std::string_view names[] = {"hangs", "returns", "throws"};
    return out << names[static_cast<int>(value)];
}

struct scene {
    explicit scene(std::function<answer_script()> answers) {
        server.on_message([answers = std::move(answers)](const auto&) { return answers(); });
        parley::chat_client_config config;
        config.server_url = server.url();
        config.connection.reconnect.max_attempts = 3;
        config.connection.reconnect.backoff.base = std::chrono::milliseconds(1);
        client = std::make_unique<parley::chat_client>(io.get_executor(), std::move(config));
    }

    /// Starts an operation, which says in `end` how it ended.
    template <class T>
    void start(parley::awaitable<T> operation, outcome& end) {
        boost::asio::co_spawn(io, std::move(operation),
                              [&end](std::exception_ptr failure, auto...) {
                                  end = failure ? outcome::throws : outcome::returns;
                              });
    }
    /// Runs the context while `waits` holds.
    void run_while(const std::function<bool()>& waits) {
        io.restart();
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(40);
        while (waits() && std::chrono::steady_clock::now() < limit)
            if (io.run_one_until(limit) == 0) break;
    }
    template <class T>
    outcome end_of(parley::awaitable<T> operation) {
        auto end = outcome::hangs;
        start(std::move(operation), end);
        run_while([&end] { return end == outcome::hangs; });
        return end;
    }

    parley::testing::chat_server server;
    boost::asio::io_context io;
    std::unique_ptr<parley::chat_client> client;
};

inline answer_script well() { return answer_script().text("sunny"); }
inline answer_script failing() { return answer_script().text("su").chat_error("broken", "BROKEN"); }
inline answer_script dropped() { return answer_script().text("su").drop(); }

/// The three, and what a question throws or returns.
struct answer {
    answer_script (*script)();
    outcome end;
};
inline constexpr answer answers[] = {
    {well, outcome::returns}, {failing, outcome::throws}, {dropped, outcome::throws}};

} // namespace example_scene
