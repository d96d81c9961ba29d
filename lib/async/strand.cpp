#include <parley/detail/strand.hpp>
#include <parley/error.hpp>

#include <utility>

namespace parley::detail {

// Not inline: the code of any_io_executor for these is compiled here once, not in each user's file.
strand::strand(direct known) : executor_(std::move(known)) {}
strand::strand(erased known) : executor_(std::move(known)) {}

strand strand::around(const asio::any_io_executor& executor) {
    if (!executor)
        throw_error(
            error_info(errc::invalid_configuration,
                       "The executor is empty; pass the executor of the execution context."));
    if (const auto* known = executor.target<asio::io_context::executor_type>())
        return asio::make_strand(*known);
    return asio::make_strand(executor);
}

strand strand::of(const asio::any_io_executor& executor) {
    if (const auto* known = executor.target<direct>()) return *known;
    if (const auto* known = executor.target<erased>()) return *known;
    return around(executor);
}

bool strand::running_in_this_thread() const noexcept {
    if (const auto* known = executor_.target<direct>()) return known->running_in_this_thread();
    return executor_.target<erased>()->running_in_this_thread();
}

} // namespace parley::detail
