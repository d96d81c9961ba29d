#pragma once

#include <parley/error.hpp>

#include <optional>

namespace parley {

/// One `update_tools` that awaits its acknowledgement.
class tool_update {
public:
    bool done = false;
    std::optional<error_info> error;
};

} // namespace parley
