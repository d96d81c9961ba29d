#pragma once

#include "core/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace parley {

/// Which run the server is busy with, and to whom its events belong.
///
/// The protocol has no id of a run (doc/protocol.md 2.6): a run is from a written `chat_message` to
/// the next `chat_finished` or `chat_error`, so that the runs end in the order in which their
/// messages were written.
class run_fsm {
public:
    using run_id = std::uint64_t;

    /// Of the run on the server; when there is none, how the last one ended.
    enum class state { idle, running, finished, failed };
    state now() const;

    /// Who hears of a run's events.
    enum class listener { everybody, asker, nobody };

    /// A message is about to be queued. `provider_res_id` is the one given with it.
    run_id add(listener who, std::optional<std::string> provider_res_id);
    /// The same, of one that begins a conversation: the one before it is left.
    run_id add_first(listener who);
    void writing(run_id run); ///< its frame is being written: from now on events may be its own
    void written(run_id run); ///< and was handed over whole
    void drop(run_id run);    ///< it was not sent, or nothing more is expected of it
    /// Its asker has left. The run goes on, and its events are everybody's.
    void disown(run_id run);
    /// Its asker has left, and the server was asked to stop it. Its events are nobody's; when it
    /// has not ended by then, nothing more is expected of it.
    void discard(run_id run, time_point until);
    /// Drops the discarded one whose time is over.
    void pass_time(time_point now);
    time_point next_deadline() const; ///< of `pass_time`

    /// The run on the server, when there is one.
    std::optional<run_id> current() const;
    /// Of its events; everybody when there is none.
    listener listening() const;
    /// The current run, when its asker collects its events.
    std::optional<run_id> collected() const;
    bool known(run_id run) const;
    /// No message is on its way or being answered.
    bool idle() const noexcept { return queued_.empty() && on_server_.empty(); }
    /// How many the server has, as many as it likes to leave unfinished. Nothing here takes longer
    /// for their number, but by its logarithm.
    std::size_t unfinished() const noexcept { return on_server_.size(); }
    /// One is there that its asker has left, and that was not stopped.
    bool disowned() const noexcept { return !disowned_.empty(); }

    /// The current run has ended. Its id, when there was one; without one nothing changes.
    std::optional<run_id> finish(bool failed = false);
    /// The session is lost: every run on the server with it. How many had been sent whole.
    unsigned lose();

    // The conversation (doc/protocol.md 2.6), as the server names it. What it says of one that was
    // left, before the new one has a name or its first run has ended, is no news.
    void conversation_named(std::string provider_res_id); ///< thread_created, messages_persisted
    /// chat_finished, before `finish`: the id to go on with, and the one for `stop_run`.
    void conversation_finished(std::string next, std::string to_stop);
    /// The one that the next message belongs to: the latest word.
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
    state ended_ = state::idle;
    std::optional<std::string> next_;
    std::optional<std::string> named_;
    std::optional<std::string> finished_;
    std::optional<std::string> left_; // the conversation before the new one
};

} // namespace parley
