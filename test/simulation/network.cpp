#include "simulation/network.hpp"

#include "async/condition.hpp"
#include "simulation/socket.hpp"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace parley::simulation {

namespace {

using socket_ptr = std::shared_ptr<network_of_seeds::socket>;
using namespace std::chrono_literals;

error_info broken(phase where) {
    error_details details;
    details.phase = where;
    details.retryable = true;
    return error_info(errc::connection_reset, "The connection broke.", details);
}

error_info aborted(phase where) {
    error_details details;
    details.phase = where;
    return error_info(asio::error::operation_aborted, "The connection was closed by this side.",
                      details);
}

error_info failed(errc why, phase where) {
    error_details details;
    details.phase = where;
    details.retryable = true;
    return error_info(why, "The network says no.", details);
}

error_info refused(const far_end::upgrade_answer& answer) {
    error_details details;
    details.phase = phase::upgrade;
    if (!answer.valid)
        return error_info(errc::handshake_violation, "The answer is no WebSocket's.", details);
    details.http_status = answer.status;
    if (answer.retry_after > 0) details.retry_after = std::chrono::seconds(answer.retry_after);
    return error_info(errc::upgrade_failed, "The upgrade was refused.", details);
}

awaitable<void> wait_a_while(socket_ptr s, std::chrono::milliseconds time) {
    const auto until = s->in.now() + time;
    while (!s->aborted && !s->broken && s->in.now() < until)
        co_await s->changed->wait_until(until);
}

constexpr std::array steps_of_connecting{phase::resolve, phase::tcp, phase::tls, phase::upgrade};

// Where this attempt gets stuck or turned away, and as what.
struct obstacle {
    phase where = phase::none;
    std::optional<error_info> why; // none: it gets stuck
};

obstacle obstacle_of(world& in, bool reachable) {
    if (!reachable) return {phase::tcp, failed(errc::connect_failed, phase::tcp)};
    if (in.happens(fault::lookup_fails, 3))
        return {phase::resolve, failed(errc::resolve_failed, phase::resolve)};
    if (in.happens(fault::tcp_refused, 4))
        return {phase::tcp, failed(errc::connect_failed, phase::tcp)};
    if (in.happens(fault::tls_fails, 3)) {
        auto why = failed(errc::tls_failed, phase::tls);
        return {phase::tls, std::move(why)};
    }
    if (in.happens(fault::connect_stalls, 4)) {
        const auto where = steps_of_connecting[in.faults.below(steps_of_connecting.size())];
        // A transport has deadlines of its own for these two.
        if (where == phase::resolve) return {where, failed(errc::resolve_timeout, where)};
        if (where == phase::tcp) return {where, failed(errc::connect_timeout, where)};
        return {where, std::nullopt};
    }
    return {};
}

awaitable<result<void>> connect_through(socket_ptr s, std::shared_ptr<const connect_request> to) {
    const auto before = obstacle_of(s->in, s->server.reachable());
    for (const phase now : steps_of_connecting) {
        s->listener->on_phase(now);
        auto latency = s->in.faults.ms(1, 80);
        const bool here = before.where == now;
        if (here && before.why &&
            (before.why->is(errc::resolve_timeout) || before.why->is(errc::connect_timeout)))
            latency = 5s;
        if (here && !before.why) latency = 1h;
        co_await wait_a_while(s, latency);
        if (s->aborted) co_return aborted(now);
        if (here && before.why) co_return *before.why;
    }
    if (!s->server.reachable()) co_return broken(phase::upgrade);
    const auto answer = s->server.upgrade(to->target);
    s->listener->on_bytes(128, false);
    if (s->aborted) co_return aborted(phase::upgrade);
    if (answer.status != 101 || !answer.valid) co_return refused(answer);
    co_return result<void>();
}

awaitable<result<void>> connect(socket_ptr s, std::shared_ptr<const connect_request> to) {
    const operation_mark mark(*s, s->connecting, "connect");
    s->tap.dialing(s->number, to->target);
    const auto outcome = co_await connect_through(s, to);
    if (!outcome) {
        s->tap.dial_failed(s->number, outcome.error());
        co_return outcome;
    }
    s->open = true;
    s->tap.dial_done(s->number);
    s->plan_faults();
    s->server.opened(s->far);
    co_return result<void>();
}

// Hands over what has arrived. True when a whole message was among it.
bool take_arrived(const socket_ptr& s) {
    bool handed = false;
    while (!s->aborted && !s->broken && !s->end && !s->inbound.empty() &&
           s->inbound.front().at <= s->in.now() && (!handed || s->listener->wants_more()))
        handed = s->take_one() || handed;
    return handed;
}

awaitable<result<void>> read(socket_ptr s) {
    const operation_mark mark(*s, s->reading, "read");
    for (;;) {
        if (s->aborted) co_return aborted(phase::session);
        if (s->end) co_return *s->end;
        if (s->broken) co_return broken(phase::session);
        if (take_arrived(s)) co_return result<void>();
        if (s->aborted || s->end || s->broken) continue;
        const auto until = s->inbound.empty() ? time_point::max() : s->inbound.front().at;
        if (s->in.now() < until) co_await s->changed->wait_until(until);
    }
}

awaitable<result<void>> write(socket_ptr s, std::string_view text) {
    s->tap.write_began(s->number, text);
    // The window of a peer that does not read fills up; what is written by then may be all of it.
    const bool stalls = s->in.happens(fault::write_stalls, 0.7);
    const bool all_went_out = s->in.faults.percent(50);
    std::chrono::milliseconds takes{0};
    if (stalls)
        takes = s->in.faults.percent(70) ? s->in.faults.ms(500, 9'000) : 90'000ms;
    else if (s->in.faults.percent(20))
        takes = s->in.faults.ms(1, 30);
    co_await wait_a_while(s, takes);
    if (s->aborted || s->broken) {
        if (all_went_out) s->send_off(std::string(text));
        co_return s->aborted ? aborted(phase::session) : broken(phase::session);
    }
    if (text.size() >= s->outbound_left) { // in the middle of it
        s->break_off();
        co_return broken(phase::session);
    }
    s->outbound_left -= text.size();
    s->send_off(std::string(text));
    s->tap.written(s->number, text);
    co_return result<void>();
}

result<void> ping(socket_ptr s) {
    s->arrive(inbound_item(inbound_item::kind::pong), s->in.faults.ms(2, 120));
    return {};
}

result<void> close(socket_ptr s) {
    s->closing = true;
    s->send_close();
    return {};
}

awaitable<result<void>> flush(socket_ptr s) {
    const operation_mark mark(*s, s->writing, "flush");
    if (s->aborted) co_return aborted(phase::session);
    if (s->broken) co_return broken(phase::session);
    const auto frame = std::exchange(s->begun, outbound_frame());
    if (frame.what == outbound_frame::kind::ping) co_return ping(s);
    if (frame.what == outbound_frame::kind::close) co_return close(s);
    co_return co_await write(s, frame.text);
}

class simulated_transport final : public transport {
public:
    simulated_transport(socket_ptr socket, std::shared_ptr<std::size_t> alive)
        : socket_(std::move(socket)), alive_(std::move(alive)) {
        ++*alive_;
    }
    simulated_transport(const simulated_transport&) = delete;
    simulated_transport& operator=(const simulated_transport&) = delete;
    ~simulated_transport() override {
        if (socket_->reading || socket_->writing || socket_->connecting)
            socket_->in.broke("I4", "a transport was destroyed with an operation on");
        socket_->let_go();
        --*alive_;
    }

    awaitable<result<void>> connect(std::shared_ptr<const connect_request> request) override {
        return simulation::connect(socket_, std::move(request));
    }
    awaitable<result<void>> read() override { return simulation::read(socket_); }
    result<bool> write(std::string_view text, message_kind) override {
        return begin(outbound_frame::kind::message, text);
    }
    result<bool> ping() override { return begin(outbound_frame::kind::ping); }
    result<bool> close(unsigned) override { return begin(outbound_frame::kind::close); }
    awaitable<result<void>> flush() override { return simulation::flush(socket_); }
    void abort() noexcept override { socket_->abort(); }

private:
    bool begin(outbound_frame::kind what, std::string_view text = {}) {
        socket_->begun.what = what;
        socket_->begun.text = text;
        return false; // every frame takes a flush
    }

    socket_ptr socket_;
    std::shared_ptr<std::size_t> alive_;
};

} // namespace

network_of_seeds::network_of_seeds(world& in, far_end& server, wire_tap& tap)
    : world_(in), server_(server), tap_(tap) {}

network_of_seeds::~network_of_seeds() = default;

std::unique_ptr<transport> network_of_seeds::make(asio::any_io_executor executor,
                                                  transport_listener& listener, bool) {
    auto made = std::make_shared<socket>(world_, server_, tap_, ++last_);
    made->listener = &listener;
    made->changed = std::make_unique<condition>(std::move(executor), world_.clock);
    made->far = make_peer(made);
    std::erase_if(sockets_, [](const auto& one) { return one.expired(); });
    sockets_.push_back(made);
    return std::make_unique<simulated_transport>(std::move(made), alive_);
}

std::size_t network_of_seeds::alive() const noexcept { return *alive_; }

void network_of_seeds::reset_all() {
    for (const auto& weak : sockets_)
        if (const auto one = weak.lock()) one->break_off();
}

void network_of_seeds::freeze_all() {
    for (const auto& weak : sockets_)
        if (const auto one = weak.lock(); one && one->open) one->frozen = true;
}

} // namespace parley::simulation
