#include "frame_text.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace decoder_test {

using namespace parley;

namespace {

std::string chat_event(std::string_view event, std::string_view data) {
    return R"({"type":"chat_event","event":")" + std::string(event) + R"(","data":)" +
           std::string(data) + "}";
}

} // namespace

TEST_CASE("decoder: the messages of the opening", "[unit][decoder]") {
    CHECK(std::holds_alternative<session_established>(decode(R"({"type":"session_established"})")));
    CHECK(std::holds_alternative<configuration_requested>(
        decode(R"({"type":"configure_tools","data":{"toolSchemas":[1],"contextHelpers":{}}})")));

    const auto refused = decode_as<authentication_refused>(
        R"({"type":"authentication_error","error":"no\n","code":"TICKET_EXPIRED"})");
    CHECK(refused.error == "no\\n");
    CHECK(refused.code == "TICKET_EXPIRED");

    const auto known = decode_as<tools_acknowledged>(
        R"({"type":"tools_configured","data":{"toolCount":2,"toolNames":["a","b\u0062"]}})");
    CHECK_FALSE(known.update);
    CHECK(known.tool_count == 2);
    CHECK(known.names == std::vector<std::string>{"a", "bb"});
    CHECK(decode_as<tools_acknowledged>(R"({"type":"client_tools_updated","data":{}})").update);
}

TEST_CASE("decoder: a failure does not get lost for the lack of its words", "[unit][decoder]") {
    CHECK(decode_as<authentication_refused>(R"({"type":"authentication_error"})").code.empty());
    CHECK(
        decode_as<authentication_refused>(R"({"type":"authentication_error","code":4401})").code ==
        "4401");
    CHECK(decode_as<chat_failed>(R"({"type":"chat_error"})").error.empty());
    CHECK(decode_as<server_error>(R"({"type":"error","data":null})").error.empty());
}

TEST_CASE("decoder: the pieces of an answer", "[unit][decoder]") {
    CHECK(decode_as<text_delta>(chat_event("content-delta", R"({"delta":"Hé\n"})")).text == "Hé\n");
    CHECK(decode_as<text_delta>(
              chat_event("provider-event", R"({"type":"text-delta","textDelta":" world"})"))
              .text == " world");
    CHECK(decode_as<text_delta>(chat_event("content-delta", R"({"delta":""})")).text.empty());
}

TEST_CASE("decoder: what the model thinks", "[unit][decoder]") {
    const auto event = [](std::string_view data) { return chat_event("provider-event", data); };

    CHECK(decode_as<reasoning_started>(event(R"({"type":"reasoning-start","id":"r1"})")).id ==
          "r1");
    CHECK(decode_as<reasoning_started>(event(R"({"type":"reasoning-start"})")).id == "reasoning");
    CHECK(decode_as<reasoning_started>(event(R"({"type":"reasoning-start","id":null})")).id ==
          "reasoning");
    const auto piece =
        decode_as<reasoning_delta>(event(R"({"type":"reasoning-delta","id":"r1","text":"hm"})"));
    CHECK(piece.id == "r1");
    CHECK(piece.text == "hm");
    CHECK(decode_as<reasoning_finished>(event(R"({"type":"reasoning-end","id":"r1"})")).id == "r1");
}

TEST_CASE("decoder: tools that run on the server", "[unit][decoder]") {
    const auto started = decode_as<server_tool_started>(
        chat_event("provider-event",
                   R"({"type":"tool-call","toolName":"t","toolCallId":"c","args":{"n": 1.0 }})"));
    CHECK(started.name == "t");
    CHECK(started.call_id == "c");
    CHECK(started.arguments->view() == R"({"n": 1.0 })");

    const auto ended = decode_as<server_tool_finished>(
        chat_event("provider-event",
                   R"({"type":"tool-result","toolName":"t","toolCallId":"c","result":1e400})"));
    CHECK(ended.result->view() == "1e400");

    const auto bare = decode_as<server_tool_finished>(
        chat_event("latitude-event", R"({"type":"tool-result","toolName":"t","toolCallId":"c"})"));
    CHECK(bare.call_id == "c");
    CHECK_FALSE(bare.result.has_value());
}

TEST_CASE("decoder: the end of a run", "[unit][decoder]") {
    const auto both = decode_as<chat_finished>(
        R"({"type":"chat_finished","uuid":"u","data":{"conversationId":"c","messageCount":3}})");
    CHECK(both.conversation_id == "c");
    CHECK(both.message_count == 3);
    CHECK(decode_as<chat_finished>(R"({"type":"chat_finished","uuid":"u"})").conversation_id ==
          "u");
    CHECK(decode_as<chat_finished>(
              R"({"type":"chat_finished","uuid":"u","data":{"conversationId":""}})")
              .conversation_id == "u");
    CHECK(decode_as<chat_finished>(R"({"type":"chat_finished"})").conversation_id == std::nullopt);

    const auto failed = decode_as<chat_failed>(
        R"({"type":"chat_error","error":"E","data":{"errorCode":"X","details":{"a":[1]}}})");
    CHECK(failed.error == "E");
    CHECK(failed.code == "X");
    CHECK(failed.details->view() == R"({"a":[1]})");
    CHECK(decode_as<server_error>(R"({"type":"error","error":"E","data":{"errorCode":42}})").code ==
          "42");
}

TEST_CASE("decoder: conversations", "[unit][decoder]") {
    const auto created = decode_as<thread_created>(
        R"({"type":"thread_created","data":{"providerResId":"p","threadId":"t",)"
        R"("canUpdateMetadata":true,"updateEndpoint":"/x"}})");
    CHECK(created.provider_res_id == "p");
    CHECK(created.thread_id == "t");
    CHECK(created.can_update_metadata);
    CHECK(created.update_endpoint == "/x");

    const auto stored = decode_as<messages_persisted>(
        R"({"type":"messages_persisted","data":{"threadId":"t","providerResId":"p"}})");
    CHECK(stored.thread_id == "t");
    CHECK(stored.provider_res_id == "p");
    CHECK_FALSE(
        decode_as<messages_persisted>(R"({"type":"messages_persisted"})").thread_id.has_value());
}

TEST_CASE("decoder: a tool call and a component", "[unit][decoder]") {
    const auto call = decode_as<tool_requested>(
        R"({"type":"tool_call_request","toolName":"w","callId":"c\u00001","parameters": {"a":1} })");
    CHECK(call.name == "w");
    CHECK(call.call_id == std::string("c\0001", 3));
    CHECK(call.parameters_valid);
    CHECK(call.parameters.view() == R"({"a":1})");

    const auto shown = decode_as<ui_component>(
        R"({"type":"ui_component","toolCallId":"c","componentName":"Card","props":[1],)"
        R"("status":"streaming"})");
    CHECK(shown.call_id == "c");
    CHECK(shown.name == "Card");
    CHECK(shown.props.view() == "[1]");
    CHECK(shown.status == ui_component::state::streaming);
    CHECK(decode_as<ui_component>(
              R"({"type":"ui_component","toolCallId":"c","componentName":"n","props":null})")
              .status == ui_component::state::complete);
}

TEST_CASE("decoder: parameters that are no object are a call to be answered",
          "[unit][decoder][G79]") {
    const std::string deep = std::string(65, '[') + std::string(65, ']');
    for (const std::string& parameters :
         {std::string(), std::string(R"(,"parameters":null)"), std::string(R"(,"parameters":[])"),
          std::string(R"(,"parameters":"{}")"), R"(,"parameters":{"a":)" + deep + "}"}) {
        INFO(parameters);
        const auto call = decode_as<tool_requested>(
            R"({"type":"tool_call_request","toolName":"w","callId":"c")" + parameters + "}");
        CHECK(call.call_id == "c");
        CHECK_FALSE(call.parameters_valid);
        CHECK(call.parameters.is_null());
    }
}

TEST_CASE("decoder: a heartbeat keeps the spelling of what is said back", "[unit][decoder]") {
    for (const std::string_view time :
         {"1", "9007199254740993", "1.0", "1e400", "-0", R"("1763838000000")", R"("\u0031")"}) {
        const auto ping = decode_as<ping_received>(
            R"({"type":"heartbeat_ping","timestamp":"2026-11-22T19:00:00.000Z","pingTime": )" +
            std::string(time) + " }");
        CHECK(ping.timestamp == R"("2026-11-22T19:00:00.000Z")");
        CHECK(ping.ping_time == time);
    }
    const auto bare = decode_as<ping_received>(R"({"type":"heartbeat_ping","pingTime":null})");
    CHECK(bare.timestamp.empty());
    CHECK(bare.ping_time.empty());

    const auto ack = decode_as<ping_acknowledged>(
        R"({"type":"heartbeat_ack","timestamp":"a","originalTimestamp":5})");
    CHECK(ack.timestamp == R"("a")");
    CHECK(ack.original_timestamp == "5");
}

TEST_CASE("decoder: the order of keys and unknown keys do not matter", "[unit][decoder]") {
    const auto delta = decode_as<text_delta>(
        R"({ "x":[{"type":"y"}], "data" : {"k":{"textDelta":0},"textDelta":"t","type":"text-delta"},)"
        R"("toolCallIds":1, "event":"provider-event","":0, "type":"chat_event" } )");
    CHECK(delta.text == "t");
}

TEST_CASE("decoder: escaped names and values mean what they say", "[unit][decoder]") {
    const auto delta = decode_as<text_delta>(
        R"({"\u0074ype":"chat\u005fevent","event":"content\u002ddelta","d\u0061ta":{"delt\u0061":"t"}})");
    CHECK(delta.text == "t");
    CHECK(skipped(R"({"type":"\\u0065rror"})") == R"(unknown_type \u0065rror)");
    CHECK(skipped(R"({"typ\\u0065":"error"})") == "no_type ");
}

TEST_CASE("decoder: of two equal keys the first counts", "[unit][decoder][F68]") {
    CHECK(decode_as<text_delta>(
              R"({"type":"chat_event","type":"error","event":"content-delta","event":"x",)"
              R"("data":{"delta":"1","delta":"2"},"data":{"delta":"3"}})")
              .text == "1");
    CHECK(skipped(R"({"type":1,"type":"session_established"})") == "no_type ");
}

TEST_CASE("decoder: a lone surrogate becomes U+FFFD, and the text stays", "[unit][decoder][F68]") {
    CHECK(decode_as<text_delta>(chat_event("content-delta", R"({"delta":"a\ud83d"})")).text ==
          "a\xEF\xBF\xBD");
    CHECK(decode_as<text_delta>(chat_event("content-delta", R"({"delta":"\ude00b"})")).text ==
          "\xEF\xBF\xBD"
          "b");
}

TEST_CASE("decoder: one decoder takes frame after frame, small and large", "[unit][decoder][F68]") {
    decoder one;
    for (const std::size_t size : {1u, 10u, 1'000u, 70'000u, 5u, 1'000'000u, 3u}) {
        const std::string text(size, 'x');
        const auto frame =
            decode(one, chat_event("content-delta", R"({"delta":")" + text + R"("})"));
        REQUIRE(std::holds_alternative<text_delta>(frame));
        CHECK(std::get<text_delta>(frame).text == text);
        CHECK(std::holds_alternative<message_skipped>(decode(one, "{")));
    }
}

} // namespace decoder_test
