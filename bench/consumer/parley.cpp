// What a file of a service costs its compiler: one that awaits `init`.

#include <parley/chat_client.hpp>

boost::asio::awaitable<void> open(parley::chat_client& client) { co_await client.init(); }
