#pragma once

#include <parley/named.hpp>

#include <functional>
#include <string_view>

namespace parley {

enum class log_level { debug, info, warning, error };

std::string_view to_string(log_level) noexcept;

/// Takes one line at a time, without a final newline. Called on the client's strand: never twice at
/// once for one client. Lines carry no secret and no control character.
///
/// What it throws ends nothing: the line is lost, and `metrics_snapshot::log_failures` counts it. A
/// sink that throws three times in a row is not called again.
using log_sink = std::function<void(log_level, std::string_view)>;

} // namespace parley
