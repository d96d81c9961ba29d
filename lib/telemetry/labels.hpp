#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace parley {

// Enumerations that exist as labels of metrics alone. Their names are part of the metrics.

/// The result of one request to the source of tickets.
enum class request_result { succeeded, refused, failed, timed_out, cancelled };

constexpr std::string_view to_string(request_result value) noexcept {
    constexpr std::array names{"succeeded", "refused", "failed", "timed_out", "cancelled"};
    return names[static_cast<std::size_t>(value)];
}

/// Where the server refused a ticket or an identity.
enum class authentication_source { ticket, upgrade, session, close };

constexpr std::string_view to_string(authentication_source value) noexcept {
    constexpr std::array names{"ticket", "upgrade", "session", "close"};
    return names[static_cast<std::size_t>(value)];
}

/// The opening of a connection, or an attempt to restore a lost one.
enum class attempt_kind { first, reconnect };

constexpr std::string_view to_string(attempt_kind value) noexcept {
    constexpr std::array names{"first", "reconnect"};
    return names[static_cast<std::size_t>(value)];
}

enum class attempt_result {
    succeeded,
    failed,
    abandoned ///< the client gave it up: disconnected, cancelled or destroyed
};

constexpr std::string_view to_string(attempt_result value) noexcept {
    constexpr std::array names{"succeeded", "failed", "abandoned"};
    return names[static_cast<std::size_t>(value)];
}

/// The outcome of a message that was given to the connection.
enum class send_outcome { sent, not_sent, unconfirmed, aborted };

constexpr std::string_view to_string(send_outcome value) noexcept {
    constexpr std::array names{"sent", "not_sent", "unconfirmed", "aborted"};
    return names[static_cast<std::size_t>(value)];
}

enum class direction { sent, received };

constexpr std::string_view to_string(direction value) noexcept {
    constexpr std::array names{"sent", "received"};
    return names[static_cast<std::size_t>(value)];
}

enum class run_result {
    finished,
    failed, ///< the server ended it with an error
    lost,   ///< its session was lost
    dropped ///< its end is awaited no longer: stopped without an answer, or out of time
};

constexpr std::string_view to_string(run_result value) noexcept {
    constexpr std::array names{"finished", "failed", "lost", "dropped"};
    return names[static_cast<std::size_t>(value)];
}

/// What a tool without series of its own is counted as.
enum class tool_slot { other };

constexpr std::string_view to_string(tool_slot) noexcept { return "_OTHER"; }

enum class build { this_one };

std::string_view to_string(build) noexcept; ///< the version of the library

} // namespace parley
