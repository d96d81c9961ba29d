#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>

namespace parley {

/// Which run the server is busy with, and to whom its events belong.
///
/// PROTOCOL.md has no run id: a run is from a written `chat_message` to the next `chat_finished` or
/// `chat_error`, so that the runs end in the order in which their messages were written.
class run_fsm {
public:
    using run_id = std::uint64_t;

    /// Of the run on the server; when there is none, how the last one ended.
    enum class state { idle, running, finished, failed };
    state now() const;

    /// A message is about to be queued. `provider_res_id` is the one given with it.
    run_id add(bool asked, std::optional<std::string> provider_res_id);
    void writing(run_id run); ///< its frame is being written: from now on events may be its own
    void written(run_id run); ///< and was handed over whole
    void drop(run_id run);    ///< it was not sent, or nothing more is expected of it
    void disown(run_id run);  ///< nobody collects its events any more; the run goes on

    /// The run on the server, when there is one.
    std::optional<run_id> current() const;
    /// The same, when somebody collects its events.
    std::optional<run_id> collected() const;
    bool known(run_id run) const;
    /// No message is on its way or being answered.
    bool idle() const noexcept { return runs_.empty(); }

    /// The current run has ended. Its id, when there was one; without one nothing changes.
    std::optional<run_id> finish(bool failed = false);
    /// The session is lost: every run on the server with it. How many had been sent whole.
    unsigned lose();

    /// For `stop_run` (PROTOCOL.md 2.3, `conversationUuid`).
    void conversation_named(std::string provider_res_id); ///< thread_created, messages_persisted
    void conversation_finished(std::string id);           ///< chat_finished
    std::string conversation() const;

private:
    enum class step { queued, writing, written };
    struct run {
        run_id id;
        bool asked;
        step at;
        std::optional<std::string> provider_res_id;
    };
    run* find(run_id id);
    const run* front() const;

    std::list<run> runs_;
    run_id last_ = 0;
    state ended_ = state::idle;
    std::optional<std::string> named_;
    std::optional<std::string> finished_;
};

} // namespace parley
