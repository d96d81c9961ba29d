#include "transport/discard_input.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/system/error_code.hpp>

#include <tuple>
#include <utility>
#include <vector>

namespace parley {

awaitable<void> discard_input(asio::ip::tcp::socket& socket) {
    constexpr std::size_t at_once = 64 * 1024;
    boost::system::error_code failed;
    socket.shutdown(asio::ip::tcp::socket::shutdown_send, failed);
    std::vector<char> dropped(at_once);
    for (std::size_t taken = 0; !failed && taken < most_discarded;) {
        auto receiving =
            socket.async_read_some(asio::buffer(dropped), asio::as_tuple(asio::deferred));
        const auto got = co_await std::move(receiving);
        failed = std::get<0>(got);
        taken += std::get<1>(got);
    }
}

} // namespace parley
