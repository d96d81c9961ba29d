#include "dialect/parley/opening_fsm.hpp"

#include <utility>

namespace parley {

namespace {

error_details in_session() {
    error_details details;
    details.phase = phase::session;
    return details;
}

} // namespace

void opening_fsm::opened(time_point now) {
    state_ = state::established_awaited;
    deadline_ = after(now, session_timeout_);
    held_since_.reset();
    answers_ = limited();
}

opening_action_t opening_fsm::established(time_point now, bool has_configuration) {
    if (state_ != state::established_awaited) return opening_action::none{};
    if (!has_configuration) {
        state_ = state::ready;
        return opening_action::ready{};
    }
    state_ = state::acknowledgement_awaited;
    deadline_ = after(now, acknowledge_);
    return opening_action::configure{};
}

opening_action_t opening_fsm::acknowledged() {
    if (state_ != state::acknowledgement_awaited) return opening_action::none{};
    state_ = state::ready;
    return opening_action::ready{};
}

opening_action_t opening_fsm::refused(quotation error, quotation code) {
    if (state_ == state::idle) return opening_action::none{};
    const bool was_ready = state_ == state::ready;
    state_ = state::idle;
    auto details = in_session();
    if (was_ready) details.phase = phase::ready;
    details.server_text = std::move(error).text();
    details.server_code = std::move(code).text();
    // doc/protocol.md 2.2: these two are cured by a fresh ticket, any other is final.
    if (details.server_code == "TICKET_INVALID" || details.server_code == "TICKET_EXPIRED") {
        details.retryable = true;
        return opening_action::reject{error_info(
            errc::ticket_rejected, "The server did not accept the ticket.", std::move(details))};
    }
    return opening_action::fail{
        error_info(errc::session_refused, "The server refused the session.", std::move(details))};
}

opening_action_t opening_fsm::server_error(quotation error, quotation code) {
    if (state_ != state::acknowledgement_awaited) return opening_action::none{};
    state_ = state::idle;
    auto details = in_session();
    details.server_text = std::move(error).text();
    details.server_code = std::move(code).text();
    return opening_action::fail{error_info(
        errc::tools_refused, "The server refused the tool configuration.", std::move(details))};
}

void opening_fsm::held(time_point now) {
    if (!held_since_) held_since_ = now;
}

void opening_fsm::released(time_point now) {
    if (!held_since_) return;
    deadline_ = after(deadline_, time_between(*std::exchange(held_since_, std::nullopt), now));
}

opening_action_t opening_fsm::at(time_point now) {
    if (now < deadline()) return opening_action::none{};
    const bool configured = state_ == state::acknowledgement_awaited;
    state_ = state::idle;
    auto details = in_session();
    if (configured)
        return opening_action::fail{error_info(
            errc::tools_not_acknowledged, "The server did not acknowledge the tool configuration.",
            std::move(details))};
    details.retryable = true;
    return opening_action::fail{error_info(
        errc::session_timeout, "The server did not establish the session.", std::move(details))};
}

} // namespace parley
