#include "dialect/parley/decoder.hpp"

#include "dialect/parley/frame_rules.hpp"
#include "dialect/parley/frame_scanner.hpp"

#include <fmt/core.h>

#include <optional>
#include <string>
#include <utility>

namespace parley {

namespace {

/// The message with these fields, all of them good; null, and the fault in `why`.
const wire::frame_row* usable_row(wire::frame_fields& fields, message_skipped& why,
                                  unsigned& ignored) {
    const auto* row = wire::identify(fields, why);
    if (!row) return nullptr;
    auto skipped = wire::check_fields(*row, fields, ignored);
    if (!skipped) return row;
    why = std::move(*skipped);
    return nullptr;
}

} // namespace

server_frame decoder::decode(std::string_view text) {
    // One for each thread, because an idle session would hold it for nothing.
    static thread_local wire::frame_fields fields;
    fields.clear();
    ignored_ = 0;
    if (text.size() > longest_)
        return message_skipped{skip_reason::too_large, fmt::format("{} bytes", text.size())};
    if (const auto* row = formats_.match(text, fields)) return row->build(fields);
    if (!wire::scan_frame(text, fields)) return wire::skipped_for(text);
    message_skipped why;
    const auto* row = usable_row(fields, why, ignored_);
    if (!row) return why;
    if (ignored_ == 0) formats_.learn(*row, text, fields); // else the next would not count
    return row->build(fields);
}

} // namespace parley
