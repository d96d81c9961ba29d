#pragma once

#include <parley/secret.hpp>
#include <parley/ticket_manager.hpp>

#include "core/clock.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>

namespace parley {

/// The server's answers about tickets, each remembered for 30 s (doc/protocol.md 1.5).
class verdict_cache {
public:
    std::optional<ticket_validation> find(const secret& ticket, time_point now) {
        std::erase_if(all_, [now](const verdict& old) { return old.until <= now; });
        const auto found = std::ranges::find(all_, ticket, &verdict::ticket);
        return found == all_.end() ? std::nullopt : std::optional(found->answer);
    }

    void add(const secret& ticket, const ticket_validation& answer, time_point now) {
        if (all_.size() == most) all_.pop_front();
        all_.push_back({ticket, answer, after(now, lifetime)});
    }

private:
    struct verdict {
        secret ticket;
        ticket_validation answer;
        time_point until;
    };

    static constexpr std::chrono::seconds lifetime{30};
    static constexpr std::size_t most = 16;
    std::deque<verdict> all_;
};

} // namespace parley
