#include <parley/ticket_source.hpp>

namespace parley {

ticket_source::~ticket_source() = default;

} // namespace parley
