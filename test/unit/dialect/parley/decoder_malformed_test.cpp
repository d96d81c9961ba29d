#include "dialect/parley/frame_table.hpp"
#include "frame_text.hpp"
#include "support/catch.hpp"
#include "support/frame_spelling.hpp"

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace decoder_malformed_test {

using namespace parley;

namespace {

std::string nested(std::size_t depth, char open, char close) {
    return std::string(depth, open) + std::string(depth, close);
}

using wire::frame_row;
using wire::level;
using wire::presence;
using wire::rule;
using wire::shape;

/// A value that is as it should be.
std::string_view good(shape wanted) {
    switch (wanted) {
    case shape::integer:
        return "1";
    case shape::boolean:
        return "true";
    case shape::names:
        return R"(["a"])";
    case shape::component_status:
        return R"("error")";
    case shape::object:
    case shape::value:
    case shape::parameters:
        return R"({"k":1})";
    default:
        return R"("x")";
    }
}

/// What the event of a chat_event is called on the wire; empty for another message.
std::string_view event_of(const frame_row& of) {
    switch (of.named_by) {
    case wire::naming::type:
        return "";
    case wire::naming::event:
        return of.name;
    case wire::naming::provider_event:
        return "provider-event";
    case wire::naming::latitude_event:
        return "latitude-event";
    }
    return "";
}

void add(std::string& out, std::string_view name, std::string_view json) {
    if (!out.empty()) out += ',';
    out.append("\"").append(name).append("\":").append(json);
}

std::string quote(std::string_view word) { return '"' + std::string(word) + '"'; }

/// The message as the decoder's own table has it, with one field's value replaced, or left out.
std::string written(const frame_row& of, const rule* changed = nullptr,
                    std::optional<std::string_view> value = std::nullopt) {
    const auto event = event_of(of);
    std::string top;
    std::string data;
    add(top, "type", quote(event.empty() ? of.name : "chat_event"));
    if (!event.empty()) add(top, "event", quote(event));
    if (!event.empty() && event != of.name) add(data, "type", quote(of.name));
    std::optional<std::string> whole_data;
    for (const auto& each : of.rules) {
        const bool is_data = each.name == "data";
        const bool here = &each == changed;
        if (here && is_data)
            whole_data = value.value_or("");
        else if (here && value)
            add(each.where == level::top ? top : data, each.name, *value);
        else if (!here && !is_data)
            add(each.where == level::top ? top : data, each.name, good(each.wanted));
    }
    if (!whole_data) whole_data = data.empty() && event.empty() ? "" : '{' + data + '}';
    if (!whole_data->empty()) add(top, "data", *whole_data);
    return '{' + top + '}';
}

/// A way in which a value can be wrong for some field, and the fields for which it is not.
struct form {
    std::string_view name;
    std::optional<std::string> json;
    std::vector<shape> taken_by;
};

using shapes = std::vector<shape>;

/// The shapes that take any string, any number, and those beside.
shapes strings(const shapes& more = {}) {
    shapes out{shape::text, shape::words, shape::identifier, shape::name, shape::scalar};
    out.insert(out.end(), more.begin(), more.end());
    return out;
}
shapes numbers(const shapes& more = {}) {
    shapes out{shape::identifier, shape::scalar};
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

std::vector<form> forms() {
    const auto huge = '"' + std::string(1u << 20, 'h') + '"';
    const auto escaped = '"' + std::string(100, 'x') + R"(\"\n\u0000\ud83d\ude00")";
    return {
        {"zero", "0", numbers({shape::integer})},
        {"minus zero", "-0", numbers({shape::integer})},
        {"negative", "-1", numbers({shape::integer})},
        {"fraction", "1.5", numbers()},
        {"exponent", "1e2", numbers()},
        {"beyond a double", "1e400", numbers()},
        {"beyond 64 bits", "18446744073709551616", numbers()},
        {"a number in a text", R"("3")", strings()},
        {"true", "true", {shape::boolean}},
        {"false", "false", {shape::boolean}},
        {"empty text", R"("")", strings()},
        {"escapes", escaped, strings()},
        {"lone surrogate", R"("\ud800")", strings()},
        {"a status", R"("complete")", strings({shape::component_status})},
        {"huge text", huge, {shape::text, shape::words, shape::identifier}},
        {"empty object", "{}", {shape::words, shape::object}},
        {"object", R"({"a":1})", {shape::words, shape::object}},
        {"empty array", "[]", {shape::names}},
        {"array of text", R"(["a"])", {shape::names}},
        {"array of numbers", "[1]", {}},
        {"array of arrays", "[[]]", {}},
    };
}

/// The table of frame_table.hpp, of a required field.
std::string_view outcome(const rule& of, const form& in) {
    if (of.wanted == shape::value || of.wanted == shape::parameters) return "none";
    const bool huge = in.name == "huge text";
    if (of.wanted == shape::stamp && !huge) return "none";
    for (const auto each : in.taken_by)
        if (each == of.wanted) return "none";
    const bool limited =
        of.wanted == shape::name || of.wanted == shape::scalar || of.wanted == shape::stamp;
    return limited && huge ? "too_large" : "bad_field";
}

std::string reason_of(const server_frame& frame) {
    const auto* skipped = std::get_if<message_skipped>(&frame);
    return skipped ? std::string(to_string(skipped->reason)) : std::string("none");
}

/// Calls that with every field of every message.
template <class Check>
void for_every_field(Check check) {
    for (const auto& of : wire::frame_table())
        for (const auto& each : of.rules)
            check(of, each);
}

/// A `data` that is missing takes its required fields with it.
bool is_required(const frame_row& of, const rule& changed) {
    if (changed.needed == presence::required) return true;
    if (changed.name != "data") return false;
    for (const auto& each : of.rules)
        if (each.where == level::data && each.needed == presence::required) return true;
    return false;
}

} // namespace

TEST_CASE("decoder: an unusable frame is skipped with a reason", "[unit][decoder][F67]") {
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
    CHECK(skipped(R"({"type":"nonsense\u001b"})") == "unknown_type nonsense\x1b");
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
          "bad_field chat_event: event is not a string");
    CHECK(skipped(R"({"type":"chat_event","event":"provider-event"})") ==
          "bad_field chat_event: data is not an object");
    CHECK(skipped(R"({"type":"chat_event","event":"provider-event","data":{}})") ==
          "bad_field chat_event: data.type is not a string");
}

TEST_CASE("decoder: JSON nested too deep is skipped, wherever it is read", "[unit][decoder][F68]") {
    const auto deep_props = [](std::size_t depth) {
        return R"({"type":"ui_component","toolCallId":"c","componentName":"n","props":)" +
               nested(depth, '[', ']') + "}";
    };
    CHECK(skipped(deep_props(64)).empty());
    CHECK(skipped(deep_props(65)) ==
          "too_deep ui_component: props is nested deeper than 64 levels");
    CHECK(skipped(deep_props(1'025)).starts_with("too_deep"));
    CHECK(skipped(nested(100'000, '[', ']')) == "too_deep at offset 64");
    CHECK(skipped(R"({"type":"heartbeat_ack","x":)" + nested(100'000, '[', ']') + "}").empty());
    CHECK_FALSE(skipped(std::string(100'000, '[')).empty());
    CHECK_FALSE(skipped(R"({"type":"error","data":)" + std::string(100'000, '{')).empty());
}

TEST_CASE("decoder: a frame that is too large is skipped", "[unit][decoder][F68]") {
    const std::string id(5'000, 'i');
    CHECK(skipped(R"({"type":"thread_created","data":{"providerResId":"p","threadId":")" + id +
                  R"("}})") == "too_large thread_created: data.threadId is longer than 4 KiB");

    limits_config limits;
    limits.message_bytes = 40;
    decoder small(limits);
    CHECK(reason_of(decode(small, R"({"type":"session_established","x":12345678})")) ==
          "too_large");
    CHECK(reason_of(decode(small, R"({"type":"session_established"})")) == "none");
}

TEST_CASE("decoder: a million keys and a text of ten million bytes are accepted within the limit",
          "[unit][decoder][F68]") {
    std::string keys = "{";
    for (int i = 0; i < 1'000'000; ++i)
        keys.append(R"("k)").append(std::to_string(i)).append(R"(":0,)");
    keys += R"("type":"session_established"})";
    const std::string text(10'000'000, 't');
    const auto piece = R"({"type":"chat_event","event":"content-delta","data":{"delta":")" + text;

    limits_config limits;
    limits.message_bytes = 1u << 24;
    decoder large(limits);
    CHECK(reason_of(decode(large, keys)) == "none");
    CHECK(std::get<text_delta>(decode(large, piece + "\"}}")).text == text);
    CHECK(reason_of(decode(keys)) == "too_large");
    CHECK(reason_of(decode(piece + "\"}}")) == "too_large");
}

TEST_CASE("decoder: parameters may be as large as a message", "[unit][decoder][G79]") {
    const std::string before = R"({"type":"tool_call_request","toolName":"t","callId":"c",)"
                               R"("parameters":)";
    std::string parameters = R"({ "n":1.0, "x":")";
    parameters.append(limits_config{}.message_bytes - before.size() - parameters.size() - 3, 'x');
    parameters += "\"}";

    const auto request = decode_as<tool_requested>(before + parameters + '}');
    CHECK(request.parameters_valid);
    CHECK(request.parameters.view() == parameters);
    CHECK(skipped(before + parameters + " }").starts_with("too_large"));
}

TEST_CASE("decoder: invalid JSON in a field that is read is detected", "[unit][decoder][F67]") {
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

TEST_CASE("decoder: a count that is not a 64-bit integer counts as absent",
          "[unit][decoder][F68][O140]") {
    for (const std::string_view count : {"9223372036854775808", "18446744073709551616", "1e400",
                                         "1.5", "1e2", "3.0", "\"3\"", "-9223372036854775809"}) {
        INFO(count);
        const auto finished = decode_as<chat_finished>(
            R"({"type":"chat_finished","uuid":"u","data":{"messageCount":)" + std::string(count) +
            "}}");
        CHECK(finished.conversation_id == "u");
        CHECK_FALSE(finished.message_count.has_value());
    }
    CHECK(decode_as<chat_finished>(R"({"type":"chat_finished","data":{"messageCount":-0}})")
              .message_count == 0);
    CHECK(skipped(R"({"type":"heartbeat_ack","x":1e400,"y":18446744073709551616})").empty());
}

TEST_CASE("decoder: the table lists every message once", "[unit][decoder][F69]") {
    std::set<std::pair<std::string_view, std::string_view>> names;
    for (const auto& of : wire::frame_table())
        CHECK(names.emplace(event_of(of), of.name).second);
    CHECK(names.size() == 22);
}

TEST_CASE("decoder: every message with valid fields is decoded", "[unit][decoder][F69]") {
    for (const auto& of : wire::frame_table()) {
        INFO(written(of));
        CHECK(reason_of(decode(written(of))) == "none");
    }
}

TEST_CASE("decoder: a missing or null field has its default or is reported",
          "[unit][decoder][F69]") {
    decoder one;
    for_every_field([&](const frame_row& of, const rule& changed) {
        INFO(written(of) << " without " << changed.name);
        const auto wanted = is_required(of, changed) ? "bad_field" : "none";
        CHECK(reason_of(decode(one, written(of, &changed))) == wanted);
        const bool null_is_a_value = changed.wanted == shape::value;
        CHECK(reason_of(decode(one, written(of, &changed, "null"))) ==
              (null_is_a_value ? "none" : wanted));
        CHECK(one.ignored() == 0);
    });
}

TEST_CASE("decoder: a field of another type is accepted, ignored or reported, as the table says",
          "[unit][decoder][F69][O140]") {
    const auto all = forms();
    decoder used; // what it learnt does not matter
    for_every_field([&](const frame_row& of, const rule& changed) {
        decode(used, written(of));
        for (const auto& each : all) {
            INFO(of.name << ": " << changed.name << " is " << each.name);
            const auto frame = written(of, &changed, *each.json);
            const auto fault = outcome(changed, each);
            auto wanted = changed.needed == presence::required ? fault : "none";
            if (changed.name == "data" && is_required(of, changed))
                wanted = "bad_field"; // whatever it is, what must be in it is not
            const unsigned ignored = wanted == "none" && fault != "none" ? 1 : 0;
            for (auto* with : {&used, &used}) { // also when it has seen the frame
                CHECK(reason_of(decode(*with, frame)) == wanted);
                if (wanted == "none") CHECK(with->ignored() == ignored);
            }
            if (ignored == 0) continue;
            // It means what it means without the field.
            decoder fresh;
            CHECK(test::spelling(decode(fresh, frame)) ==
                  test::spelling(decode(fresh, written(of, &changed))));
        }
    });
}

TEST_CASE("decoder: a frame that begins or ends something takes effect whatever its fields are",
          "[unit][decoder][O140]") {
    constexpr std::array names{"session_established",
                               "tools_configured",
                               "client_tools_updated",
                               "chat_finished",
                               "chat_error",
                               "authentication_error",
                               "error"};
    auto all = forms();
    all.push_back({"null", "null", {}});
    all.push_back({"too deep", nested(65, '[', ']'), {}});
    limits_config limits;
    limits.message_bytes = 1u << 24;
    decoder one(limits);
    for (const std::string name : names) {
        const auto meant = decode(R"({"type":")" + name + "\"}").index();
        for (const auto& each : all) {
            std::string frame = R"({"type":")" + name + '"';
            for (const std::string_view field : {"data", "error", "code", "uuid", "message"})
                frame.append(",\"").append(field).append("\":").append(*each.json);
            INFO(name << " with " << each.name);
            CHECK(decode(one, frame + '}').index() == meant);
            std::string data;
            for (const std::string_view field : {"toolCount", "toolNames", "conversationId",
                                                 "messageCount", "errorCode", "details"})
                add(data, field, *each.json);
            CHECK(decode(one, R"({"type":")" + name + R"(","data":{)" + data + "}}").index() ==
                  meant);
        }
    }
}

TEST_CASE("decoder: a field that is not JSON is reported", "[unit][decoder][F69]") {
    for_every_field([](const frame_row& of, const rule& changed) {
        for (const std::string_view json :
             {"tru", "nulll", "01", "1.", "--1", R"("\x")", R"("\u12")", "[1,]", R"({"a" 1})",
              R"({"a":1]})", "{\"a\":\"\x01\"}", "\"\xFF\""}) {
            INFO(written(of, &changed, json));
            const auto reason = reason_of(decode(written(of, &changed, json)));
            // An object that lacks what must be in it may be reported for that.
            if (changed.name == "data" && is_required(of, changed))
                CHECK(reason != "none");
            else
                CHECK(reason == "not_json");
        }
    });
}

TEST_CASE("decoder: a field nested too deep is reported", "[unit][decoder][F68][F69]") {
    const auto deep = nested(65, '[', ']');
    for_every_field([&](const frame_row& of, const rule& changed) {
        INFO(of.name << ": " << changed.name);
        decoder one;
        const auto reason = reason_of(decode(one, written(of, &changed, deep)));
        const bool answered = changed.wanted == shape::parameters; // as invalid
        if (changed.needed == presence::required)
            CHECK(reason == "too_deep");
        else
            CHECK(reason == "none");
        CHECK(one.ignored() == (reason == "none" && !answered ? 1 : 0));
    });
}

TEST_CASE("decoder: a truncated message is not JSON, wherever it is cut", "[unit][decoder]") {
    decoder one;
    for (const auto& of : wire::frame_table()) {
        const auto whole = written(of);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            INFO(whole.substr(0, size));
            CHECK(reason_of(decode(one, std::string_view(whole).substr(0, size))) == "not_json");
        }
    }
}

TEST_CASE("decoder: decoding returns whichever byte is changed", "[unit][decoder]") {
    decoder one;
    for (const auto& of : wire::frame_table()) {
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

} // namespace decoder_malformed_test
