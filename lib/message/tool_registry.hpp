#pragma once

#include <parley/tool.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// Throws `tool_configuration_error` (`invalid_configuration`) for a tool without a handler, and
/// for a setting that is out of its bounds.
void check_tool_settings(const tool& one);

/// The tools that a server may call, in the order of their registration. Any thread: it is looked
/// up on the strand and changed from wherever the user calls.
class tool_registry {
public:
    /// All of them or none. Throws `tool_configuration_error`: `tool_duplicate`,
    /// `tool_schema_invalid`, `tool_name_invalid`; what check_tool_settings does.
    void add(std::vector<tool> added);
    /// Throws `tool_configuration_error` (`tool_unknown`).
    void remove(const std::string& name);
    /// Gives registered tools the handler and the limits of these; what the server was told of
    /// them stays. All of them or none. Throws `tool_unknown`, and as `add` does.
    void replace(std::vector<tool> replaced);

    std::shared_ptr<const tool> find(std::string_view name) const; ///< null when there is none
    std::vector<tool> all() const;

private:
    using entries = std::vector<std::shared_ptr<const tool>>;
    static entries::iterator find_in(entries& in, std::string_view name);

    mutable std::mutex mutex_;
    entries tools_; // few, so that a search is a walk
};

} // namespace parley
