#pragma once

#include <parley/chat_message.hpp>
#include <parley/error.hpp>

#include "core/clock.hpp"
#include "dialect/parley/run_fsm.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace parley {

/// One call of `ask`, from its turn to its answer.
class pending_ask {
public:
    explicit pending_ask(bool in_pieces) : streams(in_pieces) {}

    /// How long after `stop_run` the end of the run may take.
    static constexpr std::chrono::seconds stop_limit{10};

    const bool streams;
    run_fsm::run_id run = 0;
    answer collected;
    std::size_t bytes = 0; ///< of `collected`, up to `limits_config::answer_bytes`
    std::string pieces;    ///< of a streamed ask: the text not handed over yet
    bool done = false;
    std::optional<error_info> error;
    time_point silent_since{};                    ///< the last event of its run
    time_point stop_deadline = time_point::max(); ///< since `stop_run`
};

} // namespace parley
