#pragma once

#include <parley/chat_message.hpp>
#include <parley/error.hpp>
#include <parley/event.hpp>

#include "core/clock.hpp"
#include "dialect/parley/run_fsm.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace parley {

/// One call of `ask`, from its turn to its answer.
class pending_ask {
public:
    explicit pending_ask(bool in_pieces) : streams(in_pieces) {}

    /// How long after `stop_run` the end of the run may take.
    static constexpr std::chrono::seconds stop_limit{10};

    /// Adds to the answer what an event of the run brings. False, and nothing is added, when the
    /// answer would be larger than `most` bytes.
    bool add(const event& happened, std::size_t most);

    /// The first end counts.
    void end(result<void> how) {
        if (!outcome) outcome = std::move(how);
    }
    bool over() const noexcept { return outcome.has_value(); }
    bool answered() const noexcept { return outcome && outcome->has_value(); }

    const bool streams;
    run_fsm::run_id run = 0;
    answer collected;
    std::string pieces;                           ///< of a streamed ask: not handed over yet
    std::optional<result<void>> outcome;          ///< once it is over
    time_point silent_since{};                    ///< the last event of its run
    time_point stop_deadline = time_point::max(); ///< since `stop_run`

private:
    std::size_t bytes_ = 0; // of `collected`
};

} // namespace parley
