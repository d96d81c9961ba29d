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
    return error_info(errc::ticket_source_failed, "The source of the tickets failed.",
                      std::move(details));
}

error_info no_ticket_in_time(const std::optional<error_info>& last_failure) {
    error_details details;
    details.phase = phase::ticket;
    details.retryable = true;
    error_info late(errc::ticket_timeout, "No ticket could be had in time.", std::move(details));
    return last_failure ? out_of_time(std::move(late), *last_failure) : late;
}

} // namespace

struct websocket_manager::impl::ticket_request {
    std::optional<ticket> rejected;
    time_point deadline;
    bool done = false;
    ticket got;
    std::exception_ptr error;
};

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

awaitable<result<ticket>> websocket_manager::impl::fetch_ticket(self_ptr self, bool fresh,
                                                                time_point deadline) {
    const auto request = std::make_shared<ticket_request>();
    if (fresh) request->rejected = self->tried_;
    request->deadline = deadline;
    auto layer = self->layer_.lock();
    if (!layer) co_return ticket_failure(detail::aborted());
    const auto asking = shared_awaitable<void>::start(
        self->strand_, self->clock_,
        [self, layer = std::move(layer), request] { return ask_layer(self, layer, request); });
    std::exception_ptr given_up;
    try {
        while (self->active() && !request->done && self->now() < deadline)
            co_await self->changed_.wait_until(deadline);
    } catch (...) {
        given_up = std::current_exception();
    }
    if (!request->done) {
        std::optional<error_info> failed_before;
        if (self->heard_by()) failed_before = self->heard_by()->ticket_trouble();
        asking->cancel(); // and not waited for: its source may not listen
        if (given_up) std::rethrow_exception(given_up);
        co_return no_ticket_in_time(failed_before);
    }
    if (request->error) co_return ticket_failure(request->error);
    co_return std::move(request->got);
}

awaitable<void> websocket_manager::impl::ask_layer(self_ptr self,
                                                   std::shared_ptr<session_layer> layer,
                                                   std::shared_ptr<ticket_request> request) {
    try {
        auto asking = layer->next_ticket(request->rejected, request->deadline);
        request->got = co_await std::move(asking);
    } catch (...) {
        request->error = std::current_exception();
    }
    request->done = true;
    self->changed_.notify_all();
}

} // namespace parley
