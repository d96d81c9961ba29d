#include "policy/close_policy.hpp"

#include "core/http_status.hpp"
#include "dialect/parley/close_codes.hpp"

namespace parley {

namespace {

constexpr close_verdict again(loss_reason reason) { return {reaction::retry, reason}; }

constexpr close_verdict over(loss_reason reason) { return {reaction::end, reason}; }

constexpr close_verdict disagreement{reaction::protocol_disagreement, loss_reason::protocol};

close_verdict suspect_ticket(bool was_ready) {
    return {was_ready ? reaction::refresh_and_retry : reaction::rejection, loss_reason::rejected};
}

close_verdict by_close_code(unsigned code, bool was_ready,
                            reconnect_config::normal_close on_normal_close) {
    if (rejects_ticket(code)) return suspect_ticket(was_ready);
    switch (code) {
    case 1000:
        if (!was_ready) return again(loss_reason::closed);
        return on_normal_close == reconnect_config::normal_close::finish
                   ? over(loss_reason::closed)
                   : again(loss_reason::closed);
    case 1002:
    case 1003:
    case 1007:
    case 1009:
    case 1010:
        return disagreement;
    default: // 1001, 1005, 1006, 1011 to 1014, 3000 to 4999, and whatever else comes
        return again(loss_reason::closed);
    }
}

constexpr close_verdict of_gateway{reaction::gateway_verdict, loss_reason::reset};

close_verdict as_said(const error_details& details) {
    return details.retryable ? again(loss_reason::reset) : over(loss_reason::reset);
}

// An error that may come from a gateway or a proxy in place of the chat server.
close_verdict perhaps_of_gateway(const error_details& details) {
    return details.retryable ? again(loss_reason::reset) : of_gateway;
}

close_verdict by_status(const error_info& why) {
    const auto& details = why.details;
    if (!details.http_status) return perhaps_of_gateway(details);
    const int status = *details.http_status;
    const bool of_ticket = why.is(errc::upgrade_failed) && (status == 401 || status == 403);
    if (of_ticket) return {reaction::gateway_rejection, loss_reason::rejected};
    return retryable_status(status) ? again(loss_reason::reset) : of_gateway;
}

// Final in the protocol's own words alone. Without a status a source of the user's has said it.
close_verdict refused_credentials(const error_details& details) {
    return details.http_status && !details.from_server ? of_gateway : over(loss_reason::rejected);
}

} // namespace

bool may_be_idle_timeout(const error_info& why) noexcept {
    if (why.is(errc::connection_reset) || why.is(errc::connection_silent)) return true;
    if (!why.is(errc::connection_closed)) return false;
    switch (why.details.close_code.value_or(1005)) {
    case 1000:
    case 1001:
    case 1005:
    case 1006:
        return true;
    default:
        return false;
    }
}

close_verdict classify_close(const error_info& why, bool was_ready,
                             reconnect_config::normal_close on_normal_close) {
    if (why.code.category() != category()) return as_said(why.details);
    switch (static_cast<errc>(why.code.value())) {
    case errc::connection_closed:
        return by_close_code(why.details.close_code.value_or(1005), was_ready, on_normal_close);
    case errc::connection_silent:
        return again(loss_reason::silent);
    case errc::connection_reset:
    case errc::resolve_failed:
    case errc::resolve_timeout:
    case errc::connect_failed:
    case errc::connect_timeout:
    case errc::tls_timeout:
    case errc::upgrade_timeout:
    case errc::session_timeout:
    case errc::timed_out:
        return again(loss_reason::reset);
    case errc::tools_not_acknowledged: // doc/protocol.md 2.1: a failed attempt
    case errc::tools_refused:
        return again(loss_reason::closed);
    case errc::certificate_rejected:
    case errc::ticket_certificate:
        return of_gateway;
    case errc::tls_failed:
    case errc::ticket_http_status:
    case errc::ticket_refused:
    case errc::ticket_malformed:
    case errc::ticket_too_long:
    case errc::ticket_redirected:
        return perhaps_of_gateway(why.details);
    case errc::upgrade_failed:
    case errc::proxy_failed:
        return by_status(why);
    case errc::ticket_rejected:
        return suspect_ticket(was_ready);
    case errc::authentication_failed:
        return refused_credentials(why.details);
    case errc::session_refused:
        return over(loss_reason::rejected);
    case errc::protocol_violation:
    case errc::handshake_violation:
    case errc::message_too_large:
    case errc::message_timeout:
        return disagreement;
    default: // among them the errors of a ticket source
        return as_said(why.details);
    }
}

close_verdict override_close(close_verdict by_table, close_action chosen, bool was_ready) noexcept {
    switch (chosen) {
    case close_action::finish:
        by_table.what = reaction::end;
        break;
    case close_action::refresh_and_retry:
        by_table.what = was_ready ? reaction::refresh_and_retry : reaction::rejection;
        break;
    case close_action::retry:
        if (by_table.what != reaction::protocol_disagreement) by_table.what = reaction::retry;
        break;
    }
    return by_table;
}

} // namespace parley
