// The names of the enumerators, in their order; those of errc are in error.cpp, with their
// sentences. A test compares them with the enumerations.

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/event.hpp>
#include <parley/log.hpp>
#include <parley/status.hpp>
#include <parley/telemetry.hpp>
#include <parley/ticket.hpp>
#include <parley/ticket_source.hpp>

#include <cstddef>
#include <initializer_list>

namespace parley {

namespace {

template <class Enum>
std::string_view name_of(Enum value, std::initializer_list<std::string_view> names) noexcept {
    const auto at = static_cast<std::size_t>(value);
    return at < names.size() ? names.begin()[at] : "unknown";
}

} // namespace

std::string_view to_string(phase now) noexcept {
    return name_of(now, {"none", "ticket", "resolve", "tcp", "proxy", "tls", "upgrade", "session",
                         "ready", "closing"});
}

std::string_view to_string(tool_outcome outcome) noexcept {
    return name_of(outcome, {"succeeded", "failed", "not_found", "timed_out", "busy",
                             "invalid_parameters", "shut_down"});
}

std::string_view to_string(skip_reason reason) noexcept {
    return name_of(reason, {"binary", "not_json", "not_an_object", "no_type", "unknown_type",
                            "unknown_event", "bad_field", "too_deep", "too_large"});
}

std::string_view to_string(loss_reason reason) noexcept {
    return name_of(reason, {"closed", "reset", "silent", "protocol", "rejected", "requested"});
}

std::string_view to_string(websocket_state state) noexcept {
    return name_of(state, {"idle", "connecting", "ready", "waiting", "reconnecting", "closing",
                           "closed", "failed"});
}

std::string_view to_string(log_level level) noexcept {
    return name_of(level, {"debug", "info", "warning", "error"});
}

std::string_view to_string(ui_component::state state) noexcept {
    return name_of(state, {"streaming", "complete", "error"});
}

std::string_view to_string(ticket_kind kind) noexcept {
    return name_of(kind, {"reusable", "single_use"});
}

std::string_view to_string(ticket_reason reason) noexcept {
    return name_of(reason, {"first", "expired", "renewal", "rejected", "requested"});
}

std::string_view to_string(metric_type type) noexcept {
    return name_of(type, {"counter", "gauge", "histogram"});
}

std::string_view to_string(close_action action) noexcept {
    return name_of(action, {"retry", "refresh_and_retry", "finish"});
}

std::string_view to_string(tls_config::version version) noexcept {
    return name_of(version, {"tls_1_2", "tls_1_3"});
}

std::string_view to_string(reconnect_config::normal_close action) noexcept {
    return name_of(action, {"finish", "reconnect"});
}

} // namespace parley
