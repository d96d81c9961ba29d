#pragma once

#include <parley/websocket_manager.hpp>

#include "async/condition.hpp"
#include "connection/websocket_manager_impl.hpp"
#include "support/log_capture.hpp"
#include "support/run.hpp"
#include "support/scripted_transport.hpp"
#include "support/test_environment.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace parley::test {

inline ticket ticket_of(std::string_view value) {
    return ticket(secret(value), ticket::wall_time(std::chrono::hours(1'000'000)));
}

/// `lost(closed)`, `reconnecting(1)`, `restored`, `failed(reconnect_exhausted)`.
inline std::string text_of(const connection_event& happened) {
    if (const auto* lost = std::get_if<connection_lost>(&happened))
        return "lost(" + std::string(to_string(lost->reason)) +
               (lost->will_reconnect ? "" : ", final") + ")";
    if (const auto* again = std::get_if<reconnecting>(&happened))
        return "reconnecting(" + std::to_string(again->attempt) + ")";
    if (const auto* failed = std::get_if<connection_failed>(&happened))
        return "failed(" + std::string(to_string(static_cast<errc>(failed->cause.code.value()))) +
               ")";
    return "restored";
}

/// A session layer that records, and does what the test says.
class test_layer : public session_layer, public std::enable_shared_from_this<test_layer> {
public:
    awaitable<ticket> next_ticket(std::optional<ticket> rejected, time_point) override {
        return give_ticket(shared_from_this(), std::move(rejected));
    }

    std::optional<error_info> ticket_trouble() const override { return failing_tickets; }

    void on_open() override {
        ++opened;
        if (ready_when_open) link->session_ready();
    }
    void on_text(std::string_view text) override {
        texts.emplace_back(text);
        if (on_message) on_message(texts.back());
    }
    void on_binary(std::size_t size) override { binaries.push_back(size); }
    void after_read() override { ++reads; }
    bool has_room() const override {
        if (full_looks == 0) return room;
        --full_looks;
        return false;
    }
    awaitable<void> wait_for_room() override { return await_room(shared_from_this()); }
    std::string heartbeat() override { return beat; }
    unsigned take_unconfirmed() override { return std::exchange(unconfirmed, 0u); }
    void on_connection_event(connection_event happened) override {
        events.push_back(text_of(happened));
        happenings.push_back(happened);
        if (on_event) on_event(happened);
    }

    void make_room() {
        room = true;
        changed->notify_all();
    }

    websocket_manager::impl* link = nullptr;
    std::unique_ptr<condition> changed;
    bool ready_when_open = true;
    bool room = true;
    mutable unsigned full_looks = 0; // so many find no room, and after them there is
    std::string beat;
    unsigned unconfirmed = 0;
    std::function<void(const std::string&)> on_message;
    std::function<void(const connection_event&)> on_event;
    std::optional<error_info> ticket_failure; // of every request, while set
    bool hold_tickets = false;
    bool gives_again = false;                  // the rejected one, for another
    std::optional<error_info> failing_tickets; // what it says of a request that is on

    unsigned opened = 0;
    unsigned reads = 0;   // that are over
    unsigned tickets = 0; // asked for
    std::vector<bool> fresh_asked;
    std::vector<std::string> texts;
    std::vector<std::size_t> binaries;
    std::vector<std::string> events;
    std::vector<connection_event> happenings;
    unsigned serial = 1; // of the ticket that is held

private:
    static awaitable<ticket> give_ticket(std::shared_ptr<test_layer> self,
                                         std::optional<ticket> rejected) {
        ++self->tickets;
        self->fresh_asked.push_back(rejected.has_value());
        while (self->hold_tickets)
            co_await self->changed->wait_until();
        if (self->ticket_failure) throw_error(*self->ticket_failure);
        if (rejected && !self->gives_again) ++self->serial;
        co_return ticket_of("ticket-" + std::to_string(self->serial));
    }

    static awaitable<void> await_room(std::shared_ptr<test_layer> self) {
        while (!self->room)
            co_await self->changed->wait_until();
    }
};

/// A connection over scripted transports on the manual clock, and a layer that rides on it.
///
///     connection_case test;
///     test.transports->expect_connect().reply("hello");
///     test.open();
class connection_case {
public:
    using seconds = std::chrono::seconds;

    explicit connection_case(connection_config config = connection_config()) {
        environment->set_transports(transports);
        connection_options options;
        options.server_url = "wss://chat.example";
        options.config = std::make_shared<const connection_config>(std::move(config));
        options.log = log.sink();
        options.log_threshold = log_level::debug;
        const asio::any_io_executor strand = asio::make_strand(io.get_executor());
        executor = strand;
        socket = std::make_shared<websocket_manager::impl>(strand, environment, std::move(options));
        layer->link = socket.get();
        layer->changed = std::make_unique<condition>(strand, environment->time);
        socket->attach(layer);
    }
    connection_case(const connection_case&) = delete;
    connection_case& operator=(const connection_case&) = delete;

    /// What every test may rely on at its end: all is over within 3 s, and no rule was broken.
    ~connection_case() noexcept(false) {
        if (!socket) return;
        socket->abandon();
        poll(io);
        const bool left = transports->alive() != 0;
        const auto broken = transports->violations();
        socket.reset();
        layer.reset();
        if (std::uncaught_exceptions() > 0) return;
        CHECK_FALSE(left);
        CHECK(broken == std::vector<std::string>());
        CHECK(transports->dialing_at_most() <= 1);
        CHECK(out_of_work(io));
        CHECK(log.text().find("ticket-") == std::string::npos);
    }

    started<void> begin_open(seconds limit = seconds(30)) {
        auto one = start(executor, socket->open(environment->time->now() + limit));
        poll(io);
        return one;
    }
    void open() { begin_open().get(); }

    started<void> begin_send(std::string text, seconds limit = seconds(30)) {
        std::function<void(send_progress)> nobody;
        auto one = start(executor,
                         socket->send(std::move(text), environment->time->now() + limit, nobody));
        poll(io);
        return one;
    }
    started<void> begin_reconnect(seconds limit = seconds(30)) {
        auto one = start(executor, socket->reconnect(environment->time->now() + limit));
        poll(io);
        return one;
    }
    started<void> begin_close(std::chrono::milliseconds limit = seconds(3)) {
        auto one = start(executor, socket->close(limit));
        poll(io);
        return one;
    }

    void pass(manual_clock::duration by) { test::pass(io, *environment->time, by); }
    websocket_state state() const { return socket->status().state; }
    time_point now() const { return environment->time->now(); }

    asio::io_context io;
    std::shared_ptr<test_environment> environment = test_environment::make();
    std::shared_ptr<scripted_transports> transports =
        std::make_shared<scripted_transports>(environment->time);
    std::shared_ptr<test_layer> layer = std::make_shared<test_layer>();
    log_capture log;
    asio::any_io_executor executor;
    std::shared_ptr<websocket_manager::impl> socket;
};

} // namespace parley::test
