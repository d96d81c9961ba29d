#pragma once

#include <parley/config.hpp>
#include <parley/event.hpp>
#include <parley/json_text.hpp>

#include "core/clock.hpp"

#include <boost/container/small_vector.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace parley {

// The states of a tool call (doc/protocol.md 2.5):
//
//   requested --unknown, invalid, no room, stopping--> answered
//             --a slot is free--> running --ended, out of time, stopping--> answered
//             --else--> waiting --a slot is free--> running
//
// A call is its callId, its name and its parameters together (`call_identity`): models number their
// calls anew in each turn. A call runs at most once. A repeat while it waits or runs joins it: one
// answer for all. A repeat after that gets the first answer again, from a memory that forgets the
// least recently used answer. Refusals are not remembered: nothing ran. An answer that the server
// cannot take (it closes with 1009) is replaced by an error. A run that is out of time gives its
// slot back at once, whether or not its handler takes notice; so many that do not are stuck, and no
// more calls are taken.

/// The answer to the server: a result, or else an error.
class tool_answer {
public:
    tool_answer() = default;
    explicit tool_answer(json_text value) : result(std::move(value)) {}
    tool_answer(tool_outcome why, std::string text) : outcome(why), error(std::move(text)) {}

    friend bool operator==(const tool_answer&, const tool_answer&) = default;

    tool_outcome outcome = tool_outcome::succeeded;
    std::optional<json_text> result;
    std::string error;
};

struct tool_limits {
    unsigned max_running = tool_config().max_running;
    unsigned max_waiting = tool_config().max_waiting;
    std::size_t waiting_bytes = 8u << 20; ///< of the requests that wait
    unsigned max_stuck = 64;              ///< out of time, and still not ended
    std::size_t remembered = 1'024;
    std::size_t remembered_bytes = 16u << 20; ///< of the answers; the last one always stays
};

/// Names one request; the driver counts them, from 1.
using tool_request_id = std::uint64_t;

/// Equal for two requests of one call. Parameters are compared as they are spelled. Empty for an
/// empty callId, which identifies nothing.
std::string call_identity(std::string_view call_id, bool numeric_id, std::string_view name,
                          std::string_view parameters);

namespace tool_input {
struct requested {
    tool_request_id id = 0;
    std::string call_id;
    bool numeric_id = false;
    std::string name;
    std::string identity; ///< of the call; empty: it repeats none
    bool known = true;    ///< there is such a tool
    bool valid = true;    ///< its parameters are an object
    std::chrono::milliseconds timeout = tool_config().timeout;
    unsigned max_running = 0;            ///< of this tool; 0: no limit of its own
    std::optional<unsigned> max_waiting; ///< likewise
    std::size_t bytes = 0;               ///< of the request
};
struct ended { ///< the handler has returned or thrown
    tool_request_id id = 0;
    tool_answer answer;
};
struct time_passed {};
struct stopping {};  ///< no call is taken any more
struct restarted {}; ///< calls are taken again
struct forgotten {}; ///< the remembered answers are dropped
struct too_large {   ///< the answer to that request is larger than the server takes
    tool_request_id id = 0;
};
} // namespace tool_input

using tool_input_t = std::variant<tool_input::requested, tool_input::ended, tool_input::time_passed,
                                  tool_input::stopping, tool_input::restarted,
                                  tool_input::forgotten, tool_input::too_large>;

/// Which answer to its call an answer is.
enum class answer_turn {
    first,
    again,  ///< the first one once more, to a repeat
    instead ///< an error in place of one that was too large
};

namespace tool_action {
struct run { ///< call the handler
    tool_request_id id = 0;
    time_point deadline;
    bool operator==(const run&) const = default;
};
struct answer { ///< send it to the server; the request is over
    tool_request_id id = 0;
    std::string call_id;
    bool numeric_id = false;
    std::string name;
    tool_answer what;
    std::chrono::milliseconds duration{}; ///< of the run
    answer_turn turn = answer_turn::first;
    bool operator==(const answer&) const = default;
};
struct cancel { ///< the handler is to end; its outcome is of no interest any more
    tool_request_id id = 0;
    bool operator==(const cancel&) const = default;
};
struct join { ///< the same call is under way; its answer will be this request's too
    tool_request_id id = 0;
    bool operator==(const join&) const = default;
};
} // namespace tool_action

using tool_action_t =
    std::variant<tool_action::run, tool_action::answer, tool_action::cancel, tool_action::join>;
using tool_actions = boost::container::small_vector<tool_action_t, 2>; // seldom more

class tool_call_fsm {
public:
    explicit tool_call_fsm(tool_limits limits);
    tool_call_fsm(const tool_call_fsm&) = delete;
    tool_call_fsm& operator=(const tool_call_fsm&) = delete;
    ~tool_call_fsm() = default;

    tool_actions resume(time_point now, tool_input_t input);

    /// When `time_passed` is due; max: no call runs.
    time_point next_deadline() const noexcept;
    bool running() const noexcept { return !running_.empty(); }
    std::size_t waiting() const noexcept { return waiting_.size(); }
    std::size_t remembered() const noexcept { return order_.size(); }
    std::uint64_t forgotten() const noexcept { return forgotten_; } ///< answers, for lack of room

private:
    using actions = tool_actions;
    struct run {
        tool_input::requested request;
        time_point started;
        time_point deadline;
    };
    struct memory {
        std::string identity;
        tool_action::answer answer; ///< to a repeat; `id` of the last request that got it
        std::size_t bytes() const noexcept;
    };

    void on(time_point now, tool_input::requested& in, actions& out);
    void on(time_point now, tool_input::ended& in, actions& out);
    void on(time_point now, tool_input::time_passed& in, actions& out);
    void on(time_point now, tool_input::stopping& in, actions& out);
    void on(time_point now, tool_input::restarted& in, actions& out);
    void on(time_point now, tool_input::forgotten& in, actions& out);
    void on(time_point now, tool_input::too_large& in, actions& out);

    bool may_run(const tool_input::requested& request) const;
    bool may_wait(const tool_input::requested& request) const;
    void start(time_point now, tool_input::requested request, actions& out);
    void start_waiting(time_point now, actions& out);
    /// Answers a run, and calls its handler off.
    void give_up(time_point now, run given_up, tool_outcome why, actions& out);
    void refuse(tool_input::requested request, tool_outcome why, actions& out);
    void answer(tool_input::requested request, std::chrono::milliseconds duration, tool_answer what,
                actions& out);
    void remember(std::string identity, tool_action::answer answered);
    void forget_oldest();
    bool under_way(const std::string& identity) const;

    tool_limits limits_;
    bool stopping_ = false;
    std::vector<run> running_; // in their order
    std::list<tool_input::requested> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::set<tool_request_id> stuck_;

    std::list<memory> order_; // the least recently used first
    std::unordered_map<std::string_view, std::list<memory>::iterator> remembered_; // by identity
    std::size_t remembered_bytes_ = 0;
    std::uint64_t forgotten_ = 0;
};

} // namespace parley
