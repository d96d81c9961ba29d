// The ticket of an attempt.

#include <parley/detail/on_strand.hpp>

#include "connection/websocket_manager_impl.hpp"
#include "core/late_error.hpp"
#include "core/text.hpp"

#include <exception>
#include <utility>

namespace parley {

namespace {

error_info ticket_failure(const std::exception_ptr& thrown) {
    error_details details;
    details.phase = phase::ticket;
    try {
        std::rethrow_exception(thrown);
    } catch (const client_error& known) {
        return known.info();
    } catch (const std::exception& other) {
        details.reason = shorten_and_escape(other.what());
    } catch (...) {
        details.reason = "not a std::exception";
    }
    return error_info(errc::ticket_source_failed, "The ticket source failed.", std::move(details));
}

result<ticket> outcome_of(const shared_awaitable<ticket>& asking) {
    try {
        return asking.get();
    } catch (...) {
        return ticket_failure(std::current_exception());
    }
}

error_info no_ticket_in_time(const std::optional<error_info>& last_failure) {
    error_details details;
    details.phase = phase::ticket;
    details.retryable = true;
    error_info late(errc::ticket_timeout, "No ticket was available in time.", std::move(details));
    return last_failure ? out_of_time(std::move(late), *last_failure) : late;
}

} // namespace

std::optional<ticket> websocket_manager::impl::ticket_at_hand(bool fresh) const {
    if (fresh && tried_) return std::nullopt;
    const auto layer = layer_.lock();
    return layer ? layer->ticket_at_hand() : std::nullopt;
}

// A source that gives the rejected ticket again has been asked for another: it is no held one.
ticket_use websocket_manager::impl::use_of(const ticket& got, bool fresh) const {
    if (fresh && tried_) return ticket_use::fresh;
    const bool known = (tried_ && tried_->value() == got.value()) || held_.value() == got.value();
    return known ? ticket_use::held : ticket_use::fresh;
}

awaitable<result<ticket>> websocket_manager::impl::fetch_ticket(bool fresh, time_point deadline) {
    auto layer = layer_.lock();
    if (!layer) co_return ticket_failure(detail::aborted());
    std::optional<ticket> rejected;
    if (fresh) rejected = tried_;
    const auto asking = shared_awaitable<ticket>::start(
        strand_, clock_, [layer = std::move(layer), rejected = std::move(rejected), deadline] {
            return layer->next_ticket(rejected, deadline);
        });
    asking_ = asking; // abandoned when the loop is to end
    std::exception_ptr thrown;
    try {
        co_await asking->wait_until(deadline);
    } catch (...) { // out of memory
        thrown = std::current_exception();
    }
    asking_.reset();
    if (asking->done()) co_return outcome_of(*asking);
    std::optional<error_info> failed_before;
    if (active_layer()) failed_before = active_layer()->ticket_trouble();
    asking->abandon(detail::aborted()); // its source may ignore the cancellation
    if (thrown) std::rethrow_exception(thrown);
    co_return no_ticket_in_time(failed_before);
}

} // namespace parley
