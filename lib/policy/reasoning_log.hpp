#pragma once

#include <parley/event.hpp>

#include "core/clock.hpp"
#include "policy/surrogate_joiner.hpp"

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// Collects the model's reasoning per id (doc/protocol.md 2.2): takes the server's messages, and
/// returns the events.
///
/// A delta for an unknown id starts it, a start of an open id ends that first, and an end without a
/// start is ignored. When there are too many ids or too much text, the oldest ids are ended: their
/// text goes out in pieces, and none is lost. Halves of a UTF-16 pair are joined for each id; a
/// piece that is empty until its other half arrives is no event.
class reasoning_log {
public:
    static constexpr std::size_t default_ids = 64;
    static constexpr std::size_t default_bytes = 4u << 20;

    explicit reasoning_log(std::size_t max_ids = default_ids, std::size_t max_bytes = default_bytes)
        : max_ids_(max_ids), max_bytes_(max_bytes) {}

    std::vector<event> start(time_point now, std::string id);
    /// The common case: the delta starts and ends nothing, and `text` becomes the event's. False:
    /// call `delta`; `text` is unchanged.
    bool grow(const std::string& id, std::string& text);
    std::vector<event> delta(time_point now, std::string id, std::string text);
    std::vector<event> end(time_point now, const std::string& id);
    /// The run is over: ends whatever is open, in the order of the starts.
    std::vector<event> end_all(time_point now);

    std::size_t open() const noexcept { return open_.size(); }

private:
    struct thought {
        std::string id;
        std::string text;
        time_point started;
        surrogate_joiner halves;
    };
    using position = std::list<thought>::iterator;

    static constexpr std::size_t longer = 3; // a piece may get by joining
    position find(const std::string& id);
    position open(time_point now, std::string id, std::vector<event>& out);
    void finish(time_point now, position which, std::vector<event>& out);

    std::size_t max_ids_;
    std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    std::list<thought> open_; // the oldest first; few: the search is linear
};

} // namespace parley
