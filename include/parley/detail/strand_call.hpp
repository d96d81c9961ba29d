#pragma once

#include <parley/detail/context_watch.hpp>
#include <parley/detail/strand.hpp>
#include <parley/export.hpp>
#include <parley/fwd.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace parley::detail {

/// Cancels the operation of a call on its strand. Strand only.
class PARLEY_EXPORT called_operation {
public:
    explicit called_operation(strand where) : where_(std::move(where)) {}
    called_operation(const called_operation&) = delete;
    called_operation& operator=(const called_operation&) = delete;

    const strand& where() const noexcept { return where_; }
    asio::cancellation_slot slot() noexcept { return signal_.slot(); }
    void cancel(asio::cancellation_type type) {
        cancelled_ = true; // a signal alone would be lost before the operation begins
        signal_.emit(type);
    }
    bool cancelled() const noexcept { return cancelled_; }

protected:
    ~called_operation() = default;

private:
    const strand where_;
    asio::cancellation_signal signal_;
    bool cancelled_ = false;
};

/// The state that a caller and its operation on a strand share, as a future and its promise do. The
/// contexts of the two may differ, and either may be destroyed first, on any thread.
///
/// The caller's handler belongs to a timer of the caller's context, which alone frees it. The
/// operation resumes the caller by cancelling the timer, which allocates nothing. Each side uses
/// the other side's context under the lock only, and only while that side and that context exist.
class PARLEY_EXPORT strand_call {
public:
    strand_call(const asio::any_io_executor& caller, strand target);
    strand_call(const strand_call&) = delete;
    strand_call& operator=(const strand_call&) = delete;

    // The caller's side.

    /// `resume()` is called once on `caller`, or destroyed with the caller's context. Call it
    /// before `start`: until then there is no other side.
    template <class Resume>
    void wait(const asio::any_io_executor& caller, Resume resume) {
        auto fired = [resume = std::move(resume)](const boost::system::error_code&) mutable {
            resume();
        };
        timer_->async_wait(asio::bind_executor(caller, std::move(fired)));
    }
    /// Runs `begin` on the strand: within one context at once where possible, between two by a
    /// post, unless the strand's context is being destroyed. Once.
    void start(std::weak_ptr<called_operation> operation, std::function<void()> begin);
    void cancel(asio::cancellation_type type);
    /// The caller was resumed, or its context is being destroyed, which cancels the operation
    /// (terminal).
    void caller_leaves() noexcept;

    // The operation's side.

    /// Resumes the caller. `keep()` stores the outcome; it is not called when the caller is gone.
    template <class Keep>
    void complete(const Keep& keep) {
        const std::lock_guard lock(mutex_);
        if (!timer_) return;
        keep();
        end();
    }
    /// Nothing of the operation is left on its strand. A caller that still waits is resumed without
    /// an outcome.
    void operation_leaves() noexcept;

private:
    void end();                                       // with the lock
    void ask_to_cancel(asio::cancellation_type type); // likewise

    const std::shared_ptr<context_watch> of_caller_;
    const std::shared_ptr<context_watch> of_target_;
    std::mutex mutex_;                        // guards the rest
    std::optional<asio::steady_timer> timer_; // while the caller waits
    std::optional<strand> target_;            // while the operation exists
    std::weak_ptr<called_operation> operation_;
    bool completed_ = false;
};

} // namespace parley::detail
