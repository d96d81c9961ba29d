#pragma once

#include "core/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace parley {

/// The run that the server works on, and the receiver of its events.
///
/// The protocol has no ids of runs (doc/protocol.md 2.6): a run lasts from a written `chat_message`
/// to the next `chat_finished` or `chat_error`. Runs end in the order in which their messages were
/// written.
class run_fsm {
public:
    using run_id = std::uint64_t;

    /// The receiver of a run's events.
    enum class listener { everybody, asker, nobody };

    /// Adds the run of a message that is about to be queued, with its `provider_res_id`.
    run_id add(listener who, std::optional<std::string> provider_res_id);
    /// The same for a message that begins a conversation, and leaves the previous one.
    run_id add_first(listener who);
    void writing(run_id run); ///< its frame is being written: from now on it may have events
    void written(run_id run); ///< its frame was written completely
    void drop(run_id run);    ///< it was not sent, or no more events are expected
    /// Its asker was cancelled. The run continues, and its events go to next_event.
    void disown(run_id run);
    /// Its asker was cancelled, and the server was asked to stop it. Its events are dropped. It is
    /// dropped when it has not ended by `until`.
    void discard(run_id run, time_point until);
    /// Drops the discarded runs whose time is over, and returns them.
    std::vector<run_id> pass_time(time_point now);
    time_point next_deadline() const; ///< of `pass_time`

    /// The oldest run that the server has.
    std::optional<run_id> current() const;
    /// The receiver of its events; next_event without a current run.
    listener listening() const;
    /// The current run, if its asker collects its events.
    std::optional<run_id> collected() const;
    bool known(run_id run) const;
    /// No message is queued or being answered.
    bool idle() const noexcept { return queued_.empty() && on_server_.empty(); }
    /// The number of runs that wait for their message to be sent, or that the server has not
    /// finished. It is not bounded here; every operation is logarithmic in it.
    std::size_t unfinished() const noexcept { return queued_.size() + on_server_.size(); }
    /// There is a run whose asker was cancelled, and which was not stopped.
    bool disowned() const noexcept { return !disowned_.empty(); }

    /// Ends the current run, and returns its id; without one nothing changes.
    std::optional<run_id> finish();
    /// Drops every run of a lost session. Returns how many messages had been written completely.
    unsigned lose();

    // The conversation (doc/protocol.md 2.6), as the server names it. A name of the previous
    // conversation is ignored until the new one is named or its first run has ended.
    void conversation_named(std::string provider_res_id); ///< thread_created, messages_persisted
    /// chat_finished, before `finish`: the id to go on with, and the one for `stop_run`.
    void conversation_finished(std::string next, std::string to_stop);
    /// The conversation of the next message.
    const std::optional<std::string>& next_conversation() const noexcept { return next_; }
    /// For `stop_run` (`conversationUuid`).
    std::string conversation() const;

private:
    struct run {
        listener who;
        std::optional<std::string> provider_res_id;
        bool whole = false; // its frame was handed over
    };
    run* find(run_id id);
    const run* front() const;
    bool is_first(std::optional<run_id> id) const;
    bool is_news(const std::string& conversation);

    std::map<run_id, run> queued_;
    std::map<run_id, run> on_server_;        // from the first byte that is written
    std::set<run_id> firsts_;                // of their conversations
    std::set<run_id> disowned_;              // their askers have left
    std::map<run_id, time_point> discarded_; // until when they may still end
    run_id last_ = 0;
    std::optional<std::string> next_;
    std::optional<std::string> named_;
    std::optional<std::string> finished_;
    std::optional<std::string> left_; // the conversation before the new one
};

} // namespace parley
