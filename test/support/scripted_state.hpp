#pragma once

#include "async/condition.hpp"
#include "support/scripted_transport.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// What a scripted connection is made of: for scripted_transport.cpp alone.

namespace parley::test {

namespace scripted {

struct text_step {
    std::string text;
};
struct binary_step {
    std::size_t size = 0;
};
struct bytes_step {
    std::size_t count = 0;
    bool message_open = false;
};
struct delay_step {
    std::chrono::milliseconds delay{};
    std::optional<time_point> until; // since the step was reached
};
struct write_step {
    std::string part;
};
struct ping_step {};
struct close_started_step {};
struct end_step {
    error_info why;
};
using step = std::variant<text_step, binary_step, bytes_step, delay_step, write_step, ping_step,
                          close_started_step, end_step>;

/// One that the client sends.
struct scripted_frame {
    enum class kind { message, ping, close };
    kind what;
    std::string text{};
    unsigned code = 0;
};

inline error_info closed_with(unsigned code) {
    error_details details;
    details.close_code = code;
    details.phase = phase::ready;
    details.retryable = true;
    return error_info(errc::connection_closed, "The server closed the connection.", details);
}

inline error_info retryable(errc why) {
    error_details details;
    details.retryable = true;
    return error_info(why, "As the script says.", details);
}

} // namespace scripted

using namespace scripted;

class scripted_transports::shared {
public:
    explicit shared(std::shared_ptr<clock_source> from) : clock(std::move(from)) {}

    std::optional<error_info> begin_operation() {
        ++operations;
        if (operations != failing) return std::nullopt;
        return retryable(failure);
    }

    std::shared_ptr<clock_source> clock;
    std::size_t operations = 0;
    std::size_t failing = 0;
    errc failure = errc::connection_reset;
    std::size_t alive = 0;
    std::size_t dialing = 0;
    std::size_t dialing_at_most = 0;
    std::vector<std::string> violations;
};

class scripted_connection::state {
public:
    void add(step next) {
        steps.push_back(std::move(next));
        notify();
    }

    void notify() {
        if (changed) changed->notify_all();
    }

    awaitable<void> wait(time_point until = time_point::max()) {
        return changed->wait_until(until);
    }

    void violate(std::string what) { common->violations.push_back(std::move(what)); }

    /// Takes steps until one has to be waited for. True when a message was handed over.
    bool take(transport_listener& listener) {
        bool handed = false;
        while (!end && !steps.empty() && (!handed || listener.wants_more()) &&
               take_one(listener, handed)) {
        }
        return handed;
    }

    bool take_one(transport_listener& listener, bool& handed) {
        if (!due()) return false;
        if (const auto* wanted = std::get_if<write_step>(&steps.front()))
            writes_seen = place_of(wanted->part) + 1;
        if (std::holds_alternative<ping_step>(steps.front())) ++pings_seen;
        carried_bytes();
        const step taken = std::move(steps.front()); // a listener may add steps
        steps.pop_front();
        hand_over(taken, listener, handed);
        return true;
    }

    /// The next step need not be waited for any more.
    bool due() {
        wake_at = time_point::max();
        if (steps.empty()) return false;
        auto& next = steps.front();
        if (auto* delay = std::get_if<delay_step>(&next)) {
            const auto now = common->clock->now();
            if (!delay->until) delay->until = now + delay->delay;
            wake_at = *delay->until;
            return now >= wake_at;
        }
        if (const auto* wanted = std::get_if<write_step>(&next))
            return place_of(wanted->part) < writes.size();
        if (std::holds_alternative<ping_step>(next)) return pings_seen < pings;
        return true;
    }

    std::size_t place_of(std::string_view part) const {
        std::size_t place = writes_seen;
        while (place < writes.size() && writes[place].find(part) == std::string::npos)
            ++place;
        return place;
    }

    void hand_over(const step& taken, transport_listener& listener, bool& handed) {
        if (const auto* text = std::get_if<text_step>(&taken)) {
            handed = true;
            listener.on_bytes(text->text.size() + 2, false);
            const std::string padded = text->text + std::string(message_padding, '\0');
            listener.on_text(std::string_view(padded).substr(0, text->text.size()));
        } else if (const auto* blob = std::get_if<binary_step>(&taken)) {
            handed = true;
            listener.on_bytes(blob->size + 2, false);
            listener.on_binary(std::string(blob->size, 'b'));
        } else if (const auto* some = std::get_if<bytes_step>(&taken)) {
            listener.on_bytes(some->count, some->message_open);
        } else if (std::holds_alternative<close_started_step>(taken)) {
            listener.on_bytes(4, false);
            listener.on_close_started();
        } else if (const auto* last = std::get_if<end_step>(&taken)) {
            end = last->why;
        }
    }

    void carried_bytes() { last_bytes = common->clock->now(); }
    time_point idle_until() const {
        return idle_limit ? last_bytes + *idle_limit : time_point::max();
    }
    void look_at_idle_timeout() {
        if (!end && common->clock->now() >= idle_until()) end = retryable(errc::connection_reset);
    }

    bool takes() const { return !writes_held && !write_failure && !aborted; } // without a wait

    void take_frame() {
        const auto taken = *std::exchange(begun, std::nullopt);
        if (taken.what == scripted_frame::kind::message) {
            writes.push_back(taken.text);
        } else if (taken.what == scripted_frame::kind::ping) {
            ++pings;
            if (answers_pings) ++pongs_due;
        } else {
            closes.push_back(taken.code);
            if (answers_close && !end) end = closed_with(taken.code);
        }
        if (taken.what != scripted_frame::kind::close) carried_bytes();
        notify();
    }

    /// Waits as long as writes are held. The error to end with, if any.
    static awaitable<std::optional<error_info>> pass_gate(std::shared_ptr<state> self) {
        while (self->writes_held && !self->aborted)
            co_await self->wait();
        if (self->aborted) co_return retryable(errc::connection_reset);
        co_return std::exchange(self->write_failure, std::nullopt);
    }

    // the script
    std::optional<error_info> refusal;
    std::optional<phase> refused_in;
    std::optional<phase> held_phase;
    std::optional<std::chrono::milliseconds> idle_limit;
    std::deque<step> steps;
    bool answers_pings = true;
    bool answers_close = true;
    bool writes_held = false;
    bool at_once = false;
    std::optional<error_info> write_failure;

    // the connection
    std::shared_ptr<scripted_transports::shared> common;
    std::unique_ptr<condition> changed;
    std::optional<error_info> end; // of reading
    std::optional<scripted_frame> begun;
    std::size_t pongs_due = 0;
    std::size_t pings_seen = 0;
    std::size_t writes_seen = 0;
    time_point wake_at = time_point::max();
    time_point last_bytes{};
    bool reading = false;
    bool writing = false;
    bool connecting = false;

    // the record
    std::string target;
    std::vector<std::string> writes;
    std::size_t pings = 0;
    std::vector<unsigned> closes;
    bool made = false;
    bool connected = false;
    bool aborted = false;
    std::optional<error_info> when_aborted;
    bool destroyed = false;
};

} // namespace parley::test
