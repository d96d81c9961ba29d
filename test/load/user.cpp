#include "load/user.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <utility>
#include <variant>

namespace parley::load {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

/// What a loaded machine may add to any bound.
constexpr std::chrono::seconds grace{60};

told told_by(const client_error& failed) {
    if (failed.code() == errc::sent_unconfirmed) return told::unconfirmed;
    if (failed.code() == errc::not_sent || failed.code() == errc::not_connected)
        return told::not_sent;
    return told::nothing; // of the run, or of the end of the client
}

} // namespace

void findings::message(std::uint64_t number, told what) {
    const std::lock_guard lock(mutex_);
    if (!messages_.emplace(number, what).second) ++broken;
}

void findings::broke(std::string_view invariant, std::string what) {
    ++broken;
    const std::lock_guard lock(mutex_);
    // Some of each kind.
    if (++by_invariant_[std::string(invariant)] <= 5)
        first_broken_.push_back(std::string(invariant) + ": " + std::move(what));
}

std::unordered_map<std::uint64_t, told> findings::messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
}

std::vector<std::string> findings::first_broken() const {
    const std::lock_guard lock(mutex_);
    return first_broken_;
}

std::map<std::string, std::size_t> findings::broken_by_invariant() const {
    const std::lock_guard lock(mutex_);
    return by_invariant_;
}

user::user(const asio::any_io_executor& executor, const std::string& url, std::uint32_t number,
           std::shared_ptr<findings> found)
    : number_(number), found_(std::move(found)), random_(number), strand_(executor),
      timer_(strand_), listening_done_(strand_) {
    chat_client_config config;
    config.server_url = url;
    config.timeouts.answer = 20s;
    config.connection.reconnect.backoff.base = 200ms;
    config.connection.reconnect.backoff.cap = 5s;
    config.ticket.backoff.base = 100ms;
    client_ = std::make_unique<chat_client>(executor, std::move(config));
}

awaitable<json_text> user::echo(std::weak_ptr<user> whose, std::string call_id) {
    const auto self = whose.lock();
    if (!self) co_return json_text();
    ++self->found_->tools;
    bool first = false;
    {
        const std::lock_guard lock(self->tools_mutex_);
        first = self->tools_run_.insert(call_id).second;
    }
    if (!first) self->found_->broke("I10", call_id + " ran twice");
    if (call_id.ends_with('7')) throw std::runtime_error("a tool that fails");
    co_return json_text();
}

awaitable<void> user::pause(std::shared_ptr<user> self, std::chrono::milliseconds how_long) {
    self->timer_.expires_after(how_long);
    co_await self->timer_.async_wait(asio::use_awaitable);
}

void user::ended(steady::time_point began, std::chrono::seconds bound, std::string_view what) {
    ++found_->operations;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - began);
    long known = found_->slowest_ms;
    while (took.count() > known && !found_->slowest_ms.compare_exchange_weak(known, took.count()))
        continue;
    if (took > bound + grace) found_->broke("I2", fmt::format("{} took {} ms", what, took.count()));
    if (!strand_.running_in_this_thread())
        found_->broke("I1", fmt::format("{} ended elsewhere", what));
}

awaitable<void> user::say(std::shared_ptr<user> self, bool ask) {
    const auto number = self->next_message();
    const auto began = steady::now();
    auto content = fmt::format("{} hello", number);
    told what = told::nothing;
    try {
        if (ask) {
            co_await self->client_->ask(std::move(content));
            what = told::answered;
        } else {
            co_await self->client_->send_message(std::move(content));
            what = told::sent;
        }
    } catch (const client_error& failed) {
        ++self->found_->failures;
        what = told_by(failed);
    }
    self->found_->message(number, what);
    // An ask waits for its turn as long as those before it, and a send 30 s.
    self->ended(began, ask ? 60s : 30s, ask ? "ask" : "send_message");
}

awaitable<void> user::other(std::shared_ptr<user> self, unsigned what) {
    const auto began = steady::now();
    try {
        if (what == 0) {
            co_await self->client_->reconnect();
        } else if (what == 1) {
            co_await self->client_->refresh_ticket_and_reconnect();
        } else if (what == 2) {
            co_await self->client_->disconnect();
        } else if (what == 3) {
            auto merge = json_text::parse(R"({"page":"home"})");
            co_await self->client_->update_context_helpers(std::move(merge));
        } else {
            self->client_->notify_network_change();
        }
    } catch (const client_error&) {
        ++self->found_->failures;
    }
    self->ended(began, 30s, fmt::format("operation {}", what));
}

awaitable<void> user::act(std::shared_ptr<user> self) {
    if (!self->client_->is_connected()) {
        const auto began = steady::now();
        try {
            co_await self->client_->init();
        } catch (const client_error&) {
            ++self->found_->failures;
        }
        self->ended(began, 30s, "init");
        if (!self->listening_) {
            self->listening_ = true;
            self->lost_ = false;
            asio::co_spawn(self->strand_, listen(self), [self](const std::exception_ptr& thrown) {
                if (thrown) self->found_->broke("I1", "next_event threw");
                self->listening_ = false;
                self->listening_done_.cancel();
            });
        }
    }
    const auto dice = self->chance(100);
    if (dice < 55) co_return co_await say(self, false);
    if (dice < 85) co_return co_await say(self, true);
    if (dice < 88) co_return co_await other(self, 0);
    if (dice < 90) co_return co_await other(self, 1);
    if (dice < 92) co_return co_await other(self, 2);
    if (dice < 97) co_return co_await other(self, 3);
    co_await other(self, 4);
}

void user::happened(const event& what) {
    if (const auto* lost = std::get_if<connection_lost>(&what)) {
        ++found_->losses;
        if (std::exchange(lost_, true)) found_->broke("I9", "lost twice");
        (void)lost;
    } else if (std::holds_alternative<connection_restored>(what)) {
        if (!std::exchange(lost_, false)) found_->broke("I9", "restored, and was not lost");
    }
}

awaitable<void> user::listen(std::shared_ptr<user> self) {
    for (;;) {
        auto got = co_await self->client_->next_event();
        if (!got) co_return;
        self->happened(*got);
    }
}

awaitable<void> user::live(std::shared_ptr<user> self, steady::time_point until) {
    auto whose = std::weak_ptr<user>(self);
    auto run = [whose](tool_call call) { return echo(whose, call.call_id()); };
    auto schema = json_text::parse(R"({"type":"object"})");
    tool known("echo", "Echo", std::move(schema), std::move(run));
    co_await self->client_->add_client_tool(std::move(known));
    // Not all at once.
    const auto soon =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - steady::now()) / 4;
    co_await pause(self, soon * self->chance(1'000) / 1'000);
    while (steady::now() < until) {
        co_await act(self);
        co_await pause(self, std::chrono::milliseconds(200 + self->chance(6'000)));
    }
    co_await other(self, 2);
    if (self->listening_) {
        self->listening_done_.expires_after(grace);
        boost::system::error_code ignored;
        co_await self->listening_done_.async_wait(
            asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (self->listening_) self->found_->broke("I4", "next_event did not end with disconnect");
    self->client_.reset();
}

} // namespace parley::load
