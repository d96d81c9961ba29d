#pragma once

#include <parley/export.hpp>
#include <parley/named.hpp>

#include <functional>
#include <string_view>

namespace parley {

/// How important a line is; the last is the most important.
enum class log_level {
    debug,   ///< each request for a ticket, each tool call
    info,    ///< a ready session, a new ticket
    warning, ///< what failed and is tried again, or skipped
    error    ///< what a function of the application threw
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(log_level) noexcept;

/// Takes one line at a time, without a final newline. Called on the client's strand: never twice at
/// once for one client. Lines carry no secret and no control character.
///
/// What it throws ends nothing: the line is lost, and `metrics_snapshot::log_failures` counts it. A
/// sink that throws three times in a row is not called again.
using log_sink = std::function<void(log_level, std::string_view)>;

} // namespace parley
