#include "message/tool_registry.hpp"

#include <parley/error.hpp>

#include "core/settings.hpp"
#include "core/text.hpp"
#include "dialect/parley/encoder.hpp"
#include "telemetry/telemetry_impl.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

namespace parley {

namespace {

[[noreturn]] void refuse(errc why, const std::string& sentence) {
    throw tool_configuration_error(error_info(why, sentence));
}

std::string in_quotes(std::string_view name) { return "\"" + shorten_and_escape(name) + "\""; }

void refuse_unless_good(const std::string& fault) {
    if (!fault.empty()) refuse(errc::invalid_configuration, fault);
}

void check(const tool& one) {
    if (one.name().empty()) refuse(errc::tool_name_invalid, "A tool needs a name.");
    if (!valid_utf8(one.name()))
        refuse(errc::tool_name_invalid,
               "The name of the tool " + in_quotes(one.name()) + " is not valid UTF-8.");
    if (!valid_utf8(one.description()))
        refuse(errc::tool_schema_invalid,
               "The description of the tool " + in_quotes(one.name()) + " is not valid UTF-8.");
    tool_parameters(one);
    check_tool_settings(one);
}

[[noreturn]] void refuse_unknown(const std::string& name) {
    refuse(errc::tool_unknown, "There is no tool " + in_quotes(name) + ".");
}

} // namespace

void check_tool_settings(const tool& one) {
    constexpr auto any_more = std::numeric_limits<std::uint64_t>::max();
    const auto quoted = in_quotes(one.name());
    if (!one.handler())
        refuse(errc::invalid_configuration, "The tool " + quoted + " has no handler.");
    if (one.timeout())
        refuse_unless_good(setting_fault("timeout of the tool " + quoted, *one.timeout(),
                                         std::chrono::milliseconds(1)));
    if (one.max_running())
        refuse_unless_good(
            setting_fault("max_running of the tool " + quoted, *one.max_running(), 1, any_more));
}

tool_registry::entries::iterator tool_registry::find_in(entries& in, std::string_view name) {
    return std::find_if(in.begin(), in.end(), [&](const auto& one) { return one->name() == name; });
}

void tool_registry::add(std::vector<tool> added) {
    for (const tool& one : added)
        check(one);
    const std::lock_guard lock(mutex_);
    entries together = tools_;
    for (tool& one : added) {
        if (find_in(together, one.name()) != together.end())
            refuse(errc::tool_duplicate,
                   "There is a tool " + in_quotes(one.name()) + " already: names are unique.");
        together.push_back(std::make_shared<const tool>(std::move(one)));
    }
    if (telemetry_)
        for (const auto& one : together)
            telemetry_->register_tool(one->name());
    tools_ = std::move(together);
}

void tool_registry::remove(const std::string& name) {
    std::shared_ptr<const tool> gone; // destroyed after the unlock: a handler may own anything
    const std::lock_guard lock(mutex_);
    const auto found = find_in(tools_, name);
    if (found == tools_.end()) refuse_unknown(name);
    gone = std::move(*found);
    tools_.erase(found);
}

void tool_registry::replace(std::vector<tool> replaced) {
    for (const tool& one : replaced)
        check_tool_settings(one);
    entries together;
    const std::lock_guard lock(mutex_);
    together = tools_;
    for (tool& one : replaced) {
        const auto found = find_in(together, one.name());
        if (found == together.end()) refuse_unknown(one.name());
        const tool& known = **found;
        tool renewed(known.name(), known.description(), known.parameters_schema(), one.handler());
        if (one.timeout()) renewed.timeout(*one.timeout());
        if (one.max_running()) renewed.max_running(*one.max_running());
        if (one.max_waiting()) renewed.max_waiting(*one.max_waiting());
        renewed.executor(one.executor());
        *found = std::make_shared<const tool>(std::move(renewed));
    }
    tools_.swap(together); // the old tools are destroyed after the unlock
}

std::shared_ptr<const tool> tool_registry::find(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    for (const auto& one : tools_)
        if (one->name() == name) return one;
    return nullptr;
}

std::vector<tool> tool_registry::all() const {
    const std::lock_guard lock(mutex_);
    std::vector<tool> copies;
    copies.reserve(tools_.size());
    for (const auto& one : tools_)
        copies.push_back(*one);
    return copies;
}

} // namespace parley
