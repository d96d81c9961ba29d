#pragma once

#include <parley/export.hpp>
#include <parley/fwd.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <memory>
#include <thread>
#include <utility>

namespace parley::detail {

/// An asio::strand, over the io_context's executor itself where the user passed one.
///
/// Such a strand fits into an any_io_executor without an allocation. A strand over an
/// any_io_executor does not: each of its many copies and preferences is an object on the heap.
/// This class converts to its executor but is not an executor itself, so that each post knows the
/// type.
class PARLEY_EXPORT strand {
public:
    using direct = asio::strand<asio::io_context::executor_type>;
    using erased = asio::strand<asio::any_io_executor>;

    strand(direct known);
    strand(erased known);

    /// A new one around that executor; `invalid_configuration` for an empty one, and so from every
    /// constructor that is given one.
    static strand around(const asio::any_io_executor& executor);
    /// The strand that the executor is, or else a new one around it. A strand around a strand of
    /// ours would not exclude the handlers of that one.
    static strand of(const asio::any_io_executor& executor);

    const asio::any_io_executor& executor() const noexcept { return executor_; }
    operator const asio::any_io_executor&() const noexcept { return executor_; }

    bool running_in_this_thread() const noexcept;

    template <class Function>
    void post(Function&& function) const {
        if (const auto* known = executor_.target<direct>())
            asio::post(*known, std::forward<Function>(function));
        else
            asio::post(executor_, std::forward<Function>(function));
    }

    /// At once when this thread runs the io_context and the strand is free; else by a post.
    template <class Function>
    void dispatch(Function&& function) const {
        if (const auto* known = executor_.target<direct>())
            asio::dispatch(*known, std::forward<Function>(function));
        else
            asio::dispatch(executor_, std::forward<Function>(function));
    }

    /// At once or never: false when this thread does not run the io_context, or another is on the
    /// strand.
    template <class Function>
    bool run_now(const Function& function) const {
        const auto* known = executor_.target<direct>();
        if (!known || !known->get_inner_executor().running_in_this_thread()) return false;
        // A handler that stays behind because the strand is taken looks at its thread first.
        struct turn {
            const std::thread::id thread = std::this_thread::get_id();
            const Function* wanted = nullptr;
            bool over = false;
        };
        const auto mine = std::make_shared<turn>();
        mine->wanted = &function;
        asio::dispatch(*known, [mine] {
            if (mine->thread != std::this_thread::get_id() || !mine->wanted) return;
            (*mine->wanted)();
            mine->over = true;
        });
        mine->wanted = nullptr;
        return mine->over;
    }

private:
    asio::any_io_executor executor_;
};

} // namespace parley::detail
