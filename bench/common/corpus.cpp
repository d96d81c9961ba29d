#include "common/corpus.hpp"

#include <cstring>

namespace bench {

namespace {

constexpr std::size_t padding = 64;

struct share {
    std::string_view text;
    int of_hundred;
};

constexpr share shares[] = {
    {R"({"type":"chat_event","event":"provider-event","data":{"type":"text-delta","textDelta":" hello world"}})",
     58},
    {R"({"type":"chat_event","event":"content-delta","data":{"delta":"a \"quoted\" word\nand a line"}})",
     10},
    {R"({"type":"chat_event","event":"provider-event","data":{"type":"reasoning-delta","id":"r1","text":"The user asks for the weather, so"}})",
     12},
    {R"({"type":"chat_event","event":"provider-event","data":{"type":"reasoning-start","id":"r1"}})",
     1},
    {R"({"type":"chat_event","event":"provider-event","data":{"type":"reasoning-end","id":"r1"}})",
     1},
    {R"({"type":"chat_event","event":"provider-event","data":{"type":"tool-call","toolName":"search","toolCallId":"call_0001","args":{"query":"weather in Z\u00fcrich","limit":10,"filter":{"lang":["de","fr"]}}}})",
     3},
    {R"({"type":"chat_event","event":"provider-event","data":{"type":"tool-result","toolName":"search","toolCallId":"call_0001","result":{"hits":[{"title":"Weather","score":0.93},{"title":"Forecast","score":0.71}],"took":12}}})",
     3},
    {R"({"type":"chat_event","event":"latitude-event","data":{"type":"tool-result","toolName":"search","toolCallId":"call_0001"}})",
     2},
    {R"({"type":"ui_component","toolCallId":"call_0002","componentName":"WeatherCard","props":{"city":"Z\u00fcrich","days":[{"d":"Mon","t":7},{"d":"Tue","t":9},{"d":"Wed","t":4}],"unit":"C"},"status":"streaming"})",
     4},
    {R"({"type":"heartbeat_ack","timestamp":"2026-01-01T12:00:00.000Z","originalTimestamp":"2026-01-01T11:59:59.990Z"})",
     2},
    {R"({"type":"thread_created","data":{"providerResId":"prov-1","threadId":"thread-1","canUpdateMetadata":true,"updateEndpoint":"/api/v1/threads/prov-1"}})",
     1},
    {R"({"type":"messages_persisted","data":{"threadId":"thread-1","providerResId":"prov-1"}})", 1},
    {R"({"type":"chat_finished","uuid":"0f1e2d3c","data":{"conversationId":"conv-1","messageCount":2}})",
     2},
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
            const auto text = shares[i].text;
            auto buffer = std::make_unique<char[]>(text.size() + padding);
            std::memcpy(buffer.get(), text.data(), text.size());
            messages_.emplace_back(buffer.get(), text.size());
            buffers_.push_back(std::move(buffer));
        }
    }
}

} // namespace bench
