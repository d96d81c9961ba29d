#pragma once

/// For programs that use {fmt}: it prints the enumerations of this library by name.
///
/// @code
/// std::string line_of(errc code, websocket_state state) {
///     return fmt::format("{}: {:>12}", code, state);
/// }
/// @endcode
/// No other header includes this one, and {fmt} itself comes from the program's own build.

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/event.hpp>
#include <parley/log.hpp>
#include <parley/named.hpp>
#include <parley/status.hpp>
#include <parley/telemetry.hpp>
#include <parley/ticket.hpp>
#include <parley/ticket_source.hpp>

#include <fmt/format.h>

namespace parley::detail {

/// Takes the format of a text: width, fill, alignment, precision.
template <named T>
struct name_formatter : fmt::formatter<fmt::string_view> {
    template <class Context>
    auto format(T value, Context& context) const {
        const auto name = to_string(value);
        return fmt::formatter<fmt::string_view>::format(fmt::string_view(name.data(), name.size()),
                                                        context);
    }
};

} // namespace parley::detail

template <>
struct fmt::formatter<parley::errc> : parley::detail::name_formatter<parley::errc> {};
template <>
struct fmt::formatter<parley::phase> : parley::detail::name_formatter<parley::phase> {};
template <>
struct fmt::formatter<parley::websocket_state>
    : parley::detail::name_formatter<parley::websocket_state> {};
template <>
struct fmt::formatter<parley::tool_outcome> : parley::detail::name_formatter<parley::tool_outcome> {
};
template <>
struct fmt::formatter<parley::skip_reason> : parley::detail::name_formatter<parley::skip_reason> {};
template <>
struct fmt::formatter<parley::loss_reason> : parley::detail::name_formatter<parley::loss_reason> {};
template <>
struct fmt::formatter<parley::ui_component::state>
    : parley::detail::name_formatter<parley::ui_component::state> {};
template <>
struct fmt::formatter<parley::log_level> : parley::detail::name_formatter<parley::log_level> {};
template <>
struct fmt::formatter<parley::ticket_kind> : parley::detail::name_formatter<parley::ticket_kind> {};
template <>
struct fmt::formatter<parley::ticket_reason>
    : parley::detail::name_formatter<parley::ticket_reason> {};
template <>
struct fmt::formatter<parley::metric_type> : parley::detail::name_formatter<parley::metric_type> {};
template <>
struct fmt::formatter<parley::close_action> : parley::detail::name_formatter<parley::close_action> {
};
template <>
struct fmt::formatter<parley::tls_config::version>
    : parley::detail::name_formatter<parley::tls_config::version> {};
template <>
struct fmt::formatter<parley::reconnect_config::normal_close>
    : parley::detail::name_formatter<parley::reconnect_config::normal_close> {};
