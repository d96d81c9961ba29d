// What goes through a proxy, and what never does.

#include <parley/chat_client.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/websocket_manager.hpp>

#include "support/live.hpp"
#include "support/raw_server.hpp"

#include <string>

namespace proxy_test {

using namespace parley;
using namespace parley::test;
using parley::testing::chat_server;

namespace {

/// Accepts every connection, and sends nothing.
class silent_proxy {
public:
    std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
    unsigned connections() const { return server_.connections(); }

private:
    raw_server server_{[](raw_peer& peer) { peer.hold(); }};
};

template <class Make>
bool refuses_plaintext(Make make) {
    try {
        make();
    } catch (const client_error& refused) {
        return refused.info().is(errc::plaintext_refused);
    }
    return false;
}

} // namespace

TEST_CASE("proxy: a server on this machine is always reached directly", "[loopback][proxy]") {
    const std::string host = GENERATE("127.0.0.1", "localhost", "localhost.");
    CAPTURE(host);
    const silent_proxy proxy;
    chat_server server(awkward_tickets());
    server.add_thread("conversation");
    live l;
    log_capture log;
    auto config = config_for(server);
    config.server_url = "ws://" + host + ":" + std::to_string(server.port());
    config.connection.proxy = proxy.url();
    config.log = log.sink();
    ticket_manager_options options;
    options.connection = config.connection;
    ticket_manager tickets(l.io.get_executor(), config.auth, config.server_url, {}, options);
    l.run(tickets.get_valid_ticket());
    CHECK(l.run(tickets.validate_with_server()).valid);

    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    CHECK_FALSE(l.run(client.ask("hello")).text.empty());
    l.run(client.update_metadata("conversation", metadata_patch().title("t")));
    l.run(client.disconnect());

    CHECK(proxy.connections() == 0);
    CHECK(server.seen().sessions_opened == 1);
    CHECK(log.count(log_level::info, "the proxy is not used") == 1);
    CHECK(l.drains());
}

TEST_CASE("proxy: plain text to another machine must be enabled, through a proxy too",
          "[loopback][proxy]") {
    const silent_proxy proxy;
    live l;
    const std::string elsewhere = "ws://chat.test";
    chat_client_config config;
    config.server_url = elsewhere;
    config.connection.proxy = proxy.url();
    ticket_manager_options options;
    options.connection = config.connection;

    CHECK(refuses_plaintext([&] { chat_client(l.io.get_executor(), config); }));
    CHECK(refuses_plaintext(
        [&] { websocket_manager(l.io.get_executor(), elsewhere, config.connection); }));
    CHECK(refuses_plaintext(
        [&] { ticket_manager(l.io.get_executor(), auth_data(), elsewhere, {}, options); }));
    CHECK(l.drains());
    CHECK(proxy.connections() == 0);
}

} // namespace proxy_test
