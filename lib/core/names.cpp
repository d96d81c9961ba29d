// The names of the enumerators; those of errc are in error.cpp, with their sentences.

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/event.hpp>
#include <parley/log.hpp>
#include <parley/status.hpp>
#include <parley/ticket.hpp>
#include <parley/ticket_source.hpp>

namespace parley {

std::string_view to_string(phase now) noexcept {
    switch (now) {
    case phase::none:
        return "none";
    case phase::ticket:
        return "ticket";
    case phase::resolve:
        return "resolve";
    case phase::tcp:
        return "tcp";
    case phase::proxy:
        return "proxy";
    case phase::tls:
        return "tls";
    case phase::upgrade:
        return "upgrade";
    case phase::session:
        return "session";
    case phase::ready:
        return "ready";
    case phase::closing:
        return "closing";
    }
    return "unknown";
}

std::string_view to_string(tool_outcome outcome) noexcept {
    switch (outcome) {
    case tool_outcome::succeeded:
        return "succeeded";
    case tool_outcome::failed:
        return "failed";
    case tool_outcome::not_found:
        return "not_found";
    case tool_outcome::timed_out:
        return "timed_out";
    case tool_outcome::busy:
        return "busy";
    case tool_outcome::invalid_parameters:
        return "invalid_parameters";
    case tool_outcome::shut_down:
        return "shut_down";
    }
    return "unknown";
}

std::string_view to_string(skip_reason reason) noexcept {
    switch (reason) {
    case skip_reason::binary:
        return "binary";
    case skip_reason::not_json:
        return "not_json";
    case skip_reason::not_an_object:
        return "not_an_object";
    case skip_reason::no_type:
        return "no_type";
    case skip_reason::unknown_type:
        return "unknown_type";
    case skip_reason::unknown_event:
        return "unknown_event";
    case skip_reason::bad_field:
        return "bad_field";
    case skip_reason::too_deep:
        return "too_deep";
    case skip_reason::too_large:
        return "too_large";
    }
    return "unknown";
}

std::string_view to_string(loss_reason reason) noexcept {
    switch (reason) {
    case loss_reason::closed:
        return "closed";
    case loss_reason::reset:
        return "reset";
    case loss_reason::silent:
        return "silent";
    case loss_reason::protocol:
        return "protocol";
    case loss_reason::rejected:
        return "rejected";
    case loss_reason::requested:
        return "requested";
    }
    return "unknown";
}

std::string_view to_string(websocket_state state) noexcept {
    switch (state) {
    case websocket_state::idle:
        return "idle";
    case websocket_state::connecting:
        return "connecting";
    case websocket_state::ready:
        return "ready";
    case websocket_state::waiting:
        return "waiting";
    case websocket_state::reconnecting:
        return "reconnecting";
    case websocket_state::closing:
        return "closing";
    case websocket_state::closed:
        return "closed";
    case websocket_state::failed:
        return "failed";
    }
    return "unknown";
}

std::string_view to_string(log_level level) noexcept {
    switch (level) {
    case log_level::debug:
        return "debug";
    case log_level::info:
        return "info";
    case log_level::warning:
        return "warning";
    case log_level::error:
        return "error";
    }
    return "unknown";
}

std::string_view to_string(ui_component::state state) noexcept {
    switch (state) {
    case ui_component::state::streaming:
        return "streaming";
    case ui_component::state::complete:
        return "complete";
    case ui_component::state::error:
        return "error";
    }
    return "unknown";
}

std::string_view to_string(ticket_kind kind) noexcept {
    switch (kind) {
    case ticket_kind::reusable:
        return "reusable";
    case ticket_kind::single_use:
        return "single_use";
    }
    return "unknown";
}

std::string_view to_string(ticket_reason reason) noexcept {
    switch (reason) {
    case ticket_reason::first:
        return "first";
    case ticket_reason::expired:
        return "expired";
    case ticket_reason::renewal:
        return "renewal";
    case ticket_reason::rejected:
        return "rejected";
    case ticket_reason::requested:
        return "requested";
    }
    return "unknown";
}

std::string_view to_string(close_action action) noexcept {
    switch (action) {
    case close_action::retry:
        return "retry";
    case close_action::refresh_and_retry:
        return "refresh_and_retry";
    case close_action::finish:
        return "finish";
    }
    return "unknown";
}

std::string_view to_string(tls_config::version version) noexcept {
    switch (version) {
    case tls_config::version::tls_1_2:
        return "tls_1_2";
    case tls_config::version::tls_1_3:
        return "tls_1_3";
    }
    return "unknown";
}

std::string_view to_string(reconnect_config::normal_close action) noexcept {
    switch (action) {
    case reconnect_config::normal_close::finish:
        return "finish";
    case reconnect_config::normal_close::reconnect:
        return "reconnect";
    }
    return "unknown";
}

} // namespace parley
