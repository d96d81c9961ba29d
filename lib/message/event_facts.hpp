#pragma once

#include <parley/event.hpp>

#include <cstddef>
#include <cstdint>

namespace parley {

/// What an event is part of, which decides where it goes.
enum class event_scope : std::uint8_t {
    run,          ///< the `ask` that began the run, or else next_event
    end_of_run,   ///< likewise, and the last of the run
    conversation, ///< the `ask` of the run that it belongs to, or else next_event
    session       ///< next_event
};

struct event_facts {
    event_scope scope;
    std::size_t bytes; ///< roughly what the event holds on the heap: its text
};

/// An event that is missing in the table (event_facts.cpp) does not compile.
event_facts facts_of(const event& happened);

} // namespace parley
