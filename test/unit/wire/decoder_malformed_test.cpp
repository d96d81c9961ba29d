#include "frame_text.hpp"
#include "support/catch.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace parley;

namespace {

std::string nested(std::size_t depth, char open, char close) {
    return std::string(depth, open) + std::string(depth, close);
}

/// What a field takes.
enum class takes { text, name, scalar, integer, boolean, object, names, anything, status };

struct spec {
    std::string_view name;
    std::string_view good; ///< a value, as JSON
    takes kind;
    bool required;
};

/// One message: its members, each with a good value.
struct message {
    std::vector<std::pair<std::string_view, std::string_view>>
        fixed; ///< what makes it this message
    std::vector<spec> top;
    std::vector<std::pair<std::string_view, std::string_view>> fixed_data;
    std::vector<spec> data;
};

const spec id_of_tool{"toolName", R"("t")", takes::name, true};
const spec id_of_call{"toolCallId", R"("c")", takes::name, true};
const spec failure_text{"error", R"("E")", takes::text, false};
const std::vector<spec> failure_data{{"errorCode", R"("X")", takes::scalar, false},
                                     {"details", "{}", takes::anything, false}};
constexpr std::pair<std::string_view, std::string_view> chat_event{"type", R"("chat_event")"};
constexpr std::pair<std::string_view, std::string_view> provider{"event", R"("provider-event")"};

// PROTOCOL.md 2.2.
const std::vector<message> messages{
    {{{"type", R"("session_established")"}}, {}, {}, {}},
    {{{"type", R"("authentication_error")"}},
     {failure_text, {"code", R"("X")", takes::scalar, false}},
     {},
     {}},
    {{{"type", R"("tools_configured")"}},
     {},
     {},
     {{"toolCount", "1", takes::integer, false}, {"toolNames", R"(["a"])", takes::names, false}}},
    {{{"type", R"("client_tools_updated")"}},
     {},
     {},
     {{"toolCount", "1", takes::integer, false}, {"toolNames", "[]", takes::names, false}}},
    {{{"type", R"("configure_tools")"}}, {}, {}, {}},
    {{chat_event, {"event", R"("content-delta")"}},
     {},
     {},
     {{"delta", R"("x")", takes::text, true}}},
    {{chat_event, provider},
     {},
     {{"type", R"("text-delta")"}},
     {{"textDelta", R"("x")", takes::text, true}}},
    {{chat_event, provider},
     {},
     {{"type", R"("reasoning-start")"}},
     {{"id", R"("r")", takes::name, false}}},
    {{chat_event, provider},
     {},
     {{"type", R"("reasoning-delta")"}},
     {{"id", R"("r")", takes::name, false}, {"text", R"("x")", takes::text, true}}},
    {{chat_event, provider},
     {},
     {{"type", R"("reasoning-end")"}},
     {{"id", R"("r")", takes::name, false}}},
    {{chat_event, provider},
     {},
     {{"type", R"("tool-call")"}},
     {id_of_tool, id_of_call, {"args", "{}", takes::anything, false}}},
    {{chat_event, provider},
     {},
     {{"type", R"("tool-result")"}},
     {id_of_tool, id_of_call, {"result", "{}", takes::anything, false}}},
    {{chat_event, {"event", R"("latitude-event")"}},
     {},
     {{"type", R"("tool-result")"}},
     {id_of_tool, id_of_call}},
    {{{"type", R"("chat_finished")"}},
     {{"uuid", R"("u")", takes::name, false}},
     {},
     {{"conversationId", R"("c")", takes::name, false},
      {"messageCount", "2", takes::integer, false}}},
    {{{"type", R"("chat_error")"}}, {failure_text}, {}, failure_data},
    {{{"type", R"("error")"}}, {failure_text}, {}, failure_data},
    {{{"type", R"("messages_persisted")"}},
     {},
     {},
     {{"threadId", R"("t")", takes::name, false}, {"providerResId", R"("p")", takes::name, false}}},
    {{{"type", R"("thread_created")"}},
     {},
     {},
     {{"providerResId", R"("p")", takes::name, true},
      {"threadId", R"("t")", takes::name, true},
      {"canUpdateMetadata", "true", takes::boolean, false},
      {"updateEndpoint", R"("/x")", takes::name, false}}},
    {{{"type", R"("tool_call_request")"}},
     {id_of_tool,
      {"callId", R"("c")", takes::name, true},
      {"parameters", "{}", takes::anything, false}},
     {},
     {}},
    {{{"type", R"("ui_component")"}},
     {id_of_call,
      {"componentName", R"("n")", takes::name, true},
      {"props", "{}", takes::anything, true},
      {"status", R"("error")", takes::status, false}},
     {},
     {}},
    {{{"type", R"("heartbeat_ping")"}},
     {{"timestamp", R"("a")", takes::scalar, false}, {"pingTime", "1", takes::scalar, false}},
     {},
     {}},
    {{{"type", R"("heartbeat_ack")"}},
     {{"timestamp", R"("a")", takes::scalar, false},
      {"originalTimestamp", R"("a")", takes::scalar, false}},
     {},
     {}},
};

/// The message with one member's value replaced, or left out.
std::string written(const message& of, const spec* changed = nullptr,
                    std::optional<std::string_view> value = std::nullopt) {
    std::string top;
    std::string data;
    const auto add = [](std::string& out, std::string_view name, std::string_view json) {
        if (!out.empty()) out += ',';
        out.append("\"").append(name).append("\":").append(json);
    };
    const auto add_field = [&](std::string& out, const spec& each) {
        if (&each != changed)
            add(out, each.name, each.good);
        else if (value)
            add(out, each.name, *value);
    };
    for (const auto& [name, json] : of.fixed)
        add(top, name, json);
    for (const auto& each : of.top)
        add_field(top, each);
    for (const auto& [name, json] : of.fixed_data)
        add(data, name, json);
    for (const auto& each : of.data)
        add_field(data, each);
    if (!data.empty() || !of.data.empty()) add(top, "data", "{" + data + "}");
    return "{" + top + "}";
}

bool taken_by(takes kind, std::string_view json) {
    const bool string = json.front() == '"';
    const bool number = json.front() == '-' || (json.front() >= '0' && json.front() <= '9');
    switch (kind) {
    case takes::anything:
        return true;
    case takes::text:
    case takes::name:
        return string;
    case takes::scalar:
        return string || number;
    case takes::integer:
        return json == "0" || json == "-1";
    case takes::boolean:
        return json == "true" || json == "false";
    case takes::object:
        return json == "{}";
    case takes::names:
        return json == "[]";
    case takes::status:
        return json == R"("complete")";
    }
    return false;
}

std::string reason_of(const server_frame& frame) {
    const auto* skipped = std::get_if<message_skipped>(&frame);
    return skipped ? std::string(to_string(skipped->reason)) : std::string("none");
}

std::vector<std::pair<const message*, const spec*>> every_field() {
    std::vector<std::pair<const message*, const spec*>> all;
    for (const auto& of : messages) {
        for (const auto& each : of.top)
            all.emplace_back(&of, &each);
        for (const auto& each : of.data)
            all.emplace_back(&of, &each);
    }
    return all;
}

} // namespace

TEST_CASE("decoder: what is no usable frame is skipped, and said why", "[unit][decoder]") {
    CHECK(skipped("") == "not_json at offset 0");
    CHECK(skipped("   ") == "not_json at offset 3");
    CHECK(skipped("hello") == "not_json at offset 0");
    CHECK(skipped("{") == "not_json at offset 1");
    CHECK(skipped(R"({"type":"session_established"}x)") == "not_json at offset 30");
    CHECK(skipped(R"({"type":"session_established"}{})") == "not_json at offset 30");
    CHECK(skipped("\xEF\xBB\xBF{\"type\":\"session_established\"}") == "not_json at offset 0");
    CHECK(skipped("{\"type\":\"\xFF\"}") == "not_json at offset 9");
    CHECK(skipped(R"({"type":"session_established",})") == "not_json at offset 30");
    CHECK(skipped(R"({"type" "session_established"})") == "not_json at offset 8");
    CHECK(skipped("{\"type\":\"a\nb\"}") == "not_json at offset 10");
    CHECK(skipped("[]") == "not_an_object ");
    CHECK(skipped(R"([{"type":"session_established"}])") == "not_an_object ");
    CHECK(skipped(R"("text")") == "not_an_object ");
    CHECK(skipped("1") == "not_an_object ");
    CHECK(skipped("null") == "not_an_object ");
    CHECK(skipped("{}") == "no_type ");
    CHECK(skipped(R"({"type":null})") == "no_type ");
    CHECK(skipped(R"({"type":1})") == "no_type ");
    CHECK(skipped(R"({"type":{"type":"error"}})") == "no_type ");
    CHECK(skipped(R"({"Type":"error"})") == "no_type ");
    CHECK(skipped(R"({"type":"nonsense\u001b"})") == "unknown_type nonsense\\x1b");
    CHECK(skipped(R"({"type":"text-delta"})") == "unknown_type text-delta");
    CHECK(skipped(R"({"type":""})") == "unknown_type ");
    CHECK(skipped(R"({"type":"chat_event","event":"new","data":{}})") ==
          "unknown_event chat_event new");
    CHECK(skipped(R"({"type":"chat_event","event":"provider-event","data":{"type":"finish"}})") ==
          "unknown_event chat_event provider-event finish");
    CHECK(
        skipped(R"({"type":"chat_event","event":"latitude-event","data":{"type":"tool-call"}})") ==
        "unknown_event chat_event latitude-event tool-call");
    CHECK(skipped(R"({"type":"chat_event","data":{}})") ==
          "bad_field chat_event: event is no string");
    CHECK(skipped(R"({"type":"chat_event","event":"provider-event"})") ==
          "bad_field chat_event: data is no object");
    CHECK(skipped(R"({"type":"chat_event","event":"provider-event","data":{}})") ==
          "bad_field chat_event: data.type is no string");
}

TEST_CASE("decoder: too deep is skipped, wherever it is read", "[unit][decoder]") {
    const auto deep_result = [](std::size_t depth) {
        return R"({"type":"chat_event","event":"provider-event","data":{"type":"tool-result",)"
               R"("toolName":"t","toolCallId":"c","result":)" +
               nested(depth, '[', ']') + "}}";
    };
    CHECK(skipped(deep_result(64)).empty());
    CHECK(skipped(deep_result(65)) ==
          "too_deep chat_event tool-result: data.result is nested deeper than 64 levels");
    CHECK(skipped(nested(100'000, '[', ']')) == "too_deep at offset 64");
    CHECK(skipped(R"({"type":"heartbeat_ack","x":)" + nested(100'000, '[', ']') + "}").empty());
    CHECK_FALSE(skipped(std::string(100'000, '[')).empty());
    CHECK_FALSE(skipped(R"({"type":"error","data":)" + std::string(100'000, '{')).empty());
}

TEST_CASE("decoder: too large is skipped", "[unit][decoder]") {
    const std::string id(5'000, 'i');
    CHECK(skipped(R"({"type":"tool_call_request","toolName":"t","callId":")" + id + R"("})") ==
          "too_large tool_call_request: callId is longer than 4 KiB");

    limits_config limits;
    limits.message_bytes = 40;
    decoder small(limits);
    CHECK(reason_of(decode(small, R"({"type":"session_established","x":12345678})")) ==
          "too_large");
    CHECK(reason_of(decode(small, R"({"type":"session_established"})")) == "none");
}

TEST_CASE("decoder: a hundred thousand keys are read past", "[unit][decoder]") {
    std::string text = "{";
    for (int i = 0; i < 100'000; ++i)
        text += R"("type)" + std::to_string(i) + R"(":0,)";
    CHECK(skipped(text + R"("type":"session_established"})").empty());
}

TEST_CASE("decoder: invalid JSON within what is read is noticed", "[unit][decoder]") {
    const auto result = [](std::string_view json) {
        return R"({"type":"chat_event","event":"provider-event","data":{"type":"tool-result",)"
               R"("toolName":"t","toolCallId":"c","result":)" +
               std::string(json) + "}}";
    };
    for (const std::string_view json : {R"({"a": tru})", "[1,]", "[01]", R"(["\x"])", "nul", "1.",
                                        "--1", R"({"a" 1})", R"({"a":1]})", R"("\u12")"}) {
        INFO(json);
        CHECK(skipped(result(json)).starts_with("not_json"));
    }
    for (const std::string_view text :
         {R"({"type":"error"x})", R"({"type":"error","error":"a"x})",
          R"({"type":"error","error":})", R"({"type":"error","error":x"a"})",
          R"({"type":"error","error":"a" "b"})", R"({"type":"error","data":{"errorCode":}})",
          R"({"type":"error","data":})"}) {
        INFO(text);
        CHECK(skipped(text).starts_with("not_json"));
    }
    CHECK(skipped(R"({"type":"heartbeat_ping","pingTime":01})").starts_with("not_json"));
    CHECK(skipped(R"({"type":"heartbeat_ping","pingTime":"\q"})").starts_with("not_json"));
    CHECK(skipped(R"({"type":"chat_error","error":"\q"})").starts_with("not_json"));
}

TEST_CASE("decoder: numbers that do not fit a field skip the frame", "[unit][decoder]") {
    for (const std::string_view count : {"9223372036854775808", "18446744073709551616", "1e400",
                                         "1.5", "1e2", "-9223372036854775809"}) {
        INFO(count);
        CHECK(skipped(R"({"type":"chat_finished","data":{"messageCount":)" + std::string(count) +
                      "}}") == "bad_field chat_finished: data.messageCount has another type");
    }
    CHECK(decode_as<chat_finished>(R"({"type":"chat_finished","data":{"messageCount":-0}})")
              .message_count == 0);
    CHECK(skipped(R"({"type":"heartbeat_ack","x":1e400,"y":18446744073709551616})").empty());
}

TEST_CASE("decoder: every message with good fields is taken", "[unit][decoder]") {
    for (const auto& of : messages) {
        INFO(written(of));
        CHECK(reason_of(decode(written(of))) == "none");
    }
}

TEST_CASE("decoder: every field missing or null is a default or is reported", "[unit][decoder]") {
    for (const auto& [of, changed] : every_field()) {
        INFO(written(*of) << " without " << changed->name);
        CHECK(reason_of(decode(written(*of, changed))) ==
              (changed->required ? "bad_field" : "none"));
        const bool null_is_a_value = changed->kind == takes::anything;
        CHECK(reason_of(decode(written(*of, changed, "null"))) ==
              (changed->required && !null_is_a_value ? "bad_field" : "none"));
    }
}

TEST_CASE("decoder: every field of another type is reported", "[unit][decoder]") {
    for (const auto& [of, changed] : every_field())
        for (const std::string_view json :
             {"0", "-1", "1.5", "1e400", "true", "false", R"("")", R"("x\n")", R"("\ud800")",
              R"("complete")", "{}", "[]", R"({"a":1})", "[1]", "[[]]"}) {
            INFO(written(*of, changed, json));
            CHECK(reason_of(decode(written(*of, changed, json))) ==
                  (taken_by(changed->kind, json) ? "none" : "bad_field"));
        }
}

TEST_CASE("decoder: every field huge is taken or reported", "[unit][decoder]") {
    const auto huge = '"' + std::string(1u << 20, 'h') + '"';
    for (const auto& [of, changed] : every_field()) {
        INFO(changed->name);
        const bool limited = changed->kind == takes::name || changed->kind == takes::scalar;
        const bool taken = changed->kind == takes::text || changed->kind == takes::anything;
        CHECK(reason_of(decode(written(*of, changed, huge))) == (limited ? "too_large"
                                                                 : taken ? "none"
                                                                         : "bad_field"));
    }
}

TEST_CASE("decoder: every message cut short anywhere is no JSON", "[unit][decoder]") {
    decoder one;
    for (const auto& of : messages) {
        const auto whole = written(of);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            INFO(whole.substr(0, size));
            CHECK(reason_of(decode(one, std::string_view(whole).substr(0, size))) == "not_json");
        }
    }
}

TEST_CASE("decoder: whatever byte is changed, it comes back", "[unit][decoder]") {
    decoder one;
    for (const auto& of : messages) {
        const auto whole = written(of);
        for (std::size_t at = 0; at < whole.size(); ++at)
            for (const char byte :
                 {'\0', '"', '\\', '{', '}', '[', ']', ',', ':', ' ', '0', '\xFF'}) {
                auto changed = whole;
                changed[at] = byte;
                decode(one, changed);
            }
        CHECK(reason_of(decode(one, whole)) == "none");
    }
}
