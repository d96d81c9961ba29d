#include "simulation/socket.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace parley::simulation {

namespace {

using namespace std::chrono_literals;

error_info closed_with(unsigned code) {
    error_details details;
    details.close_code = code;
    details.phase = phase::session;
    details.retryable = code != 1000;
    return error_info(errc::connection_closed, "The server closed the connection.", details);
}

class far_peer final : public peer {
public:
    explicit far_peer(const std::shared_ptr<network_of_seeds::socket>& of)
        : number_(of->number), socket_(of) {}

    std::uint64_t number() const override { return number_; }
    bool alive() const override {
        const auto s = socket_.lock();
        return s && !s->broken && !s->aborted && !s->told;
    }
    void send(std::string text) override {
        const auto s = socket_.lock();
        if (!s) return;
        inbound_item one(inbound_item::kind::text);
        one.size = text.size() + (text.size() < 126 ? 2 : 4); // RFC 6455 section 5.2
        one.text = std::move(text);
        if (s->in.happens(fault::drip, 0.5)) {
            one.piece = s->in.faults.between(1, 9);
            one.pause = s->in.faults.percent(20) ? 3'000ms : s->in.faults.ms(1, 300);
        }
        auto latency = s->in.faults.ms(2, 60);
        if (s->in.happens(fault::inbound_stalls, 0.4)) latency = s->in.faults.ms(3'000, 50'000);
        s->arrive(std::move(one), latency);
    }
    void send_binary(std::size_t size) override {
        const auto s = socket_.lock();
        if (!s) return;
        inbound_item one(inbound_item::kind::binary);
        one.size = size + 2;
        s->arrive(std::move(one), s->in.faults.ms(2, 60));
    }
    void close(unsigned code) override { end(inbound_item::kind::close, code); }
    void begin_close() override { end(inbound_item::kind::close_started, 0); }
    void reset() override {
        if (const auto s = socket_.lock()) s->break_off();
    }
    void freeze() override {
        if (const auto s = socket_.lock()) s->frozen = true;
    }

private:
    void end(inbound_item::kind how, unsigned code) {
        const auto s = socket_.lock();
        if (!s) return;
        inbound_item one(how);
        one.code = code;
        one.size = 4;
        s->arrive(std::move(one), s->in.faults.ms(2, 60));
    }

    const std::uint64_t number_;
    std::weak_ptr<network_of_seeds::socket> socket_;
};

} // namespace

std::shared_ptr<peer> make_peer(const std::shared_ptr<network_of_seeds::socket>& of) {
    return std::make_shared<far_peer>(of);
}

operation_mark::operation_mark(network_of_seeds::socket& of, bool& which, std::string_view name)
    : which_(which) {
    if (which_) of.in.broke("transport", fmt::format("a second {} at the same time", name));
    which_ = true;
}

void network_of_seeds::socket::plan_faults() {
    if (in.happens(fault::reset_while_reading, 6)) inbound_left = in.faults.between(0, 4'000);
    if (in.happens(fault::reset_while_writing, 6)) outbound_left = in.faults.between(0, 3'000);
    if (in.happens(fault::half_open, 3)) {
        const auto self = weak_from_this();
        in.in(in.faults.ms(1, 60'000), [self] {
            if (const auto s = self.lock()) s->frozen = true;
        });
    }
}

void network_of_seeds::socket::arrive(inbound_item one, std::chrono::milliseconds latency) {
    if (broken || aborted || frozen || !changed) return;
    inbound_free = std::max(inbound_free, in.now() + latency);
    one.at = inbound_free;
    inbound.push_back(std::move(one));
    if (inbound.size() == 1) notify();
}

bool network_of_seeds::socket::take_one() {
    auto& next = inbound.front();
    auto count = std::min(next.piece, next.size - next.got);
    if (count >= inbound_left) {
        if (inbound_left > 0) listener->on_bytes(static_cast<std::size_t>(inbound_left), true);
        break_off();
        return false;
    }
    inbound_left -= count;
    next.got += count;
    if (next.got < next.size) {
        next.at = in.now() + next.pause;
        listener->on_bytes(count, true);
        return false;
    }
    auto whole = std::move(next);
    inbound.pop_front();
    listener->on_bytes(count, false);
    if (aborted) return false;
    const bool message =
        whole.what == inbound_item::kind::text || whole.what == inbound_item::kind::binary;
    hand_over(std::move(whole));
    return message;
}

void network_of_seeds::socket::hand_over(inbound_item one) {
    switch (one.what) {
    case inbound_item::kind::text: {
        tap.delivered(number, one.text, closing);
        const auto length = one.text.size();
        one.text.append(message_padding, '\0');
        return listener->on_text(std::string_view(one.text).substr(0, length));
    }
    case inbound_item::kind::binary:
        tap.delivered_binary(number, closing);
        return listener->on_binary(std::string(one.size, 'b'));
    case inbound_item::kind::pong:
        return listener->on_pong();
    case inbound_item::kind::close:
        listener->on_close_started();
        end = closed_with(one.code);
        tap.ended(number, *end);
        return deliver_to_server();
    case inbound_item::kind::close_started:
        return listener->on_close_started();
    }
}

void network_of_seeds::socket::send_off(std::string text) {
    outbound_free = std::max(outbound_free, in.now() + in.faults.ms(1, 60));
    outbound.push_back({outbound_free, std::move(text)});
    in.at(outbound_free, [self = shared_from_this()] { self->deliver_to_server(); });
}

void network_of_seeds::socket::send_close() {
    outbound_free = std::max(outbound_free, in.now() + in.faults.ms(1, 60));
    outbound.push_back({outbound_free, std::nullopt});
    in.at(outbound_free, [self = shared_from_this()] { self->deliver_to_server(); });
}

// What was sent before the end still arrives, unless the network lost it.
void network_of_seeds::socket::deliver_to_server() {
    while (!outbound.empty() && outbound.front().at <= in.now()) {
        const auto next = std::move(outbound.front());
        outbound.pop_front();
        if (frozen || told) continue;
        if (next.text) {
            server.on_text(number, *next.text);
            continue;
        }
        told = true;
        server.gone(number);
        inbound_item answer(inbound_item::kind::close);
        answer.code = 1000;
        if (!in.happens(fault::close_unfinished, 10)) arrive(std::move(answer), 20ms);
    }
}

void network_of_seeds::socket::break_off() {
    if (broken) return;
    broken = true;
    inbound.clear();
    outbound.clear();
    notify();
    if (open && !std::exchange(told, true)) server.gone(number);
    if (open && !end && !aborted) {
        error_details details;
        details.phase = phase::session;
        tap.ended(number, error_info(errc::connection_reset, "The connection broke.", details));
    }
}

void network_of_seeds::socket::abort() {
    if (aborted) return;
    aborted = true;
    notify();
    // The server learns of it from TCP, unless nothing gets there.
    in.later([self = shared_from_this()] {
        if (self->open && !self->frozen && !std::exchange(self->told, true))
            self->server.gone(self->number);
    });
}

void network_of_seeds::socket::let_go() {
    aborted = true;
    listener = nullptr;
    changed.reset(); // it holds the executor, which may not outlive its context
    inbound.clear();
    if (open && !frozen && !std::exchange(told, true)) server.gone(number);
}

} // namespace parley::simulation
