#pragma once

#include <parley/detail/on_strand.hpp>
#include <parley/fwd.hpp>
#include <parley/tool.hpp>

#include "policy/tool_call_fsm.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace parley {

class tool_runner;

/// A strand to post to from other executors until its owner closes it; later calls are dropped.
class closable_strand {
public:
    explicit closable_strand(detail::strand strand) : strand_(std::move(strand)) {}
    bool running_in_this_thread();
    void post(std::function<void()> call);
    void close();

private:
    std::mutex mutex_;
    std::optional<detail::strand> strand_;
};

/// One run of a tool's handler, on the executor of the tools.
///
/// It belongs to that executor: the runner keeps a weak_ptr, so that the client holds nothing of
/// the executor's, nor the executor anything of the client's. A strand of its own keeps the
/// cancellation apart from the coroutine (doc/pitfalls.md P8, P12).
class tool_execution : public std::enable_shared_from_this<tool_execution> {
public:
    /// `where` must live until the handler has ended. `owner` gets the answer with `id`, on the
    /// strand `owner_strand`: the error is the exception's text as it is, or empty for what is no
    /// std::exception.
    tool_execution(const asio::any_io_executor& where,
                   std::shared_ptr<closable_strand> owner_strand,
                   std::shared_ptr<const tool> called, tool_call call,
                   std::weak_ptr<tool_runner> owner, tool_request_id id);
    tool_execution(const tool_execution&) = delete;
    tool_execution& operator=(const tool_execution&) = delete;
    ~tool_execution() = default;

    const detail::strand& where() const noexcept { return where_; }
    void launch(); ///< now; there only
    void post();   ///< later; any thread
    void cancel(); ///< any thread; terminal

private:
    enum class state {
        waiting,   ///< for its launch
        withdrawn, ///< cancelled before it
        running,
        cancelling, ///< the handler has been cancelled
        finished
    };

    static awaitable<void> call_handler(std::shared_ptr<tool_execution> self);
    void finish(tool_answer&& answer);

    const detail::strand where_;
    const std::shared_ptr<closable_strand> owner_strand_;
    const std::shared_ptr<const tool> tool_; // kept: its handler owns the captures of the coroutine
    tool_call call_;
    const std::weak_ptr<tool_runner> owner_;
    const tool_request_id id_;
    asio::cancellation_signal signal_; // on where_ only, as is the state
    state state_ = state::waiting;
};

} // namespace parley
