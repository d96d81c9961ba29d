// Links the client and the test server.

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/io_context.hpp>

int main() {
    parley::testing::chat_server server;
    parley::chat_client_config config;
    config.server_url = server.url();
    boost::asio::io_context io;
    parley::chat_client client(io.get_executor(), config);
    return server.seen().sessions_opened == 0 ? 0 : 1;
}
