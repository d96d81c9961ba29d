#pragma once

#include <parley/named.hpp>

#include <functional>
#include <string_view>

namespace parley {

enum class log_level { debug, info, warning, error };

std::string_view to_string(log_level) noexcept;

/// Takes one line at a time, without a final newline. Called on the client's strand: never twice at
/// once for one client. What it throws is swallowed by nobody: do not throw. Lines carry no secret
/// and no control character.
using log_sink = std::function<void(log_level, std::string_view)>;

} // namespace parley
