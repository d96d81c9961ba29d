#pragma once

#include <parley/error.hpp>

#include <optional>

namespace parley {

/// One `update_tools` that awaits its acknowledgement.
class tool_update {
public:
    std::optional<result<void>> outcome;
};

} // namespace parley
