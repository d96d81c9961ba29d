#pragma once

#include <parley/telemetry.hpp>
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

/// The tools that the server may call, in the order of registration. Any thread: the strand looks
/// tools up, and the user changes them from any thread.
class tool_registry {
public:
    /// Registered tools have series of metrics there, and it must outlive this; null: none.
    explicit tool_registry(telemetry::impl* to = nullptr) noexcept : telemetry_(to) {}

    /// All of them or none. Throws `tool_configuration_error`: `tool_duplicate`,
    /// `tool_schema_invalid`, `tool_name_invalid`, and as check_tool_settings does.
    void add(std::vector<tool> added);
    /// Throws `tool_configuration_error` (`tool_unknown`).
    void remove(const std::string& name);
    /// Gives registered tools the handlers and the limits of these, and keeps the description that
    /// the server has. All of them or none. Throws `tool_unknown`, and as `add` does.
    void replace(std::vector<tool> replaced);

    std::shared_ptr<const tool> find(std::string_view name) const; ///< null when there is none
    std::vector<tool> all() const;

private:
    using entries = std::vector<std::shared_ptr<const tool>>;
    static entries::iterator find_in(entries& in, std::string_view name);

    telemetry::impl* const telemetry_;
    mutable std::mutex mutex_;
    entries tools_; // few: the search is linear
};

} // namespace parley
