#pragma once

#include <parley/chat_message.hpp>
#include <parley/error.hpp>

#include "core/clock.hpp"
#include "policy/run_fsm.hpp"

#include <optional>
#include <string>

namespace parley {

/// One call of `ask`, from its turn to its answer.
class ask_call {
public:
    run_fsm::run_id run = 0;
    answer collected;
    bool done = false;
    std::optional<error_info> error;
    time_point silent_since{};                    ///< the last event of its run
    time_point stop_deadline = time_point::max(); ///< the end is due since `stop_run`
};

} // namespace parley
