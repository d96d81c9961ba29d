#include "support/scripted_transport.hpp"

#include "async/condition.hpp"
#include "support/scripted_state.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <variant>

namespace parley::test {

namespace {

using state_ptr = std::shared_ptr<scripted_connection::state>;

// Marks one of the operations as being on, however it ends.
class running {
public:
    running(state_ptr of, bool scripted_connection::state::* which)
        : of_(std::move(of)), which_(which) {
        if ((*of_).*which_) of_->violate("two operations of one kind at the same time");
        if (of_->destroyed) of_->violate("an operation on a transport that is gone");
        (*of_).*which_ = true;
    }
    running(const running&) = delete;
    running& operator=(const running&) = delete;
    ~running() { (*of_).*which_ = false; }

private:
    state_ptr of_;
    bool scripted_connection::state::* which_;
};

class dial_count {
public:
    explicit dial_count(std::shared_ptr<scripted_transports::shared> in) : in_(std::move(in)) {
        in_->dialing_at_most = std::max(in_->dialing_at_most, ++in_->dialing);
    }
    dial_count(const dial_count&) = delete;
    dial_count& operator=(const dial_count&) = delete;
    ~dial_count() { --in_->dialing; }

private:
    std::shared_ptr<scripted_transports::shared> in_;
};

constexpr std::array phases{phase::resolve, phase::tcp, phase::tls, phase::upgrade};

awaitable<result<void>> do_connect(state_ptr self, transport_listener* listener,
                                   std::shared_ptr<const connect_request> request) {
    const running mark(self, &scripted_connection::state::connecting);
    const dial_count dialing(self->common);
    self->target = request->target;
    if (auto failed = self->common->begin_operation()) co_return *failed;
    for (const phase now : phases) {
        if (now == phase::tls && !request->server.secure()) continue;
        listener->on_phase(now);
        while (self->held_phase == now && !self->aborted)
            co_await self->wait();
        if (self->aborted) co_return retryable(errc::connection_reset);
        if (self->refusal && self->refused_in == now) break;
    }
    if (self->refusal) co_return *self->refusal;
    listener->on_bytes(128, false);
    self->connected = true;
    self->carried_bytes();
    co_return result<void>();
}

awaitable<result<void>> do_read(state_ptr self, transport_listener* listener) {
    const running mark(self, &scripted_connection::state::reading);
    if (auto failed = self->common->begin_operation()) co_return *failed;
    for (;;) {
        if (self->aborted) co_return self->when_aborted.value_or(retryable(errc::connection_reset));
        self->look_at_idle_timeout();
        if (self->end) co_return *self->end;
        if (self->pongs_due > 0) {
            --self->pongs_due;
            self->carried_bytes();
            listener->on_bytes(2, false);
            listener->on_pong();
            continue;
        }
        if (self->take(*listener)) co_return result<void>();
        if (self->end || self->aborted) continue;
        const auto next = self->steps.empty() ? time_point::max() : self->wake_at;
        co_await self->wait(std::min(next, self->idle_until()));
    }
}

awaitable<result<void>> do_flush(state_ptr self) {
    const running mark(self, &scripted_connection::state::writing);
    while (self->begun) {
        if (auto failed = self->common->begin_operation()) co_return *failed;
        auto stopped = co_await scripted_connection::state::pass_gate(self);
        if (stopped) co_return *stopped;
        self->take_frame();
    }
    co_return result<void>();
}

class scripted_transport : public transport {
public:
    scripted_transport(state_ptr script, transport_listener& listener)
        : state_(std::move(script)), listener_(listener) {
        ++state_->common->alive;
    }
    ~scripted_transport() override {
        if (state_->reading || state_->writing || state_->connecting)
            state_->violate("destroyed while an operation is on");
        state_->destroyed = true;
        state_->changed.reset(); // it holds the executor, which may not outlive its context
        state_->connected = false;
        --state_->common->alive;
    }

    awaitable<result<void>> connect(std::shared_ptr<const connect_request> request) override {
        return do_connect(state_, &listener_, std::move(request));
    }
    awaitable<result<void>> read() override { return do_read(state_, &listener_); }
    result<bool> write(std::string_view text, message_kind) override {
        return begin(scripted_frame{scripted_frame::kind::message, std::string(text)});
    }
    result<bool> ping() override { return begin(scripted_frame{scripted_frame::kind::ping}); }
    result<bool> close(unsigned code) override {
        return begin(scripted_frame{scripted_frame::kind::close, {}, code});
    }
    awaitable<result<void>> flush() override { return do_flush(state_); }
    void abort() noexcept override {
        state_->aborted = true;
        state_->notify();
    }

private:
    bool begin(scripted_frame next) {
        if (state_->begun) state_->violate("a frame was left begun");
        state_->begun = std::move(next);
        const bool taken = state_->at_once && state_->connected && state_->takes();
        if (taken) state_->take_frame();
        return taken;
    }

    state_ptr state_;
    transport_listener& listener_;
};

} // namespace

scripted_connection::scripted_connection() : state_(std::make_shared<state>()) {}

scripted_connection::~scripted_connection() = default;

scripted_connection& scripted_connection::refuse(error_info why) {
    state_->refusal = std::move(why);
    return *this;
}

scripted_connection& scripted_connection::refuse(errc why) { return refuse(retryable(why)); }

scripted_connection& scripted_connection::refuse_in(phase step, errc why) {
    state_->refused_in = step;
    return refuse(why);
}

scripted_connection& scripted_connection::refuse_status(int status, int retry_after) {
    error_details details;
    details.phase = phase::upgrade;
    details.http_status = status;
    if (retry_after > 0) details.retry_after = std::chrono::seconds(retry_after);
    return refuse(error_info(errc::upgrade_failed, "The upgrade was refused.", details));
}

scripted_connection& scripted_connection::hold(phase in) {
    state_->held_phase = in;
    return *this;
}

scripted_connection& scripted_connection::reply(std::string text) {
    state_->add(text_step{std::move(text)});
    return *this;
}

scripted_connection& scripted_connection::binary(std::size_t size) {
    state_->add(binary_step{size});
    return *this;
}

scripted_connection& scripted_connection::bytes(std::size_t count, bool message_open) {
    state_->add(bytes_step{count, message_open});
    return *this;
}

scripted_connection& scripted_connection::after(std::chrono::milliseconds delay) {
    state_->add(delay_step{delay, std::nullopt});
    return *this;
}

scripted_connection& scripted_connection::expect_write(std::string part) {
    state_->add(write_step{std::move(part)});
    return *this;
}

scripted_connection& scripted_connection::expect_ping() {
    state_->add(ping_step{});
    return *this;
}

scripted_connection& scripted_connection::idle_timeout(std::chrono::milliseconds limit) {
    state_->idle_limit = limit;
    return *this;
}

scripted_connection& scripted_connection::begin_close() {
    state_->add(close_started_step{});
    return *this;
}

scripted_connection& scripted_connection::fault(errc why) {
    state_->when_aborted = retryable(why);
    return begin_close();
}

scripted_connection& scripted_connection::close(unsigned code) {
    return fail_read(closed_with(code));
}

scripted_connection& scripted_connection::fail_read(error_info why) {
    state_->add(end_step{std::move(why)});
    return *this;
}

scripted_connection& scripted_connection::fail_read(errc why) { return fail_read(retryable(why)); }

void scripted_connection::write_at_once() { state_->at_once = true; }

void scripted_connection::hold_writes() { state_->writes_held = true; }

void scripted_connection::let_go() {
    state_->held_phase.reset();
    state_->writes_held = false;
    state_->notify();
}

void scripted_connection::fail_write(errc why) { state_->write_failure = retryable(why); }

scripted_connection& scripted_connection::ignore_pings() {
    state_->answers_pings = false;
    return *this;
}

scripted_connection& scripted_connection::ignore_close() {
    state_->answers_close = false;
    return *this;
}

const std::string& scripted_connection::target() const noexcept { return state_->target; }

const std::vector<std::string>& scripted_connection::writes() const noexcept {
    return state_->writes;
}

std::size_t scripted_connection::writes_with(std::string_view part) const {
    const auto& all = state_->writes;
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [part](const auto& one) {
        return one.find(part) != std::string::npos;
    }));
}

std::size_t scripted_connection::pings() const noexcept { return state_->pings; }
const std::vector<unsigned>& scripted_connection::closes() const noexcept { return state_->closes; }
bool scripted_connection::connected() const noexcept { return state_->connected; }
bool scripted_connection::made() const noexcept { return state_->made; }
bool scripted_connection::aborted() const noexcept { return state_->aborted; }
bool scripted_connection::destroyed() const noexcept { return state_->destroyed; }
bool scripted_connection::reading() const noexcept { return state_->reading; }
bool scripted_connection::finished() const noexcept { return state_->steps.empty(); }

scripted_transports::scripted_transports(std::shared_ptr<clock_source> clock)
    : shared_(std::make_shared<shared>(std::move(clock))) {}

scripted_transports::~scripted_transports() = default;

std::unique_ptr<transport> scripted_transports::make(asio::any_io_executor executor,
                                                     transport_listener& listener, bool) {
    if (made_ == connections_.size()) {
        auto& next = expect_connect();
        if (otherwise_) {
            otherwise_(next);
        } else {
            shared_->violations.push_back("a connection that the script does not expect");
            next.refuse(errc::connect_failed);
        }
    }
    const auto script = connections_[made_++].state_;
    script->common = shared_;
    script->changed = std::make_unique<condition>(std::move(executor), shared_->clock);
    script->made = true;
    return std::make_unique<scripted_transport>(script, listener);
}

scripted_connection& scripted_transports::expect_connect() { return connections_.emplace_back(); }

void scripted_transports::otherwise(std::function<void(scripted_connection&)> script) {
    otherwise_ = std::move(script);
}

scripted_connection& scripted_transports::at(std::size_t index) { return connections_.at(index); }

scripted_connection& scripted_transports::last() { return connections_.at(made_ - 1); }

void scripted_transports::fail_operation(std::size_t n, errc why) {
    shared_->failing = n;
    shared_->failure = why;
}

std::size_t scripted_transports::operations() const noexcept { return shared_->operations; }
std::size_t scripted_transports::made() const noexcept { return made_; }
std::size_t scripted_transports::alive() const noexcept { return shared_->alive; }

std::size_t scripted_transports::dialing_at_most() const noexcept {
    return shared_->dialing_at_most;
}

bool scripted_transports::finished() const {
    return made_ == connections_.size() &&
           std::all_of(connections_.begin(), connections_.end(),
                       [](const scripted_connection& one) { return one.finished(); });
}

const std::vector<std::string>& scripted_transports::violations() const noexcept {
    return shared_->violations;
}

} // namespace parley::test
