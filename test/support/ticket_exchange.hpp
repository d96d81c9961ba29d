#pragma once

#include <parley/ticket_manager.hpp>

#include "core/iso8601.hpp"
#include "http/http_exchange.hpp"
#include "net/network.hpp"
#include "net/resolve.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"
#include "support/raw_server.hpp"
#include "support/run.hpp"
#include "support/test_environment.hpp"
#include "support/ticket_world.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <malloc.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parley::test {

/// Manual time, and the real HTTP exchange on it.
class exchange_environment : public test_environment {
public:
    std::shared_ptr<http_client>
    make_http(std::shared_ptr<const connection_config> config) const override {
        return make_http_client(std::make_shared<network>(config, time, shared_resolver()));
    }
};

/// A ticket_manager over the real HTTP exchange: what a server's bytes come to. The sockets are
/// real, the time is the test's.
class ticket_exchange {
public:
    static constexpr std::chrono::seconds patience{60};

    asio::io_context io;
    std::shared_ptr<exchange_environment> environment = std::make_shared<exchange_environment>();
    std::shared_ptr<manual_clock> clock = environment->time;
    log_capture log;
    ticket_config config;
    ticket_manager_options options;
    auth_data auth = ticket_world::identity();
    std::optional<ticket_manager> tickets;

    ticket_exchange() {
        config.max_retries = 0;
        options.log = log.sink();
        options.log_threshold = log_level::debug;
    }
    ~ticket_exchange() {
        tickets.reset();
        poll(io);
    }
    ticket_exchange(const ticket_exchange&) = delete;
    ticket_exchange& operator=(const ticket_exchange&) = delete;

    ticket_manager& manage(const std::string& url) {
        return tickets.emplace(io.get_executor(), auth, url, config, options, environment);
    }
    ticket_manager& manage(const raw_server& server) {
        return manage("http://127.0.0.1:" + std::to_string(server.port()));
    }

    /// Runs until a condition holds. Time stands still.
    template <class Predicate>
    bool until(Predicate holds) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!holds() && std::chrono::steady_clock::now() < end) {
            if (io.stopped()) io.restart();
            io.run_one_for(std::chrono::milliseconds(5));
            most_memory_ = std::max(most_memory_, memory());
        }
        return holds();
    }

    /// Runs an operation to its end, and what is due by then.
    template <class T>
    started<T> finish(awaitable<T> operation) {
        auto one = start(io, std::move(operation));
        if (!until([&one] { return one.done(); })) FAIL("the operation did not complete");
        poll(io); // the connection is closed after its answer has been told
        return one;
    }

    /// Of the heap, that is in use now, and the most that was after any step.
    static std::size_t memory() {
        const auto use = ::mallinfo2();
        return use.uordblks + use.hblkhd;
    }
    std::size_t most_memory() const noexcept { return most_memory_; }

    /// The manager goes, and with it whatever it has had under way.
    bool ends() {
        tickets.reset();
        io.restart();
        io.run_for(patience);
        return io.stopped();
    }

private:
    std::size_t most_memory_ = 0;
};

/// Reads a whole request, and returns it.
inline std::string read_request(raw_peer& peer) {
    const std::string head = peer.read_head();
    return head + peer.read_exactly(std::stoul(header_value(head, "Content-Length")));
}

/// Answers the request with these bytes and hangs up.
inline raw_server::script answering(std::string bytes) {
    return [bytes = std::move(bytes)](raw_peer& peer) {
        read_request(peer);
        peer.send(bytes);
        peer.half_close();
        peer.hold();
    };
}

/// An answer with that status line and body, and more header lines, each with its end.
inline std::string http_text(std::string_view status, std::string_view body,
                             std::string_view more = {}) {
    return "HTTP/1.1 " + std::string(status) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more) +
           "\r\n" + std::string(body);
}

/// The body that brings a ticket; both are JSON.
inline std::string ticket_json(std::string_view ticket, std::string_view expires) {
    return R"({"success":true,"ticket":)" + std::string(ticket) + R"(,"expiresAt":)" +
           std::string(expires) + "}";
}

inline std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

/// A good answer: that ticket, for an hour by this clock.
inline std::string good_answer(const manual_clock& clock,
                               std::string_view ticket = "SENTINEL-TICKET") {
    const auto expires = format_iso8601(clock.wall_now() + std::chrono::hours(1));
    return http_text("200 OK", ticket_json(in_quotes(ticket), in_quotes(expires)));
}

} // namespace parley::test
