#include "async/join_on_strand.hpp"

#include <parley/detail/on_strand.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <type_traits>
#include <utility>

namespace parley {

joining_call::~joining_call() = default;

namespace {

using way_back = std::shared_ptr<detail::crossing<void>>;

void end(const way_back& way, const std::shared_ptr<joining_call>& call,
         const std::shared_ptr<flight<void>>& joined, std::exception_ptr outcome) {
    try {
        call->ended(joined);
    } catch (...) {
        outcome = std::current_exception();
    }
    way->finish(std::move(outcome));
}

void join(const way_back& way, const std::shared_ptr<joining_call>& call) {
    if (!way->may_begin()) return way->finish(detail::aborted());
    std::shared_ptr<flight<void>> joined;
    bool waits = false;
    std::exception_ptr thrown;
    try {
        joined = call->begin();
        if (joined && !joined->done()) {
            joined->when_landed(way->slot(), [way, call, joined] {
                end(way, call, joined, joined->done() ? joined->error() : detail::aborted());
            });
            waits = true;
        }
    } catch (...) {
        thrown = std::current_exception();
    }
    if (waits) return;
    if (!joined) return way->finish(std::move(thrown));
    end(way, call, joined, thrown ? thrown : joined->error());
}

} // namespace

awaitable<void> join_on_strand(detail::strand where, std::shared_ptr<joining_call> call) {
    return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
        [](auto handler, detail::strand target, std::shared_ptr<joining_call> asked) {
            detail::cross<void>(
                std::move(handler), std::move(target),
                [asked = std::move(asked)](const way_back& way) { join(way, asked); });
        },
        asio::use_awaitable, std::move(where), std::move(call));
}

} // namespace parley
