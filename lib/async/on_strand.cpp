#include <parley/detail/on_strand.hpp>

namespace parley::detail {

template awaitable<void> on_strand<void>(strand, std::function<awaitable<void>()>);

} // namespace parley::detail
