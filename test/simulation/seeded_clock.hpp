#pragma once

#include "core/clock.hpp"

#include <memory>

namespace parley::simulation {

class world;

/// The world's time, whose alarms, when rung, go off in the order that the seed chooses: on several
/// threads nothing says which of two woken waiters gets to its strand first.
std::shared_ptr<clock_source> make_seeded_clock(world& in);

} // namespace parley::simulation
