// A property: what a server means is what we decode, for every message and whatever text is in it.

#include "core/trusted_json.hpp"
#include "dialect/parley/encoder.hpp"
#include "frame_text.hpp"
#include "support/catch.hpp"
#include "support/frame_spelling.hpp"
#include "support/frame_writer.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace round_trip_test {

using namespace parley;

namespace {

/// Makes frames of every kind from a seed. What a server cannot say is not made: an empty id of a
/// conversation, which names none, or details that are null, which are none.
class frame_maker {
public:
    explicit frame_maker(std::uint64_t seed) : random_(seed) {}

    std::vector<server_frame> one_of_each() {
        return {session_established(),
                authentication_refused{"no", "TICKET_EXPIRED"},
                tools_acknowledged{coin(), maybe(integer())},
                configuration_requested(),
                tool_requested{text(), text(), object(), true},
                tool_requested{text(), text(), {}, false},
                ping_received{scalar(), scalar()},
                ping_acknowledged{scalar(), scalar()},
                text_delta{text()},
                reasoning_started{text()},
                reasoning_delta{text(), text()},
                reasoning_finished{text(), {}, {}},
                server_tool_started{text(), text(), maybe(object())},
                server_tool_finished{text(), text(), maybe(object())},
                ui_component{text(), text(), object(), static_cast<ui_component::state>(below(3))},
                thread_created{text(), text(), coin(), text()},
                messages_persisted{maybe(text()), maybe(text())},
                chat_finished{maybe("c" + text()), maybe(integer())},
                chat_failed{text(), maybe(text()), maybe(object())},
                server_error{text(), maybe(text()), maybe(object())}};
    }

    std::string text() {
        static constexpr std::string_view pieces[] = {"a",
                                                      " ",
                                                      "\"",
                                                      "\\",
                                                      "/",
                                                      "\b\f\n\r\t",
                                                      "\x01",
                                                      "\x7F",
                                                      "é",
                                                      "€",
                                                      "😀",
                                                      "{",
                                                      "}]",
                                                      ",",
                                                      ":",
                                                      "null",
                                                      "\\u",
                                                      "\\\"",
                                                      "type",
                                                      "data",
                                                      "\u2028",
                                                      "\uFEFF",
                                                      "a longer piece of text, for the heap"};
        std::string out;
        for (auto left = below(12); left > 0; --left)
            out += pieces[below(std::size(pieces))];
        if (below(4) == 0) out += '\0';
        return out;
    }

    json_text object() {
        return json_object{}
            .set("text", text())
            .set("n\"", integer())
            .set("spelled", json_text::parse("1.50E+400"))
            .set(text(), json_text::parse(" [ true , {\"a\" : null} ] "));
    }

private:
    std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
    bool coin() { return below(2) == 0; }
    std::int64_t integer() {
        constexpr std::int64_t edges[] = {0, -1, std::numeric_limits<std::int64_t>::max(),
                                          std::numeric_limits<std::int64_t>::min()};
        return coin() ? edges[below(4)] : static_cast<std::int64_t>(random_());
    }
    /// A number or a string, as it is spelled; empty for none.
    std::string scalar() {
        switch (below(4)) {
        case 0:
            return "";
        case 1:
            return "9007199254740993";
        case 2:
            return "-1.0e5";
        default:
            return std::string(json_text::from_string(text()).view());
        }
    }
    template <class T>
    std::optional<T> maybe(T value) {
        return coin() ? std::optional<T>(std::move(value)) : std::nullopt;
    }

    std::mt19937_64 random_;
};

} // namespace

TEST_CASE("decoder: a written frame is decoded to the same value", "[unit][decoder][F69]") {
    decoder one;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        for (const auto& meant : frame_maker(seed).one_of_each()) {
            INFO("seed " << seed << ": " << test::written(meant));
            CHECK(test::spelling(decode(one, test::written(meant))) == test::spelling(meant));
        }
    }
}

TEST_CASE("encoder: an encoded message contains the given values", "[unit][encoder]") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        INFO("seed " << seed);
        frame_maker make(seed);
        const auto content = make.text();
        const auto id = make.text();
        const auto frame = json_text::parse(encode_chat_message(
            chat_message(content).media({id, content}).mcp_headers({{"s", {{id, content}}}})));
        CHECK(frame.string_at("/content") == content);
        CHECK(frame.string_at("/media/0") == id);
        CHECK(frame.string_at("/media/1") == content);
        CHECK_FALSE(frame.text_at("/providerResId"));

        const auto result = make.object();
        const auto answer = json_text::parse(encode_tool_result(id, result));
        CHECK(answer.string_at("/callId") == id);
        CHECK(answer.text_at("/result") == result);
        CHECK(json_text::parse(encode_tool_error(id, content)).string_at("/error") == content);
        CHECK(json_text::parse(encode_stop_run(id)).string_at("/conversationUuid") == id);
        CHECK(json_text::parse(encode_context_helpers(result)).text_at("/contextHelpers") ==
              result);
    }
}

} // namespace round_trip_test
