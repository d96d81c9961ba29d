// A server whose certificate a private authority has signed: tls [URL CA_FILE]

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <string>
#include <utility>

namespace asio = boost::asio;

//! [private]
parley::chat_client_config with_private_authority(std::string url, std::string authority) {
    parley::chat_client_config config;
    config.server_url = std::move(url);                  // wss://
    config.connection.tls.ca_pem = std::move(authority); // or ca_file, a path
    return config;
}
//! [private]

//! [more]
void set_up_network(parley::connection_config& connection) {
    connection.tls.certificate_file = "/etc/service/client.pem"; // the client's own certificate
    connection.tls.key_file = "/etc/service/client.key";
    connection.tls.min_version = parley::tls_config::version::tls_1_3;
    connection.proxy = "http://proxy.example:3128"; // for tickets and the WebSocket alike
}
//! [more]

parley::awaitable<void> greet(parley::chat_client& client) {
    co_await client.init();
    const parley::answer got = co_await client.ask("Hello");
    std::cout << got.text << '\n';
    co_await client.disconnect();
}

int main(int argc, char** argv) {
    parley::testing::chat_server_options options;
    options.tls = parley::testing::server_tls::generated;
    parley::testing::chat_server server(options);
    auto config = with_private_authority(argc > 1 ? argv[1] : server.url(), server.ca_pem());
    if (argc > 2) {
        config.connection.tls.ca_pem.clear();
        config.connection.tls.ca_file = argv[2];
    }
    asio::io_context io;
    parley::chat_client client{io.get_executor(), std::move(config)};
    asio::co_spawn(io, greet(client), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    try {
        io.run();
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << '\n';
        return 1;
    }
}
