#include <parley/error.hpp>

#include "dialect/parley/encoder.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <string>

namespace encoder_test {

using namespace parley;

namespace {

using namespace std::chrono_literals;

const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 19h + 7ms};

/// The message of the error, when it is of that code.
template <class Action>
std::string refusal(errc expected, Action action) {
    try {
        action();
    } catch (const client_error& e) {
        CHECK(e.code() == expected);
        return e.message();
    }
    return {};
}

} // namespace

TEST_CASE("encoder: encodes a message with every field and with none", "[unit][encoder]") {
    CHECK(encode_chat_message(chat_message("Hi")) ==
          R"({"type":"chat_message","content":"Hi","media":[]})");

    chat_message full("a\"b\\\n\x01 Zürich");
    full.media({"m1", "m\"2"}).provider_res_id("p");
    full.mcp_headers({{"one", {{"a", "1"}, {"b", "2"}}}, {"two", {}}});
    CHECK(encode_chat_message(full) ==
          R"({"type":"chat_message","content":"a\"b\\\n\u0001 Zürich","media":["m1","m\"2"],)"
          R"("providerResId":"p","mcpHeaders":{"one":{"a":"1","b":"2"},"two":{}}})");
    CHECK(encode_chat_message(chat_message("").mcp_headers({})) ==
          R"({"type":"chat_message","content":"","media":[],"mcpHeaders":{}})");
}

TEST_CASE("encoder: a message continues the conversation, names its own, or begins one",
          "[unit][encoder]") {
    const std::string begin = R"({"type":"chat_message","content":"","media":[])";
    CHECK(encode_chat_message(chat_message(""), "c") == begin + R"(,"providerResId":"c"})");
    CHECK(encode_chat_message(chat_message("").provider_res_id("own"), "c") ==
          begin + R"(,"providerResId":"own"})");
    CHECK(encode_chat_message(chat_message("").new_conversation(), "c") == begin + "}");
    CHECK(encode_chat_message(chat_message("").provider_res_id("own").new_conversation(), "c") ==
          begin + "}");
    CHECK(encode_chat_message(chat_message("").new_conversation().provider_res_id("own"), "c") ==
          begin + R"(,"providerResId":"own"})");
}

TEST_CASE("encoder: text that is not UTF-8 is rejected, and the field is named",
          "[unit][encoder][F77]") {
    const std::string bad = "\xC3(";
    const auto refused = [](const chat_message& message) {
        return refusal(errc::invalid_utf8, [&] { encode_chat_message(message); });
    };

    CHECK(refused(chat_message(bad)) == "content is not valid UTF-8.");
    CHECK(refused(chat_message("").media({"ok", bad})) == "media is not valid UTF-8.");
    CHECK(refused(chat_message("").provider_res_id(bad)) == "providerResId is not valid UTF-8.");
    CHECK(refused(chat_message("").mcp_headers({{bad, {}}})) == "mcpHeaders is not valid UTF-8.");
    CHECK(refused(chat_message("").mcp_headers({{"s", {{bad, ""}}}})) ==
          "mcpHeaders is not valid UTF-8.");
    CHECK(refused(chat_message("").mcp_headers({{"s", {{"k", bad}}}})) ==
          "mcpHeaders is not valid UTF-8.");
    CHECK_FALSE(refusal(errc::invalid_utf8, [&] { encode_stop_run(bad); }).empty());
}

TEST_CASE("encoder: encodes the configuration of tools", "[unit][encoder]") {
    const auto schemas = json_text::parse(R"([{"name":"t"}])");
    const auto helpers = json_text::parse(R"({"a": 1})");
    const auto components = json_text::parse("[{}]");

    CHECK(encode_configure_tools(schemas, helpers, components) ==
          R"({"type":"configure_tools","toolSchemas":[{"name":"t"}],"contextHelpers":{"a": 1},)"
          R"("generativeComponents":[{}]})");
    CHECK(encode_configure_tools(schemas, {}, {}) ==
          R"({"type":"configure_tools","toolSchemas":[{"name":"t"}],"contextHelpers":{}})");
    CHECK(encode_update_tools(schemas, components) ==
          R"({"type":"update_tools","toolSchemas":[{"name":"t"}],"generativeComponents":[{}]})");
    CHECK(encode_update_tools(json_text::parse("[]"), {}) ==
          R"({"type":"update_tools","toolSchemas":[]})");
    CHECK(encode_context_helpers(helpers) ==
          R"({"type":"update_context_helpers","contextHelpers":{"a": 1}})");
    CHECK(encode_context_helpers({}) == R"({"type":"update_context_helpers","contextHelpers":{}})");
}

TEST_CASE("encoder: a tool response has a result or an error, never both", "[unit][encoder]") {
    CHECK(encode_tool_result("c\"1", json_text::parse("1e400")) ==
          R"({"type":"tool_call_response","callId":"c\"1","result":1e400})");
    CHECK(encode_tool_result("c", json_text()) ==
          R"({"type":"tool_call_response","callId":"c","result":null})");
    CHECK(encode_tool_error("c", "Tool not found: x") ==
          R"({"type":"tool_call_response","callId":"c","error":"Tool not found: x"})");
}

TEST_CASE("encoder: a numeric callId is echoed as spelled", "[unit][encoder][O141]") {
    CHECK(encode_tool_result("1.50", json_text(), true) ==
          R"({"type":"tool_call_response","callId":1.50,"result":null})");
    CHECK(encode_tool_error("17", "no", true) ==
          R"({"type":"tool_call_response","callId":17,"error":"no"})");
}

TEST_CASE("encoder: a tool's error is encoded whatever bytes it has", "[unit][encoder]") {
    CHECK(encode_tool_error("c", "bad \xFF byte") ==
          "{\"type\":\"tool_call_response\",\"callId\":\"c\",\"error\":\"bad \xEF\xBF\xBD byte\"}");
    CHECK_FALSE(encode_tool_result("\xFF", json_text()).empty());
    CHECK_FALSE(encode_tool_error("\xFF", "failed").empty());
}

TEST_CASE("encoder: a result of the greatest allowed depth is sent", "[unit][encoder]") {
    const auto deep = json_text::parse(std::string(64, '[') + std::string(64, ']'));

    CHECK(encode_tool_result("c", deep) ==
          R"({"type":"tool_call_response","callId":"c","result":)" + std::string(deep.view()) +
              "}");
}

TEST_CASE("encoder: encodes heartbeats", "[unit][encoder]") {
    CHECK(encode_heartbeat_ping(now) ==
          R"({"type":"heartbeat_ping","timestamp":"2026-11-22T19:00:00.007Z",)"
          R"("pingTime":1795374000007})");

    ping_received ping;
    CHECK(encode_heartbeat_pong(now, ping) ==
          R"({"type":"heartbeat_pong","timestamp":"2026-11-22T19:00:00.007Z"})");
    ping.timestamp = R"("t")";
    ping.ping_time = "9007199254740993";
    CHECK(encode_heartbeat_pong(now, ping) ==
          R"({"type":"heartbeat_pong","timestamp":"2026-11-22T19:00:00.007Z",)"
          R"("originalTimestamp":"t","pingTime":9007199254740993})");
}

TEST_CASE("encoder: encodes stop_run", "[unit][encoder]") {
    CHECK(encode_stop_run("") == R"({"type":"stop_run","conversationUuid":""})");
    CHECK(encode_stop_run("a\"b") == R"({"type":"stop_run","conversationUuid":"a\"b"})");
}

TEST_CASE("encoder: helpers are merged in place, and new ones are appended", "[unit][encoder]") {
    const auto merged = [](const char* held, const char* merge) {
        return std::string(merge_helpers(json_text::parse(held), json_text::parse(merge)).view());
    };

    CHECK(merged(R"({"a":1,"b":{"x":1},"c":3})", R"({"d":4,"b":{"y":2},"a":null})") ==
          R"({"a":null,"b":{"y":2},"c":3,"d":4})");
    CHECK(merged("null", R"({"a":1})") == R"({"a":1})");
    CHECK(merged(R"({"a":1})", "null") == R"({"a":1})");
    CHECK(merged("{}", "{}") == "{}");
    CHECK(merged(R"({"\u0061":1})", R"({"a":2})") == R"({"\u0061":2})");
    CHECK(merged(R"({"a":1,"a":2})", R"({"b":1,"b":2})") == R"({"a":1,"b":1})");
    CHECK(merged(" { \"a\" : 1.0 } ", " { \"b\" : [ 1 ] } ") == R"({"a":1.0,"b":[ 1 ]})");
}

TEST_CASE("encoder: helpers that are not an object are rejected", "[unit][encoder]") {
    const auto array = json_text::parse("[]");

    CHECK_FALSE(refusal(errc::invalid_configuration, [&] { merge_helpers(array, {}); }).empty());
    CHECK_FALSE(refusal(errc::invalid_configuration, [&] { merge_helpers({}, array); }).empty());
}

} // namespace encoder_test
