#include "async/flight.hpp"

namespace parley {

template class flight<void>;

} // namespace parley
