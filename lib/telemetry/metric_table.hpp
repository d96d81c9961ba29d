#pragma once

#include <parley/error.hpp>
#include <parley/event.hpp>
#include <parley/status.hpp>
#include <parley/telemetry.hpp>
#include <parley/ticket_source.hpp>

#include "telemetry/labels.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace parley {

// Every metric: its name, type, labels and bounds. The readings, the exporters and the page of
// the documentation follow from this table.

enum class metric : std::uint8_t {
    ticket_requests,
    ticket_request_duration,
    ticket_lifetime,
    ticket_expiry,
    ticket_joins,
    authentication_failures,
    connect_attempts,
    connect_duration,
    connections_lost,
    outage_duration,
    sessions,
    heartbeat_round_trip,
    sends,
    send_queue_messages,
    send_queue_bytes,
    messages,
    bytes,
    messages_skipped,
    fields_ignored,
    events_dropped,
    run_duration,
    run_time_to_first_chunk,
    tool_duration,
    build_info
};

template <class Enum>
inline constexpr char label_type{}; ///< its address stands for the enumeration

/// A label and the enumerators that are its values, all from the first to the last.
struct label_description {
    std::string_view name;
    const char* type = nullptr;
    std::size_t first = 0;
    std::size_t count = 1;
    std::string_view (*value)(std::size_t) = nullptr; ///< of an enumerator
};

using bounds_description = std::span<const std::chrono::microseconds>;

struct metric_description {
    std::string_view name;
    metric_type type;
    std::string_view help;
    std::array<label_description, 3> labels{};
    bounds_description bounds{}; ///< of a histogram

    /// The numbers of a series: of a histogram one for each bucket, and the sum in microseconds.
    constexpr std::size_t cells_of_series() const noexcept {
        return type == metric_type::histogram ? bounds.size() + 2 : 1;
    }
    constexpr bool labels_are(std::array<const char*, 3> types) const noexcept {
        for (std::size_t at = 0; at < types.size(); ++at)
            if (labels[at].type != types[at]) return false;
        return true;
    }
    constexpr std::size_t series() const noexcept {
        std::size_t all = 1;
        for (const auto& label : labels)
            all *= label.count;
        return all;
    }
};

template <class Enum>
constexpr label_description label_of(std::string_view name, Enum first, Enum last) noexcept {
    const auto begin = static_cast<std::size_t>(first);
    return {name, &label_type<Enum>, begin, static_cast<std::size_t>(last) - begin + 1,
            [](std::size_t value) { return to_string(static_cast<Enum>(value)); }};
}

namespace metric_bounds {

using namespace std::chrono_literals;
using std::chrono::microseconds;

inline constexpr std::array<microseconds, 11> exchange{5ms,   10ms, 25ms,   50ms, 100ms, 250ms,
                                                       500ms, 1s,   2500ms, 5s,   10s};
/// OpenTelemetry's for generative AI.
inline constexpr std::array<microseconds, 14> run{10ms,    20ms,    40ms,    80ms,   160ms,
                                                  320ms,   640ms,   1280ms,  2560ms, 5120ms,
                                                  10240ms, 20480ms, 40960ms, 81920ms};
inline constexpr std::array<microseconds, 11> lifetime{30s,   1min, 2min, 5min, 10min, 15min,
                                                       30min, 1h,   4h,   12h,  24h};
inline constexpr std::array<microseconds, 12> outage{100ms, 500ms, 1s,   2500ms, 5s,    10s,
                                                     30s,   1min,  5min, 15min,  30min, 1h};

} // namespace metric_bounds

inline constexpr std::array metric_table{
    metric_description{"parley_ticket_requests_total",
                       metric_type::counter,
                       "Requests for a ticket, retries included.",
                       {label_of("reason", ticket_reason::first, ticket_reason::requested),
                        label_of("result", request_result::succeeded, request_result::cancelled)}},
    metric_description{"parley_ticket_request_duration_seconds",
                       metric_type::histogram,
                       "Duration of a request for a ticket.",
                       {},
                       metric_bounds::exchange},
    metric_description{"parley_ticket_lifetime_seconds",
                       metric_type::histogram,
                       "Lifetime of a ticket when it arrived.",
                       {},
                       metric_bounds::lifetime},
    metric_description{
        "parley_ticket_expiry_timestamp_seconds", metric_type::gauge,
        "Earliest expiry of the tickets that are renewed in good time; 0 without one."},
    metric_description{"parley_ticket_joins_total", metric_type::counter,
                       "Callers that joined a request for a ticket in flight."},
    metric_description{
        "parley_authentication_failures_total",
        metric_type::counter,
        "Refusals of a ticket or an identity by the server.",
        {label_of("source", authentication_source::ticket, authentication_source::close)}},
    metric_description{"parley_connect_attempts_total",
                       metric_type::counter,
                       "Attempts to open a session, and the phase that each reached.",
                       {label_of("kind", attempt_kind::first, attempt_kind::reconnect),
                        label_of("result", attempt_result::succeeded, attempt_result::abandoned),
                        label_of("phase", phase::ticket, phase::ready)}},
    metric_description{"parley_connect_duration_seconds",
                       metric_type::histogram,
                       "Duration of a completed phase of connecting.",
                       {label_of("phase", phase::ticket, phase::session)},
                       metric_bounds::exchange},
    metric_description{"parley_connections_lost_total",
                       metric_type::counter,
                       "Sessions that were lost, or given up on request.",
                       {label_of("reason", loss_reason::closed, loss_reason::requested)}},
    metric_description{"parley_outage_duration_seconds",
                       metric_type::histogram,
                       "Time from the loss of a session to the next ready one.",
                       {},
                       metric_bounds::outage},
    metric_description{"parley_sessions",
                       metric_type::gauge,
                       "Connections by their state.",
                       {label_of("state", websocket_state::idle, websocket_state::failed)}},
    metric_description{"parley_heartbeat_round_trip_seconds",
                       metric_type::histogram,
                       "Round trip of a WebSocket ping.",
                       {},
                       metric_bounds::exchange},
    metric_description{"parley_sends_total",
                       metric_type::counter,
                       "Messages of the application, by their outcome.",
                       {label_of("outcome", send_outcome::sent, send_outcome::aborted)}},
    metric_description{"parley_send_queue_messages", metric_type::gauge,
                       "Messages that wait to be sent."},
    metric_description{"parley_send_queue_bytes", metric_type::gauge,
                       "Bytes of the messages that wait to be sent."},
    metric_description{"parley_messages_total",
                       metric_type::counter,
                       "WebSocket messages.",
                       {label_of("direction", direction::sent, direction::received)}},
    metric_description{"parley_bytes_total",
                       metric_type::counter,
                       "Bytes of the WebSocket connections.",
                       {label_of("direction", direction::sent, direction::received)}},
    metric_description{"parley_messages_skipped_total",
                       metric_type::counter,
                       "Received messages that were not usable.",
                       {label_of("reason", skip_reason::binary, skip_reason::too_large)}},
    metric_description{"parley_fields_ignored_total", metric_type::counter,
                       "Optional fields of another type, taken as absent."},
    metric_description{"parley_events_dropped_total", metric_type::counter,
                       "Events that were dropped because no caller had ever read one."},
    metric_description{"parley_run_duration_seconds",
                       metric_type::histogram,
                       "Time from the sending of a message to the end of its run.",
                       {label_of("result", run_result::finished, run_result::dropped)},
                       metric_bounds::run},
    metric_description{
        "parley_run_time_to_first_chunk_seconds",
        metric_type::histogram,
        "Time from the sending of a message to the first text or reasoning of its run.",
        {},
        metric_bounds::run},
    metric_description{"parley_tool_duration_seconds",
                       metric_type::histogram,
                       "Duration of a call of a tool; 0 for one that did not run.",
                       {label_of("tool", tool_slot::other, tool_slot::other),
                        label_of("outcome", tool_outcome::succeeded, tool_outcome::shut_down)},
                       metric_bounds::run},
    metric_description{"parley_build_info",
                       metric_type::gauge,
                       "1, labelled with the version of the library.",
                       {label_of("version", build::this_one, build::this_one)}},
};

constexpr const metric_description& description_of(metric what) noexcept {
    return metric_table[static_cast<std::size_t>(what)];
}

/// How many numbers the metrics before `what` take.
constexpr std::size_t cells_before(std::size_t what) noexcept {
    std::size_t all = 0;
    for (std::size_t at = 0; at < what; ++at)
        all += metric_table[at].series() * metric_table[at].cells_of_series();
    return all;
}

inline constexpr std::size_t cell_count = cells_before(metric_table.size());

/// Where the series with these labels begins among the numbers of all metrics.
template <metric what, class... Labels>
constexpr std::size_t cell_of(Labels... labels) noexcept {
    constexpr const auto& row = description_of(what);
    constexpr std::size_t begin = cells_before(static_cast<std::size_t>(what));
    static_assert(row.labels_are({&label_type<Labels>...}), "the labels are those of the table");
    std::size_t series = 0;
    [[maybe_unused]] std::size_t at = 0;
    ((series =
          series * row.labels[at].count + static_cast<std::size_t>(labels) - row.labels[at].first,
      ++at),
     ...);
    return begin + series * row.cells_of_series();
}

} // namespace parley
