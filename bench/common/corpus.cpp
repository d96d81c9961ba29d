#include "common/corpus.hpp"

#include "testing/frames.hpp"

#include <cstring>
#include <string>

namespace bench {

namespace {

constexpr std::size_t padding = 64;

namespace frames = parley::testing::frames;

struct share {
    std::string text;
    int of_hundred;
};

const share shares[] = {
    {frames::text_delta(" hello world"), 58},
    {frames::content_delta("a \"quoted\" word\nand a line"), 10},
    {frames::reasoning_delta("r1", "The user asks for the weather, so"), 12},
    {frames::reasoning_start("r1"), 1},
    {frames::reasoning_end("r1"), 1},
    {frames::server_tool_call(
         "search", "call_0001",
         R"({"query":"weather in Z\u00fcrich","limit":10,"filter":{"lang":["de","fr"]}})"),
     3},
    {frames::server_tool_result(
         "search", "call_0001",
         R"({"hits":[{"title":"Weather","score":0.93},{"title":"Forecast","score":0.71}],"took":12})"),
     3},
    {frames::latitude_tool_result("search", "call_0001"), 2},
    {frames::ui_component(
         "call_0002", "WeatherCard",
         R"({"city":"Z\u00fcrich","days":[{"d":"Mon","t":7},{"d":"Tue","t":9},{"d":"Wed","t":4}],"unit":"C"})",
         "streaming"),
     4},
    {frames::heartbeat_ack(R"("2026-01-01T12:00:00.000Z")", R"("2026-01-01T11:59:59.990Z")"), 2},
    {frames::thread_created("prov-1", "thread-1", "/api/v1/threads/prov-1"), 1},
    {frames::messages_persisted("thread-1", "prov-1"), 1},
    {frames::chat_finished("0f1e2d3c", "conv-1", 2), 2},
};

} // namespace

corpus::corpus() {
    int left[std::size(shares)];
    for (std::size_t i = 0; i < std::size(shares); ++i)
        left[i] = shares[i].of_hundred;
    // Dealt in turn, so that the kinds alternate.
    for (bool any = true; any;) {
        any = false;
        for (std::size_t i = 0; i < std::size(shares); ++i) {
            if (left[i]-- <= 0) continue;
            any = true;
            const auto& text = shares[i].text;
            auto buffer = std::make_unique<char[]>(text.size() + padding);
            std::memcpy(buffer.get(), text.data(), text.size());
            messages_.emplace_back(buffer.get(), text.size());
            buffers_.push_back(std::move(buffer));
        }
    }
}

} // namespace bench
