// Out of line, so that a file which only includes the header does not compile a coroutine.

#include <parley/event_handlers.hpp>

#include <utility>

namespace parley {

event_handlers& event_handlers::add(handler added) {
    handlers_.push_back(std::move(added));
    return *this;
}

awaitable<void> event_handlers::nothing() { co_return; }

} // namespace parley
