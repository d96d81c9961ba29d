#include <parley/error.hpp>
#include <parley/event.hpp>
#include <parley/json_text.hpp>

#include "parley_chat/json_output.hpp"
#include "support/catch.hpp"

#include <string>
#include <variant>

namespace parley_chat_json_output_test {

using namespace parley;
using parley_chat::error_line;
using parley_chat::event_line;
using parley_chat::exit_status;
using parley_chat::failure;

namespace {

std::string line_of(event happened) { return event_line(happened).value_or("none"); }

} // namespace

TEST_CASE("json_output: session_ready names the tools", "[unit][parley_chat]") {
    CHECK(parley_chat::session_ready_line({}) == R"({"event":"session_ready","tools":[]})");
    CHECK(parley_chat::session_ready_line({"a", "b\"c"}) ==
          R"({"event":"session_ready","tools":["a","b\"c"]})");
}

TEST_CASE("json_output: the lines of text and reasoning name their phase", "[unit][parley_chat]") {
    CHECK(line_of(text_delta{"Zürich\n"}) == R"({"event":"text_delta","text":"Zürich\n"})");
    CHECK(line_of(reasoning_started{"r1"}) ==
          R"({"event":"reasoning","id":"r1","phase":"start","text":""})");
    CHECK(line_of(reasoning_delta{"r1", "hm"}) ==
          R"({"event":"reasoning","id":"r1","phase":"delta","text":"hm"})");
    CHECK(line_of(reasoning_finished{"r1", "hm, yes", {}}) ==
          R"({"event":"reasoning","id":"r1","phase":"end","text":"hm, yes"})");
}

TEST_CASE("json_output: a tool's call and its result are two lines", "[unit][parley_chat]") {
    CHECK(line_of(tool_started{"weather", "c1", json_text::parse(R"({"city": "Bern"})")}) ==
          R"({"event":"tool_call","name":"weather","callId":"c1","parameters":{"city": "Bern"}})");

    tool_finished ended;
    ended.name = "weather";
    ended.call_id = "c1";
    ended.result = json_text::parse("21");
    CHECK(line_of(ended) ==
          R"({"event":"tool_result","name":"weather","callId":"c1","result":21,"error":null})");
    ended.outcome = tool_outcome::failed;
    ended.error = "no window";
    CHECK(
        line_of(ended) ==
        R"({"event":"tool_result","name":"weather","callId":"c1","result":null,"error":"no window"})");
}

TEST_CASE("json_output: a repeated call has a line of its own", "[unit][parley_chat]") {
    CHECK(line_of(tool_answer_repeated{"weather", "c1"}) ==
          R"({"event":"tool_result_repeated","name":"weather","callId":"c1"})");
}

TEST_CASE("json_output: a null result is not an error", "[unit][parley_chat]") {
    tool_finished ended;
    ended.name = "t";
    ended.call_id = "c";
    ended.result = json_text{};
    CHECK(line_of(ended) ==
          R"({"event":"tool_result","name":"t","callId":"c","result":null,"error":null})");
}

TEST_CASE(
    "json_output: control and bidirectional characters are escaped, and the value is the same",
    "[unit][parley_chat]") {
    const std::string text = "a\x7f\xc2\x9b\xc2\x90\u061c\u202e\u2028z";
    const std::string shown = R"(a\u007f\u009b\u0090\u061c\u202e\u2028z)";
    ui_component component;
    component.call_id = component.name = text;
    component.props = json_text::parse("{\"k\":\"" + text + "\"}");
    tool_finished ended;
    ended.name = ended.call_id = ended.error = text;
    ended.outcome = tool_outcome::failed;
    for (const event& happened :
         {event(text_delta{text}), event(reasoning_delta{text, text}), event(component),
          event(ended), event(chat_failed{text, text, {}}), event(server_error{text, text, {}}),
          event(thread_created{text, text, false, text}), event(chat_finished{text, {}, text})}) {
        const auto line = line_of(happened);
        INFO(line);
        CHECK(line.find(shown) != std::string::npos);
        CHECK(line.find('\x7f') == std::string::npos);
        CHECK(line.find('\xc2') == std::string::npos);
        CHECK(line.find('\xe2') == std::string::npos);
        CHECK_NOTHROW(json_text::parse(line));
    }
    CHECK(json_text::parse(line_of(text_delta{text})).string_at("/text") == text);
    failure reported;
    reported.message = text;
    CHECK(error_line(reported).find(shown) != std::string::npos);
}

TEST_CASE("json_output: JSON of several lines is printed on one", "[unit][parley_chat]") {
    const auto line =
        line_of(tool_started{"t", "c", json_text::parse("{\n  \"a\":\r\n 1, \"b\": \"\\n\"}")});
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.find('\r') == std::string::npos);
    CHECK(json_text::parse(line).int_at("/parameters/a") == 1);
    CHECK(json_text::parse(line).string_at("/parameters/b") == "\n");
}

TEST_CASE("json_output: a server tool has its arguments, then its result", "[unit][parley_chat]") {
    CHECK(
        line_of(server_tool_started{"search", "s1", json_text::parse("[1]")}) ==
        R"({"event":"server_tool","name":"search","callId":"s1","phase":"start","args":[1],"result":null})");
    CHECK(
        line_of(server_tool_started{"search", "s1", std::nullopt}) ==
        R"({"event":"server_tool","name":"search","callId":"s1","phase":"start","args":null,"result":null})");
    CHECK(
        line_of(server_tool_finished{"search", "s1", json_text::parse("{}")}) ==
        R"({"event":"server_tool","name":"search","callId":"s1","phase":"end","args":null,"result":{}})");
}

TEST_CASE("json_output: prints the server's ids of a conversation", "[unit][parley_chat]") {
    CHECK(
        line_of(
            ui_component{"u", "chart", json_text::parse("{}"), ui_component::state::streaming}) ==
        R"({"event":"ui_component","callId":"u","name":"chart","props":{},"status":"streaming"})");
    CHECK(
        line_of(thread_created{"t1", "p1", true, "https://nowhere/"}) ==
        R"({"event":"thread_created","threadId":"t1","providerResId":"p1","canUpdateMetadata":true})");
    CHECK(line_of(messages_persisted{}) ==
          R"({"event":"messages_persisted","threadId":null,"providerResId":null})");
    CHECK(line_of(chat_finished{"conv", 2}) == R"({"event":"finished","conversationId":"conv"})");
    CHECK(line_of(chat_finished{}) == R"({"event":"finished","conversationId":null})");
}

TEST_CASE("json_output: errors of the server keep their text and code", "[unit][parley_chat]") {
    CHECK(line_of(chat_failed{"no", "E1", std::nullopt}) ==
          R"({"event":"chat_error","error":"no","code":"E1"})");
    CHECK(line_of(chat_failed{"no", std::nullopt, std::nullopt}) ==
          R"({"event":"chat_error","error":"no","code":null})");
    CHECK(line_of(server_error{"no", "E2", std::nullopt}) ==
          R"({"event":"server_error","error":"no","code":"E2"})");
    CHECK(line_of(message_skipped{skip_reason::not_an_object, "[1]"}) ==
          R"({"event":"message_skipped","reason":"not_an_object"})");
}

TEST_CASE("json_output: prints the state of the connection", "[unit][parley_chat]") {
    connection_lost lost;
    lost.reason = loss_reason::closed;
    lost.cause.details.close_code = 1012;
    lost.will_reconnect = true;
    lost.unconfirmed = 2;
    CHECK(
        line_of(lost) ==
        R"({"event":"connection_lost","reason":"closed","code":1012,"willReconnect":true,"unconfirmed":2})");
    CHECK(
        line_of(connection_lost{}) ==
        R"({"event":"connection_lost","reason":"reset","code":null,"willReconnect":false,"unconfirmed":0})");
    reconnecting again{3, std::chrono::milliseconds(250)};
    again.cause = error_info{errc::connection_reset, "It broke."};
    CHECK(line_of(again) == R"({"event":"reconnecting","attempt":3,"delayMs":250,"cause":)"
                            R"({"type":"CONNECTION_ERROR","code":"connection_reset",)"
                            R"("message":"It broke."}})");
    CHECK(line_of(connection_restored{}) == R"({"event":"connection_restored"})");
    CHECK(
        line_of(connection_failed{error_info{errc::reconnect_exhausted, "Gone."}}) ==
        R"({"event":"connection_failed","type":"CONNECTION_ERROR","code":"reconnect_exhausted","message":"Gone."})");
    CHECK(line_of(ticket_renewed{std::chrono::milliseconds(5000)}) ==
          R"({"event":"ticket_renewed","expiresInMs":5000})");
}

TEST_CASE("json_output: events outside the contract print nothing", "[unit][parley_chat]") {
    CHECK_FALSE(event_line(ticket_renewal_failed{}));
    CHECK_FALSE(event_line(handler_failed{"x"}));
}

TEST_CASE("json_output: an error has every key, with null for an unknown value",
          "[unit][parley_chat]") {
    failure reported;
    reported.message = "Odd.";
    CHECK(error_line(reported) ==
          R"({"event":"error","type":null,"code":null,"message":"Odd.","details":null})");

    reported.details.emplace();
    CHECK(
        error_line(reported) ==
        R"({"event":"error","type":null,"code":null,"message":"Odd.","details":{"phase":null,"httpStatus":null,"closeCode":null,"attempt":null,"retryAfterMs":null,"retryable":false,"url":null,"serverCode":null,"serverText":null,"reason":null}})");

    reported.type = "TICKET_ERROR";
    reported.code = "ticket_http_status";
    reported.details->phase = phase::ticket;
    reported.details->http_status = 503;
    reported.details->attempt = 4;
    reported.details->retry_after = std::chrono::seconds(2);
    const auto parsed = json_text::parse(error_line(reported));
    CHECK(parsed.string_at("/type") == "TICKET_ERROR");
    CHECK(parsed.string_at("/code") == "ticket_http_status");
    CHECK(parsed.string_at("/details/phase") == "ticket");
    CHECK(parsed.int_at("/details/httpStatus") == 503);
    CHECK(parsed.int_at("/details/attempt") == 4);
    CHECK(parsed.int_at("/details/retryAfterMs") == 2000);
}

TEST_CASE("json_output: a message that is not UTF-8 is still JSON", "[unit][parley_chat]") {
    failure reported;
    reported.message = "no file \xff\xfe";
    CHECK(json_text::parse(error_line(reported)).string_at("/message") == "no file ??");
}

TEST_CASE("exit_status: each class of error has its own status", "[unit][parley_chat]") {
    const auto status_of = [](auto error) {
        return parley_chat::describe(std::make_exception_ptr(error)).status;
    };
    CHECK(status_of(ticket_error{{errc::ticket_timeout, "x"}}) == exit_status::ticket);
    CHECK(status_of(authentication_error{{errc::authentication_failed, "x"}}) ==
          exit_status::authentication);
    CHECK(status_of(connection_error{{errc::connect_failed, "x"}}) == exit_status::connection);
    CHECK(status_of(tool_configuration_error{{errc::tool_duplicate, "x"}}) == exit_status::tools);
    CHECK(status_of(client_error{{errc::chat_failed, "x"}}) == exit_status::chat);
    CHECK(status_of(client_error{{errc::invalid_url, "x"}}) == exit_status::usage);
    CHECK(status_of(client_error{{errc::plaintext_refused, "x"}}) == exit_status::usage);
    CHECK(status_of(client_error{{errc::thread_update_rejected, "x"}}) == exit_status::unforeseen);
    CHECK(status_of(parley_chat::usage_error{"x"}) == exit_status::usage);
    CHECK(status_of(std::runtime_error{"x"}) == exit_status::unforeseen);
    // Whatever ended it, a connection that is gone for good is 5.
    CHECK(status_of(parley_chat::connection_over{{errc::ticket_rejected, "x"}}) ==
          exit_status::connection);
    CHECK(status_of(parley_chat::ended{exit_status::chat}) == exit_status::chat);
}

TEST_CASE("exit_status: a report has the kind and the code of the error", "[unit][parley_chat]") {
    const auto reported = parley_chat::describe(
        std::make_exception_ptr(ticket_error{{errc::ticket_request_failed, "No ticket."}}));
    CHECK(reported.type == "TICKET_ERROR");
    CHECK(reported.code == "ticket_request_failed");
    CHECK(reported.message == "No ticket.");
    CHECK_FALSE(reported.silent);
    CHECK(parley_chat::describe(std::make_exception_ptr(parley_chat::output_closed{})).silent);
}

} // namespace parley_chat_json_output_test
