#include "common/corpus.hpp"
#include "floor/floor.hpp"

#include <stdexcept>

namespace bench {

namespace ondemand = simdjson::ondemand;

void floor_reader::take(const char* data, std::size_t size, std::size_t capacity) {
    ondemand::document document;
    const simdjson::padded_string_view text(data, size, capacity);
    if (parser_.iterate(text).get(document)) throw std::runtime_error("not JSON");
    ondemand::object message = document.get_object();
    const std::string_view type = message["type"];
    if (type == "chat_event") return take_event(message);
    ++others_;
    std::uint64_t read = 0;
    const auto optional_text = [&](auto&& from, const char* key) {
        std::string_view value;
        if (!from[key].get_string().get(value)) read += value.size();
    };
    if (type == "ui_component") {
        optional_text(message, "toolCallId");
        optional_text(message, "componentName");
        ondemand::object json = message["props"].get_object();
        const std::string_view props = json.raw_json();
        read += props.size();
        optional_text(message, "status");
    } else if (type == "heartbeat_ack") {
        optional_text(message, "timestamp");
        optional_text(message, "originalTimestamp");
    } else if (type == "chat_finished") {
        optional_text(message, "uuid");
        ondemand::object inner = message["data"].get_object();
        optional_text(inner, "conversationId");
        const std::int64_t count = inner["messageCount"];
        read += static_cast<std::uint64_t>(count);
    } else if (type == "thread_created") {
        ondemand::object inner = message["data"].get_object();
        optional_text(inner, "providerResId");
        optional_text(inner, "threadId");
        const bool can = inner["canUpdateMetadata"];
        read += can ? 1 : 0;
        optional_text(inner, "updateEndpoint");
    } else if (type == "messages_persisted") {
        ondemand::object inner = message["data"].get_object();
        optional_text(inner, "threadId");
        optional_text(inner, "providerResId");
    }
    text_bytes_ += read;
}

void floor_reader::take_event(ondemand::object& message) {
    const std::string_view event = message["event"];
    ondemand::object inner = message["data"].get_object();
    std::string_view kind, text;
    const auto add = [&](const char* key) {
        if (!inner[key].get_string().get(text)) text_bytes_ += text.size();
    };
    if (event == "content-delta") {
        ++texts_;
        return add("delta");
    }
    kind = inner["type"];
    if (kind == "text-delta") {
        ++texts_;
        return add("textDelta");
    }
    ++others_;
    if (kind.starts_with("reasoning")) {
        add("id");
        if (kind == "reasoning-delta") add("text");
        return;
    }
    add("toolName");
    add("toolCallId");
    ondemand::object json;
    if (!inner[kind == "tool-call" ? "args" : "result"].get_object().get(json)) {
        const std::string_view raw = json.raw_json();
        text_bytes_ += raw.size();
    }
}

void run_decode(const task& asked, outcome& said) {
    const corpus all;
    floor_reader reader;
    const stopwatch watch;
    for (std::uint64_t done = 0; done < asked.count;)
        for (const auto message : all.messages()) {
            reader.take(message.data(), message.size(), message.size() + 64);
            ++done;
        }
    watch.report(said);
    said.set("messages", reader.texts() + reader.others()).set("texts", reader.texts());
}

} // namespace bench
