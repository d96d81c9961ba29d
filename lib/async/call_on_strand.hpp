#pragma once

#include <parley/detail/on_strand.hpp>
#include <parley/fwd.hpp>

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace parley {

/// Calls an operation of an actor on the strand `actor->where()`, for a caller on any executor:
///
///     return call_on_strand(impl_, &impl::reconnect);
///
/// The operation is a member function, or a static one whose first parameter is the pointer. The
/// call keeps the actor and the arguments. Completion and cancellation are those of
/// `detail::on_strand`.
template <class Actor, class Operation, class... Arguments>
auto call_on_strand(std::shared_ptr<Actor> actor, Operation operation, Arguments... arguments) {
    using called = std::invoke_result_t<Operation&, std::shared_ptr<Actor>&, Arguments...>;
    auto strand = actor->where();
    return detail::on_strand<typename called::value_type>(
        std::move(strand),
        [actor = std::move(actor), operation, ... arguments = std::move(arguments)]() mutable {
            return std::invoke(operation, actor, std::move(arguments)...);
        });
}

} // namespace parley
