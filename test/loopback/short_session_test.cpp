// A session with all that most have: for a checker under which nothing longer can be run
// (`test/long.sh valgrind`).

#include <parley/chat_client.hpp>

#include "support/live.hpp"

#include <string>

namespace short_session_test {

using namespace parley;
using namespace parley::test;
using parley::testing::answer_script;
using parley::testing::chat_server;
using parley::testing::server_tls;

namespace {

tool shout_tool() {
    auto schema = json_text::parse(R"({"type":"object","properties":{"word":{"type":"string"}}})");
    return tool("shout", "Says it aloud", std::move(schema),
                [](tool_call call) -> awaitable<json_text> {
                    json_object said;
                    said.set("said", call.parameters().string_at("/word").value_or("") + "!");
                    co_return said;
                });
}

answer_script spoken(const parley::testing::received_message& asked) {
    answer_script script;
    script.reasoning({"Let me ", "see, ", "yes."}, "r1");
    script.call_tool("shout", R"({"word":"aha"})");
    for (unsigned count = 0; count < 40; ++count)
        script.text(std::string(1 + count * 7, 'a') + " ").text("é\"\\ ");
    script.text(asked.content).finish();
    return script;
}

} // namespace

TEST_CASE("short_session: a ticket, tools, answers of many pieces, a close",
          "[loopback][short_session]") {
    const bool secure = GENERATE(false, true);
    const bool deflated = GENERATE(false, true);
    CAPTURE(secure, deflated);
    live l;
    auto options = awkward_tickets();
    options.tls = secure ? server_tls::generated : server_tls::off;
    options.permessage_deflate = deflated;
    chat_server server(options);
    server.on_message(spoken);
    auto config = config_for(server);
    config.connection.compression = deflated;
    config.client_tools.push_back(shout_tool());
    chat_client client(l.io.get_executor(), config);
    l.run(client.init());
    for (unsigned count = 0; count < 3; ++count) {
        const auto said = l.run(client.ask(std::string(100, 'q')));
        CHECK(said.text.ends_with(std::string(100, 'q')));
    }
    CHECK(server.seen().tool_responses == 3);
    l.run(client.disconnect());
    CHECK(server.violations().empty());
    CHECK(l.drains());
}

} // namespace short_session_test
