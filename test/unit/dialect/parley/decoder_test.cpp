#include "frame_text.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace decoder_test {

using namespace parley;

namespace {

std::string chat_event(std::string_view event, std::string_view data) {
    return R"({"type":"chat_event","event":")" + std::string(event) + R"(","data":)" +
           std::string(data) + "}";
}

} // namespace

TEST_CASE("decoder: decodes the messages of the opening", "[unit][decoder]") {
    CHECK(std::holds_alternative<session_established>(decode(R"({"type":"session_established"})")));
    CHECK(std::holds_alternative<configuration_requested>(
        decode(R"({"type":"configure_tools","data":{"toolSchemas":[1],"contextHelpers":{}}})")));

    const auto refused = decode_as<authentication_refused>(
        R"({"type":"authentication_error","error":"no\n","code":"TICKET_EXPIRED"})");
    CHECK(refused.error == "no\n");
    CHECK(refused.code == "TICKET_EXPIRED");

    const auto known = decode_as<tools_acknowledged>(
        R"({"type":"tools_configured","data":{"toolCount":2,"toolNames":["a","b\u0062"]}})");
    CHECK_FALSE(known.update);
    CHECK(known.tool_count == 2);
    CHECK(decode_as<tools_acknowledged>(R"({"type":"client_tools_updated","data":{}})").update);
}

TEST_CASE("decoder: the names in an acknowledgement are not kept, however many",
          "[unit][decoder]") {
    std::string names = R"({"type":"tools_configured","data":{"toolCount":7,"toolNames":["")";
    while (names.size() < (4u << 20) - 100)
        names += R"(,"")";
    CHECK(decode_as<tools_acknowledged>(names + "]}}").tool_count == 7);
    STATIC_REQUIRE(std::is_trivially_copyable_v<tools_acknowledged>); // it has no room for them
}

TEST_CASE("decoder: a failure without its text is still reported", "[unit][decoder]") {
    CHECK(decode_as<authentication_refused>(R"({"type":"authentication_error"})").code.empty());
    CHECK(
        decode_as<authentication_refused>(R"({"type":"authentication_error","code":4401})").code ==
        "4401");
    CHECK(decode_as<chat_failed>(R"({"type":"chat_error"})").error.empty());
    CHECK(decode_as<server_error>(R"({"type":"error","data":null})").error.empty());
}

TEST_CASE("decoder: decodes the pieces of an answer", "[unit][decoder]") {
    CHECK(decode_as<text_delta>(chat_event("content-delta", R"({"delta":"Hé\n"})")).text == "Hé\n");
    CHECK(decode_as<text_delta>(
              chat_event("provider-event", R"({"type":"text-delta","textDelta":" world"})"))
              .text == " world");
    CHECK(decode_as<text_delta>(chat_event("content-delta", R"({"delta":""})")).text.empty());
}

TEST_CASE("decoder: decodes reasoning", "[unit][decoder]") {
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

TEST_CASE("decoder: decodes tools that run on the server", "[unit][decoder]") {
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

TEST_CASE("decoder: decodes the end of a run", "[unit][decoder]") {
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
    CHECK(both.uuid == "u");
    CHECK_FALSE(decode_as<chat_finished>(R"({"type":"chat_finished","uuid":""})").uuid.has_value());
    const auto numbers = decode_as<chat_finished>(
        R"({"type":"chat_finished","uuid":4.70,"data":{"conversationId":12}})");
    CHECK(numbers.conversation_id == "12");
    CHECK(numbers.uuid == "4.70");

    const auto failed = decode_as<chat_failed>(
        R"({"type":"chat_error","error":"E","data":{"errorCode":"X","details":{"a":[1]}}})");
    CHECK(failed.error == "E");
    CHECK(failed.code == "X");
    CHECK(failed.details->view() == R"({"a":[1]})");
    CHECK(decode_as<server_error>(R"({"type":"error","error":"E","data":{"errorCode":42}})").code ==
          "42");
}

TEST_CASE("decoder: decodes conversations", "[unit][decoder]") {
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

    const auto numbered = decode_as<thread_created>(
        R"({"type":"thread_created","data":{"providerResId":17,"threadId":9007199254740993}})");
    CHECK(numbered.provider_res_id == "17");
    CHECK(numbered.thread_id == "9007199254740993");
    const auto persisted = decode_as<messages_persisted>(
        R"({"type":"messages_persisted","data":{"threadId":1.50,"providerResId":17}})");
    CHECK(persisted.thread_id == "1.50");
    CHECK(persisted.provider_res_id == "17");
}

TEST_CASE("decoder: decodes a tool call and a component", "[unit][decoder]") {
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

TEST_CASE("decoder: a failure's text is read from an error of any type", "[unit][decoder][O140]") {
    struct row {
        std::string json;
        std::string words;
    };
    const std::vector<row> rows{
        {R"("no")", "no"},
        {R"({"message":"n\u006f","code":7})", "no"},
        {R"({ "code" : 7 })", R"({ "code" : 7 })"},
        {R"({"message":{"text":"no"}})", R"({"message":{"text":"no"}})"},
        {"{}", "{}"},
        {"null", ""},
        {"[\"no\"]", ""},
        {"7", ""},
        {"true", ""},
    };
    for (const auto& [json, words] : rows) {
        INFO(json);
        const auto rest = R"(,"error":)" + json + '}';
        CHECK(decode_as<server_error>(R"({"type":"error")" + rest).error == words);
        CHECK(decode_as<chat_failed>(R"({"type":"chat_error")" + rest).error == words);
        CHECK(decode_as<authentication_refused>(R"({"type":"authentication_error")" + rest).error ==
              words);
    }
}

TEST_CASE("decoder: a tool call is accepted with any name and any id", "[unit][decoder][O141]") {
    const auto request = [](const std::string& fields) {
        return decode_as<tool_requested>(R"({"type":"tool_call_request",)" + fields + '}');
    };
    for (const std::string_view name : {"", R"("toolName":"",)", R"("toolName":null,)",
                                        R"("toolName":7,)", R"("toolName":{"name":"w"},)"}) {
        INFO(name);
        CHECK(request(std::string(name) + R"("callId":"c")").name.empty());
    }
    const std::string large(5'000, 'i');
    CHECK(request(R"("toolName":"w","callId":")" + large + '"').call_id == large);
    CHECK(request(R"("callId":"c","toolName":")" + large + '"').name == large);
    CHECK(request(R"("toolName":"w","callId":"")").call_id.empty());
    CHECK_FALSE(request(R"("toolName":"w","callId":"17")").numeric_id);
    for (const std::string_view number : {"17", "-0", "1.50", "1e400", "18446744073709551616"}) {
        const auto numbered = request(R"("toolName":"w","callId": )" + std::string(number) + ' ');
        CHECK(numbered.call_id == number);
        CHECK(numbered.numeric_id);
    }
}

TEST_CASE("decoder: absent, null, empty or quoted parameters become an object",
          "[unit][decoder][O141]") {
    struct row {
        std::string json;
        std::string object;
    };
    const std::vector<row> rows{
        {"", "{}"},
        {R"(,"parameters":null)", "{}"},
        {R"(,"parameters":[])", "{}"},
        {R"(,"parameters": [ ] )", "{}"},
        {R"(,"parameters":"{}")", "{}"},
        {R"(,"parameters":"{\"city\":\"R\u00f6m\",\"n\":1.0}")",
         "{\"city\":\"R\xC3\xB6m\",\"n\":1.0}"},
        {R"(,"parameters":" {\"a\":\"\\ud83d\"}\n")", R"({"a":"\ud83d"})"},
    };
    for (const auto& [json, object] : rows) {
        INFO(json);
        const auto call = decode_as<tool_requested>(
            R"({"type":"tool_call_request","toolName":"w","callId":"c")" + json + "}");
        CHECK(call.parameters_valid);
        CHECK(call.parameters.view() == object);
    }
}

TEST_CASE("decoder: a call whose parameters are not an object can be answered",
          "[unit][decoder][G79][O141]") {
    const std::string deep = std::string(65, '[') + std::string(65, ']');
    for (const std::string& parameters :
         {std::string(R"(,"parameters":[1])"), std::string(R"(,"parameters":"Rome")"),
          std::string(R"(,"parameters":"")"), std::string(R"(,"parameters":"[]")"),
          std::string(R"(,"parameters":"{\"a\"")"), std::string(R"(,"parameters":7)"),
          std::string(R"(,"parameters":true)"), R"(,"parameters":"{\"a\":)" + deep + R"(}")",
          R"(,"parameters":{"a":)" + deep + "}"}) {
        INFO(parameters);
        const auto call = decode_as<tool_requested>(
            R"({"type":"tool_call_request","toolName":"w","callId":"c")" + parameters + "}");
        CHECK(call.call_id == "c");
        CHECK_FALSE(call.parameters_valid);
        CHECK(call.parameters.is_null());
    }
}

TEST_CASE("decoder: a heartbeat keeps the spelling of the values to echo", "[unit][decoder]") {
    for (const std::string_view time :
         {"1", "9007199254740993", "1.0", "1e400", "-0", R"("1763838000000")", R"("\u0031")"}) {
        const auto ping = decode_as<ping_received>(
            R"({"type":"heartbeat_ping","timestamp":"2026-11-22T19:00:00.000Z","pingTime": )" +
            std::string(time) + " }");
        CHECK(ping.timestamp == R"("2026-11-22T19:00:00.000Z")");
        CHECK(ping.ping_time == time);
    }
    for (const std::string_view stamp :
         {"1700000000000.125", "true", R"({"s": [1]})", "[1]", "[]", "1e400"}) {
        const auto ping = decode_as<ping_received>(
            R"({"pingTime":{"no":"time"},"type":"heartbeat_ping","timestamp": )" +
            std::string(stamp) + " }");
        CHECK(ping.timestamp == stamp);
        CHECK(ping.ping_time.empty());
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

TEST_CASE("decoder: escaped names and values are unescaped", "[unit][decoder]") {
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

TEST_CASE("decoder: a lone surrogate becomes U+FFFD, and the text is kept",
          "[unit][decoder][F68]") {
    const std::string unknown = "\xEF\xBF\xBD";
    CHECK(decode_as<text_delta>(chat_event("content-delta", R"({"delta":"a\ud83db"})")).text ==
          'a' + unknown + 'b');
    CHECK(decode_as<text_delta>(chat_event("content-delta", R"({"delta":"a\ude00b"})")).text ==
          'a' + unknown + 'b');
    CHECK(decode_as<server_error>(R"({"type":"error","error":"\ude00b\ud83d"})").error ==
          unknown + 'b' + unknown);
}

TEST_CASE("decoder: half a surrogate pair at the edge of a delta is kept for its other half",
          "[unit][decoder][O142]") {
    const std::string high = "\xED\xA0\xBD";
    const std::string low = "\xED\xBA\x80";
    const std::string unknown = "\xEF\xBF\xBD";
    struct row {
        std::string spelled;
        std::string text;
    };
    const std::vector<row> rows{
        {R"(a\ud83d)", "a" + high},
        {R"(\uD83D)", high},
        {R"(\ude80b)", low + "b"},
        {R"(\uDE80)", low},
        {R"(\ude80\ud83d)", low + high},
        {R"(\ude80-\ud83d)", low + "-" + high},
        {R"(\ud83d\ude80)", "\xF0\x9F\x9A\x80"},
        {R"(\ud83d\ud83d)", unknown + high},
        {R"(\ude80\ude80)", low + unknown},
        {R"(\ud83db)", unknown + "b"},
        {R"(b\ude80)", "b" + unknown},
        {R"(\\ud83d)", R"(\ud83d)"}, // a backslash, and letters behind it
        {R"(\\\ud83d)", "\\" + high},
        {R"(\\\\ud83d)", R"(\\ud83d)"},
        {R"(\\ude80)", R"(\ude80)"},
    };
    decoder used; // knows the spelling of the frame
    for (const auto& [spelled, text] : rows) {
        INFO(spelled);
        const auto quoted = '"' + spelled + '"';
        const auto content = chat_event("content-delta", R"({"delta":)" + quoted + '}');
        const auto provider =
            chat_event("provider-event", R"({"type":"text-delta","textDelta":)" + quoted + '}');
        const auto thought =
            chat_event("provider-event", R"({"type":"reasoning-delta","text":)" + quoted + '}');
        for (int time = 0; time < 2; ++time) {
            CHECK(std::get<text_delta>(decode(used, content)).text == text);
            CHECK(std::get<text_delta>(decode(used, provider)).text == text);
            CHECK(std::get<reasoning_delta>(decode(used, thought)).text == text);
        }
    }
}

TEST_CASE("decoder: one decoder takes frames of any size in turn", "[unit][decoder][F68]") {
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
