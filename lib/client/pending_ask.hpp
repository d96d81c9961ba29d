#pragma once

#include <parley/chat_message.hpp>
#include <parley/error.hpp>

#include "core/clock.hpp"
#include "policy/run_fsm.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace parley {

/// One call of `ask`, from its turn to its answer.
class pending_ask {
public:
    explicit pending_ask(bool in_pieces) : streams(in_pieces) {}

    /// After `stop_run` the run still ends. When it does not within this, it is given up.
    static constexpr std::chrono::seconds stop_limit{10};

    const bool streams;
    run_fsm::run_id run = 0;
    answer collected;
    std::size_t bytes = 0; ///< of it, which have a limit
    std::string pieces;    ///< of its text, for who streams: those not handed over yet
    bool done = false;
    std::optional<error_info> error;
    time_point silent_since{};                    ///< the last event of its run
    time_point stop_deadline = time_point::max(); ///< the end is due since `stop_run`
};

} // namespace parley
