#pragma once

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include "support/catch.hpp"
#include "support/log_capture.hpp"
#include "support/run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley::test {

/// A context of the test's own with real time, and clients that die before it does.
class live {
public:
    std::chrono::seconds patience{60}; ///< twenty times what is nominal, and more

    asio::io_context io;

    /// Runs an operation to its end; fails the test when that does not come.
    template <class T>
    T run(awaitable<T> operation) {
        auto one = start(io, std::move(operation));
        const auto end = std::chrono::steady_clock::now() + patience;
        io.restart();
        while (!one.done() && std::chrono::steady_clock::now() < end)
            if (io.run_one_until(end) == 0) break;
        if (!one.done()) FAIL("the operation did not complete");
        return one.get();
    }

    /// Runs until a condition holds.
    template <class Predicate>
    bool until(Predicate holds) {
        const auto end = std::chrono::steady_clock::now() + patience;
        io.restart();
        while (!holds() && std::chrono::steady_clock::now() < end) {
            if (io.stopped()) io.restart();
            io.run_one_for(std::chrono::milliseconds(20));
        }
        return holds();
    }

    /// Runs what is left; true when the context runs out of work by itself.
    bool drains() {
        io.restart();
        io.run_for(patience);
        return io.stopped();
    }
};

/// What most servers of these tests issue: tickets that show each place that does not encode them.
inline testing::chat_server_options awkward_tickets() {
    testing::chat_server_options options;
    options.awkward_tickets = true;
    return options;
}

/// A configuration for that server, with a log and secrets that must never show.
inline chat_client_config config_for(const testing::chat_server& server) {
    chat_client_config config;
    config.server_url = server.url();
    config.auth.user_mp_auth_token = secret("sentinel-token");
    config.auth.chat_server_key = secret("sentinel-server-key");
    config.log = log_capture().sink(); // not kept, but checked for secrets
    config.log_threshold = log_level::debug;
    config.connection.tls.ca_pem = server.ca_pem();
    config.connection.reconnect.backoff.base = std::chrono::milliseconds(20);
    config.ticket.backoff.base = std::chrono::milliseconds(20);
    return config;
}

/// The events up to and with the first of one type.
template <class Last>
awaitable<std::vector<event>> events_until(chat_client& client) {
    std::vector<event> seen;
    while (auto happened = co_await client.next_event()) {
        seen.push_back(std::move(*happened));
        if (std::holds_alternative<Last>(seen.back())) break;
    }
    co_return seen;
}

template <class Wanted>
std::vector<Wanted> all_of(const std::vector<event>& events) {
    std::vector<Wanted> found;
    for (const auto& one : events)
        if (const auto* wanted = std::get_if<Wanted>(&one)) found.push_back(*wanted);
    return found;
}

inline std::string text_of(const std::vector<event>& events) {
    std::string text;
    for (const auto& delta : all_of<text_delta>(events))
        text += delta.text;
    return text;
}

} // namespace parley::test
