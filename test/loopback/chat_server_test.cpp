#include <parley/json_text.hpp>
#include <parley/testing/chat_server.hpp>

#include "loopback/raw_client.hpp"
#include "support/catch.hpp"

#include <cctype>
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace chat_server_test {

using namespace std::chrono_literals;
using namespace parley::testing;
using parley::json_text;
using parley::test::raw_client;
using ending = raw_client::ending;

namespace {

const std::string ticket_body =
    R"({"clientInfo":{"userAgent":"raw/1","timestamp":"2026-11-22T19:00:00.000Z"}})";
const std::string tools =
    R"({"type":"configure_tools","toolSchemas":[{"name":"get_weather","description":"",)"
    R"("parameters":[]}],"contextHelpers":{}})";

std::string encoded(const std::string& text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0) {
            result += c;
        } else {
            result += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return result;
}

/// What breaks a client that does not percent-encode, or that encodes by halves.
chat_server_options awkward_tickets() {
    chat_server_options options;
    options.awkward_tickets = true;
    return options;
}

std::string at(const std::string& json, const char* pointer) {
    return json_text::parse(json).string_at(pointer).value_or("(none)");
}

std::string chat(const std::string& content) {
    const json_text message = parley::json_object{}
                                  .set("type", "chat_message")
                                  .set("content", content)
                                  .set("media", json_text::parse("[]"));
    return std::string(message.view());
}

/// With a WebSocket open, and `session_established` not yet read.
class opened_client : public raw_client {
public:
    explicit opened_client(chat_server& server) : raw_client(server.port()) {
        upgrade("/ws?ticket=" + encoded(server.issue_ticket()));
    }
    /// The texts up to and with the first of this type.
    std::vector<std::string> read_to(const std::string& type) {
        std::vector<std::string> result;
        do {
            result.push_back(read_text());
        } while (at(result.back(), "/type") != type);
        return result;
    }
};

/// What the deltas say together.
std::string answer_in(const std::vector<std::string>& frames) {
    std::string text;
    for (const std::string& frame : frames) {
        text += json_text::parse(frame).string_at("/data/delta").value_or("");
    }
    return text;
}

} // namespace

TEST_CASE("chat_server: issues tickets that need no escaping in a URL", "[loopback][chat_server]") {
    const std::string unreserved = // RFC 3986, 2.3
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    chat_server server;
    raw_client http(server.port());
    for (int i = 0; i < 100; ++i) {
        const auto issued = http.request("POST", "/api/v1/tickets", ticket_body);
        const std::string ticket = at(issued.body, "/ticket");
        CHECK(ticket.size() >= 16);
        CHECK(ticket.find_first_not_of(unreserved) == std::string::npos);
        raw_client socket(server.port());
        CHECK(socket.upgrade("/ws?ticket=" + ticket).status == 101);
    }
    CHECK(server.violations().empty());
}

TEST_CASE("chat_server: issues tickets that need percent-encoding and open sessions until they "
          "expire",
          "[loopback][chat_server]") {
    chat_server server(awkward_tickets());
    raw_client http(server.port());
    const auto issued = http.request("POST", "/api/v1/tickets", ticket_body);
    CHECK(issued.status == 200);
    CHECK(issued.head.find("\r\nDate: ") != std::string::npos);
    const std::string ticket = at(issued.body, "/ticket");
    CHECK(ticket.find_first_of("+/#%=&") != std::string::npos);
    CHECK(at(issued.body, "/expiresAt").ends_with("Z"));

    for (int use = 0; use < 2; ++use) {
        raw_client socket(server.port());
        const auto upgraded = socket.upgrade("/ws?x=1&ticket=" + encoded(ticket));
        CHECK(upgraded.status == 101);
        CHECK(upgraded.head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos);
        CHECK(at(socket.read_text(), "/type") == "session_established");
    }
    server.expire_tickets();
    raw_client late(server.port());
    const auto refused = late.upgrade("/ws?ticket=" + encoded(ticket));
    CHECK(refused.status == 401);
    CHECK(at(refused.body, "/code") == "TICKET_EXPIRED");
    CHECK(server.seen().tickets_issued == 1);
    CHECK(server.seen().sessions_opened == 2);
    CHECK(server.seen().upgrades_rejected == 1);
    CHECK(server.violations().empty());
}

TEST_CASE("chat_server: validates tickets, checks tokens and updates known threads",
          "[loopback][chat_server]") {
    chat_server_options options = awkward_tickets();
    options.accepted_tokens = {"good"};
    options.path_prefix = "/chat/";
    chat_server server(options);
    CHECK(server.url() == "ws://127.0.0.1:" + std::to_string(server.port()) + "/chat");
    const std::string token = "X-Oddle-MP-Auth-Token: good\r\n";
    raw_client http(server.port());
    CHECK(http.request("POST", "/chat/api/v1/tickets", ticket_body).status == 401);

    const json_text known = parley::json_object{}.set("ticket", server.issue_ticket());
    const std::string validate = "/chat/api/v1/tickets/validate";
    CHECK(http.request("POST", validate, std::string(known.view()), token).body ==
          R"({"valid":true})");
    server.revoke_tickets();
    const auto revoked = http.request("POST", validate, std::string(known.view()), token);
    CHECK(at(revoked.body, "/code") == "TICKET_INVALID");

    server.add_thread("a/b");
    const std::string thread = "/chat/api/v1/threads/";
    CHECK(http.request("PATCH", thread + "a%2Fb", R"({"title":null})", token).status == 200);
    CHECK(http.request("PATCH", thread + "other", R"({"title":"x"})", token).status == 404);
    CHECK(server.seen().thread_updates == 2);
    CHECK(server.requests().at(3).body == R"({"title":null})");
    for (const std::string metadata : {"null", "{}", "[1]", "\"text\"", "0.5", "true"}) {
        const std::string body = R"({"metadata":)" + metadata + "}";
        const auto updated = http.request("PATCH", thread + "a%2Fb", body, token);
        CHECK(updated.status == 200);
        CHECK(updated.body.find(body) != std::string::npos);
    }
    CHECK(server.violations().empty());
}

TEST_CASE("chat_server: the demonstration calls the weather tool and uses its result",
          "[loopback][chat_server]") {
    chat_server server(awkward_tickets());
    opened_client client(server);
    client.read_to("session_established");
    client.send_text(tools);
    CHECK(client.read_text() == R"({"type":"tools_configured","data":{"toolCount":1,)"
                                R"("toolNames":["get_weather"]}})");
    client.send_text(chat("What's the weather in Zürich?"));
    const auto asked = client.read_to("tool_call_request");
    CHECK(at(asked.front(), "/type") == "thread_created");
    CHECK(at(asked.at(1), "/data/type") == "reasoning-start");
    CHECK(at(asked.back(), "/parameters/city") == "Zürich");
    const std::string call = at(asked.back(), "/callId");
    client.send_text(R"({"type":"tool_call_response","callId":")" + call +
                     R"(","result":{"temperature":21.5,"conditions":"sunny"}})");
    const auto told = client.read_to("messages_persisted");
    CHECK(told.size() > 5);
    CHECK(answer_in(told).find("Zürich right now: 21.5 °C and sunny.") != std::string::npos);
    CHECK(at(told.at(told.size() - 2), "/type") == "chat_finished");

    client.send_text(chat("Hello there"));
    const auto echoed = client.read_to("messages_persisted");
    CHECK(answer_in(echoed).find("You said: Hello there") != std::string::npos);
    CHECK(at(echoed.front(), "/type") == "chat_event"); // the thread was created before
    CHECK(server.violations().empty());
    CHECK(server.internal_errors().empty());
}

TEST_CASE("chat_server: a tool_call_response with neither result nor error is a result of null",
          "[loopback][chat_server]") {
    chat_server server(awkward_tickets());
    const auto choose = [](const received_message&) {
        return answer_script{}.call_tool("forgetful", "{}").then([](const tool_answer& answer) {
            return answer_script{}.text(answer.result.value_or("none") + answer.error.value_or(""));
        });
    };
    server.on_message(choose);
    opened_client client(server);
    client.read_to("session_established");
    client.send_text(chat("hi"));
    const std::string call = at(client.read_to("tool_call_request").back(), "/callId");
    client.send_text(R"({"type":"tool_call_response","callId":")" + call + R"("})");
    CHECK(answer_in(client.read_to("chat_finished")) == "null");
    CHECK(server.violations().size() == 1); // it is against the protocol all the same
}

TEST_CASE("chat_server: ids differ from one start of the server to the next",
          "[loopback][chat_server]") {
    std::set<std::string> conversations;
    std::set<std::string> calls;
    for (int start = 0; start < 3; ++start) {
        chat_server server(awkward_tickets());
        for (int session = 0; session < 2; ++session) {
            opened_client client(server);
            client.read_to("session_established");
            client.send_text(tools);
            client.send_text(chat("What's the weather in Zürich?"));
            const auto asked = client.read_to("tool_call_request");
            conversations.insert(at(asked.at(1), "/data/providerResId"));
            calls.insert(at(asked.back(), "/callId"));
        }
    }
    CHECK(conversations.size() == 6);
    CHECK(calls.size() == 6);
}

TEST_CASE("chat_server: scripts of any web origin may use every HTTP endpoint",
          "[loopback][chat_server]") {
    chat_server_options options = awkward_tickets();
    options.path_prefix = "/chat";
    chat_server server(options);
    server.add_thread("t");
    const std::string origin = "Origin: http://localhost:3000\r\n";
    const auto has = [](const raw_client::response& reply, const std::string& header) {
        return reply.head.find("\r\n" + header) != std::string::npos;
    };
    const std::string allowed = "Access-Control-Allow-Origin: http://localhost:3000\r\n";
    raw_client http(server.port());
    server.fail(endpoint::ticket, http_fault::status(503), 1); // for the request, not the preflight
    const std::vector<std::pair<std::string, std::string>> endpoints{
        {"POST", "/chat/api/v1/tickets"},
        {"POST", "/chat/api/v1/tickets/validate"},
        {"PATCH", "/chat/api/v1/threads/t"},
    };
    for (const auto& [method, path] : endpoints) {
        CAPTURE(path);
        const auto asked =
            http.request("OPTIONS", path, "",
                         origin + "Access-Control-Request-Method: " + method +
                             "\r\nAccess-Control-Request-Headers: content-type,baggage\r\n");
        CHECK(asked.status == 200);
        CHECK(has(asked, allowed));
        CHECK(has(asked, "Access-Control-Allow-Methods: GET, POST, PATCH\r\n"));
        CHECK(has(asked, "Access-Control-Allow-Headers: content-type, x-oddle-mp-auth-token, "
                         "x-oddle-chat-server-key, content-type,baggage\r\n"));
        CHECK(has(http.request(method, path, ticket_body, origin), allowed));
        CHECK_FALSE(has(http.request(method, path, ticket_body), "Access-Control-Allow-Origin:"));
    }
    CHECK(server.seen().tickets_refused == 1);
    const auto nothing = http.request("OPTIONS", "/chat/other", "", origin);
    CHECK(nothing.status == 404);
    CHECK(has(nothing, allowed));
    raw_client refused(server.port());
    CHECK(has(refused.upgrade("/chat/ws?ticket=none", origin), allowed));
}

TEST_CASE("chat_server: an answer's steps are carried out in order", "[loopback][chat_server]") {
    chat_server server(awkward_tickets());
    const auto choose = [](const received_message& message) {
        return answer_script{}
            .provider_text(message.content)
            .pause(1ms)
            .server_tool("search", "s1", R"({"q":1})", R"({"n":2})")
            .latitude_tool("lookup", "s2")
            .ui_component("u1", "card", "{}")
            .raw("no json")
            .binary("\x01")
            .chat_error("it broke", "E1");
    };
    server.on_message(choose);
    opened_client client(server);
    client.read_to("session_established");
    client.send_text(chat("hi"));
    const auto begun = client.read_to("ui_component");
    CHECK(at(begun.at(1), "/data/textDelta") == "hi");
    CHECK(begun.at(3).find(R"("result":{"n":2})") != std::string::npos);
    CHECK(at(begun.at(4), "/event") == "latitude-event");
    CHECK(client.read_text() == "no json");
    CHECK(client.read_frame() == raw_client::frame{2, "\x01"});
    CHECK(at(client.read_text(), "/data/errorCode") == "E1");
    CHECK(server.seen().runs_finished == 1);

    server.on_message(
        [](const received_message&) -> answer_script { throw std::runtime_error("oh"); });
    client.send_text(chat("again"));
    CHECK(at(client.read_text(), "/type") == "chat_error");
    CHECK(server.internal_errors().size() == 1);
}

TEST_CASE("chat_server: a pause of never lasts, and a ticket with a lifetime of never does too",
          "[loopback][chat_server]") {
    chat_server server;
    server.set_ticket_lifetime(std::chrono::milliseconds::max());
    server.on_message([](const received_message&) {
        return answer_script{}
            .provider_text("first")
            .pause(std::chrono::milliseconds::max())
            .provider_text("second");
    });
    opened_client client(server); // with a ticket that has not expired
    client.read_to("session_established");
    client.send_text(chat("hi"));
    CHECK(at(client.read_to("chat_event").back(), "/data/textDelta") == "first");
    client.send_text(R"({"type":"stop_run","conversationUuid":""})");
    CHECK(at(client.read_text(), "/type") == "chat_finished");
}

TEST_CASE("chat_server: stop_run ends a run that waits for its tool", "[loopback][chat_server]") {
    chat_server server(awkward_tickets());
    server.on_message([](const received_message&) {
        return answer_script{}.call_tool("slow", "{}", "c1").text("never said");
    });
    opened_client client(server);
    client.read_to("session_established");
    client.send_text(chat("hi"));
    client.read_to("tool_call_request");
    client.send_text(R"({"type":"stop_run","conversationUuid":""})");
    CHECK(at(client.read_text(), "/type") == "chat_finished");
    client.read_text();
    client.send_text(R"({"type":"tool_call_response","callId":"c1","error":"late"})");
    client.send_text(R"({"type":"tool_call_response","callId":"c1","error":"twice"})");
    CHECK(server.wait_until([](const counters& seen) { return seen.tool_responses == 2; }));
    CHECK(server.violations().size() == 1);
}

TEST_CASE("chat_server: ticket requests fail as configured, in order, then succeed",
          "[loopback][chat_server]") {
    chat_server server(awkward_tickets());
    const std::string path = "/api/v1/tickets";
    server.fail(endpoint::ticket, http_fault::status(503).header("Retry-After", "7"), 2);
    server.fail(endpoint::ticket, http_fault::failure("no", "X"), 1);
    server.fail(endpoint::ticket, http_fault::delay(1ms), 1);
    raw_client http(server.port());
    const auto busy = http.request("POST", path, ticket_body);
    CHECK(busy.status == 503);
    CHECK(busy.head.find("Retry-After: 7") != std::string::npos);
    CHECK(http.request("POST", path, ticket_body).status == 503);
    CHECK(at(http.request("POST", path, ticket_body).body, "/code") == "X");
    CHECK(http.request("POST", path, ticket_body).status == 200);

    server.fail(endpoint::ticket, http_fault::raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
                1);
    CHECK(http.request("POST", path, ticket_body).body == "{}");
    CHECK(http.how_it_ends(5s) == ending::closed);

    server.fail(endpoint::ticket, http_fault::reset());
    raw_client cut(server.port());
    CHECK_THROWS(cut.request("POST", path, ticket_body));
    server.clear_faults();
    server.fail(endpoint::ticket, http_fault::hang());
    raw_client hung(server.port());
    hung.write("POST /api/v1/tickets HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    CHECK(hung.how_it_ends(100ms) == ending::still_open);
    CHECK(server.seen().ticket_requests == 7);
    CHECK(server.seen().tickets_issued == 1);
    CHECK(server.seen().tickets_refused == 6);
}

TEST_CASE("chat_server: sessions fail to open as configured", "[loopback][chat_server]") {
    chat_server server(awkward_tickets());
    server.fail(endpoint::upgrade, http_fault::status(403), 1);
    raw_client rejected(server.port());
    CHECK(rejected.upgrade("/ws?ticket=" + encoded(server.issue_ticket())).status == 403);

    server.fail_sessions(session_fault{}.authentication_error("TICKET_INVALID"), 1);
    opened_client unwelcome(server);
    CHECK(at(unwelcome.read_text(), "/code") == "TICKET_INVALID");
    CHECK(unwelcome.read_frame() == raw_client::frame{8, "\x11\x31"}); // 4401

    server.fail_sessions(session_fault{}.close(1008, "no"), 1);
    opened_client closed(server);
    CHECK(closed.read_frame() == raw_client::frame{8, "\x03\xf0no"});

    server.fail_sessions(session_fault{}.refuse_tools("bad tools"), 1);
    opened_client refused(server);
    refused.read_to("session_established");
    refused.send_text(tools);
    CHECK(at(refused.read_text(), "/error") == "bad tools");

    server.fail_sessions(session_fault{}.drop_after(1), 1);
    opened_client dropped(server);
    dropped.read_to("session_established");
    dropped.send_text(tools);
    CHECK(dropped.how_it_ends(5s) == ending::reset);

    server.fail_sessions(session_fault{}.silent(), 1);
    opened_client silent(server);
    silent.send_frame(0x89, ""); // a ping, which is not answered
    CHECK(silent.how_it_ends(100ms) == ending::still_open);
    CHECK(server.seen().sessions_rejected == 2);
}

TEST_CASE("chat_server: open sessions can be dropped, closed, silenced and written to",
          "[loopback][chat_server]") {
    chat_server server(awkward_tickets());
    opened_client client(server);
    client.read_to("session_established");
    server.send_to_all("]]");
    CHECK(client.read_text() == "]]");
    server.send_bytes_to_all("\xc1\x01x"); // RSV1 without an extension
    CHECK(client.read_bytes(3) == "\xc1\x01x");
    server.ask_for_tools_all();
    CHECK(client.read_text() == R"({"type":"configure_tools"})");

    server.silence_all();
    client.send_frame(0x89, "hi");
    server.send_to_all("later");
    std::this_thread::sleep_for(50ms);
    CHECK(server.seen().websocket_pings == 0);
    CHECK_FALSE(client.has_input());
    server.resume_all();
    const auto first = client.read_frame();
    const auto second = client.read_frame();
    CHECK((first.data == "later" ? second : first) == raw_client::frame{10, "hi"});

    server.heartbeat_ping_all("\"9007199254740993\"");
    const std::string ping = client.read_text();
    client.send_text(R"({"type":"heartbeat_pong","timestamp":"t","originalTimestamp":")" +
                     at(ping, "/timestamp") + R"(","pingTime":9007199254740993})");
    CHECK(server.wait_until([](const counters& seen) { return seen.protocol_errors == 1; }));
    client.send_text(R"({"type":"heartbeat_ping","timestamp":"t1","pingTime":1})");
    CHECK(at(client.read_text(), "/originalTimestamp") == "t1");

    server.close_all(1012, "restart");
    CHECK(client.read_frame() == raw_client::frame{8, "\x03\xf4restart"});
    client.send_frame(0x88, "\x03\xf4");
    client.end();
    CHECK(server.wait_until([](const counters& seen) { return seen.sessions_open_now == 0; }));

    opened_client other(server);
    other.read_to("session_established");
    server.refuse_connections(true);
    CHECK_THROWS(raw_client(server.port()));
    server.drop_all();
    CHECK(other.how_it_ends(5s) == ending::reset);
    server.refuse_connections(false);
    CHECK_NOTHROW(opened_client(server));
}

TEST_CASE(
    "chat_server: a client's violations of the protocol are counted and reported, and end nothing",
    "[loopback][chat_server]") {
    chat_server server(awkward_tickets());
    opened_client client(server);
    client.read_to("session_established");
    const std::vector<std::string> wrong{
        "not json",
        "[1]",
        "{}",
        R"({"type":"no_such_type"})",
        R"({"type":"chat_message","content":1,"media":[]})",
        R"({"type":"chat_message","content":"x","media":[1]})",
        R"({"type":"configure_tools","toolSchemas":[{"name":"n"}],"contextHelpers":{}})",
        R"({"type":"tool_call_response","callId":"c","result":1,"error":"e"})",
    };
    for (const std::string& text : wrong) {
        client.send_text(text);
        CHECK(at(client.read_text(), "/type") == "error");
    }
    client.send_frame(0x82, "\x01");
    CHECK(at(client.read_text(), "/type") == "error");
    CHECK(server.violations().size() == wrong.size() + 1);
    client.send_text(tools);
    CHECK(at(client.read_text(), "/type") == "tools_configured");
    CHECK(server.received("configure_tools").size() == 2);
}

TEST_CASE("chat_server: a message that is too large closes with 1009, which the client can read",
          "[loopback][chat_server]") {
    chat_server_options options = awkward_tickets();
    options.max_message_size = 1000;
    chat_server server(options);
    opened_client client(server);
    client.read_to("session_established");
    client.send_text(std::string(300'000, 'x'));
    CHECK(client.read_frame() == raw_client::frame{8, "\x03\xf1"});
    client.end();
    CHECK(server.wait_until([](const counters& seen) { return seen.sessions_open_now == 0; }));
    CHECK(server.violations().size() == 1);
}

TEST_CASE("chat_server: a close that crosses the client's close comes to an end",
          "[loopback][chat_server]") {
    chat_server server(awkward_tickets());
    server.on_message([](const received_message&) { return answer_script{}.close(1012); });
    // One segment: a message that makes the server close, others, the client's own close. How many
    // others there are decides what the server is doing when it comes to the client's close.
    for (int others = 0; others < 40; ++others) {
        opened_client client(server);
        client.read_to("session_established");
        std::string bytes = raw_client::frame_of(0x81, chat("close"));
        for (int i = 0; i < others; ++i) {
            bytes += raw_client::frame_of(
                0x81, R"({"type":"update_context_helpers","contextHelpers":{}})");
        }
        client.write(bytes + raw_client::frame_of(0x88, "\x03\xf4"));
        client.end();
        INFO("others: " << others);
        REQUIRE(
            server.wait_until([](const counters& seen) { return seen.sessions_open_now == 0; }));
    }
}

TEST_CASE("chat_server: serves TLS with a certificate that its CA has signed",
          "[loopback][chat_server]") {
    chat_server_options options = awkward_tickets();
    options.tls = server_tls::generated;
    chat_server server(options);
    CHECK(server.url() == "wss://localhost:" + std::to_string(server.port()));
    raw_client client(server.port());
    REQUIRE(client.start_tls(server.ca_pem(), "localhost"));
    CHECK(client.upgrade("/ws?ticket=" + encoded(server.issue_ticket())).status == 101);
    CHECK(at(client.read_text(), "/type") == "session_established");
    CHECK(server.requests().back().server_name == "localhost");

    raw_client misled(server.port());
    CHECK_FALSE(misled.start_tls(server.ca_pem(), "elsewhere.example"));
    options.certificate_until = -1s;
    chat_server expired(options);
    raw_client careful(expired.port());
    CHECK_FALSE(careful.start_tls(expired.ca_pem(), "localhost"));
}

TEST_CASE("chat_server: agrees to permessage-deflate only when it is offered and allowed",
          "[loopback][chat_server]") {
    const std::string offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    for (const bool allowed : {true, false}) {
        chat_server_options options = awkward_tickets();
        options.permessage_deflate = allowed;
        chat_server server(options);
        raw_client client(server.port());
        const auto answer = client.upgrade("/ws?ticket=" + encoded(server.issue_ticket()), offer);
        CHECK((answer.head.find("permessage-deflate") != std::string::npos) == allowed);
    }
}

TEST_CASE("chat_server: stops at once with every kind of connection open, twice",
          "[loopback][chat_server]") {
    chat_server server(awkward_tickets());
    opened_client session(server);
    session.read_to("session_established");
    raw_client idle(server.port());
    server.fail(endpoint::ticket, http_fault::hang());
    raw_client hung(server.port());
    hung.write("POST /api/v1/tickets HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    CHECK(server.wait_until([](const counters& seen) { return seen.tickets_refused == 1; }));
    server.stop();
    server.stop();
    CHECK(session.read_frame() == raw_client::frame{8, "\x03\xe9The server stops"});
    CHECK(hung.how_it_ends(5s) != ending::still_open);
    CHECK_THROWS(raw_client(server.port()));
    server.drop_all(); // does nothing, and returns
}

} // namespace chat_server_test
