// The ends of the settings, over real sockets and in real time.

#include <parley/chat_client.hpp>

#include "support/live.hpp"
#include "support/settings.hpp"
#include "testing/server_settings.hpp"

#include <limits>
#include <string>

namespace settings_test {

using namespace parley;
using namespace parley::test;
using parley::testing::answer_script;
using parley::testing::chat_server;
using parley::testing::chat_server_options;
using parley::testing::server_tls;

namespace {

/// Each number at the greatest value that is taken.
chat_client_config at_their_greatest(chat_client_config config) {
    for_each_setting<chat_client_config>([&](const auto&, const auto& row, const auto& member) {
        if constexpr (requires { row.most; }) member(config) = row.most;
    });
    return config;
}

} // namespace

TEST_CASE("settings: a session works with each number at its maximum, with and without compression",
          "[loopback][settings][O149]") {
    const bool compression = GENERATE(true, false);
    const auto tls = GENERATE(server_tls::off, server_tls::generated);
    CAPTURE(compression, tls);
    live l;
    chat_server_options options;
    options.tls = tls;
    chat_server server(options);
    const std::string large(100'000, 'x');
    server.on_message([&large](const auto&) {
        answer_script script;
        script.text(large);
        return script;
    });
    auto config = at_their_greatest(config_for(server));
    config.connection.compression = compression;
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    CHECK(l.run(client.ask("Hi")).text == large);
    l.run(client.disconnect());
    CHECK(server.violations().empty());
}

TEST_CASE("settings: a chat_server works with each number at its limits, or names the invalid one",
          "[loopback][settings][O149]") {
    try_settings(chat_server_options(), [](const std::string& name, chat_server_options options,
                                           bool allowed) {
        INFO(name);
        if (name == "port") return;                   // whichever there is may be taken
        if (options.tls == server_tls::files) return; // there are none
        try {
            chat_server server(options);
            CHECK(allowed);
            live l;
            chat_client client(l.io.get_executor(), config_for(server));
            const bool odd = options.ticket_lifetime.count() == 1 ||
                             options.max_message_size == 1 || options.clock_offset.count() != 0;
            try {
                l.run(client.init());
            } catch (const client_error&) {
                CHECK(odd); // an expired ticket, say
            }
            l.run(client.disconnect());
        } catch (const client_error& refused) {
            CHECK_FALSE(allowed);
            CHECK(refused.message().starts_with("The setting " + name + " must be "));
        }
    });
}

TEST_CASE("settings: a message without a limit is rejected, with and without compression",
          "[loopback][settings][O149]") {
    live l;
    chat_server server;
    auto config = config_for(server);
    config.connection.limits.message_bytes = std::numeric_limits<std::size_t>::max();
    for (const bool compression : {true, false}) {
        config.connection.compression = compression;
        CHECK_THROWS_AS(chat_client(l.io.get_executor(), config), client_error);
    }
}

} // namespace settings_test
