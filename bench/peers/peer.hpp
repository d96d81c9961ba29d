#pragma once

#include "common/measure.hpp"
#include "common/task.hpp"

#include <cstdint>
#include <cstring>
#include <rapidjson/document.h>
#include <string>
#include <vector>

namespace bench {

/// What a peer's client does, whatever the library: the first message is session_established, then
/// a stream is counted or pings are sent.
class peer_script {
public:
    explicit peer_script(const task& asked)
        : pings_(asked.scenario == "ping-pong"), count_(asked.count) {}

    enum class next { nothing, send, done };

    /// `send`: a chat_message goes out now.
    next take(const char* data, std::size_t size) {
        if (!open_) {
            open_ = true;
            watch_ = stopwatch();
            begun_ = now_s();
            return next::send;
        }
        read(data, size);
        if (pings_) {
            took_.push_back((now_s() - begun_) * 1e6);
            begun_ = now_s();
            return messages_ < count_ ? next::send : next::done;
        }
        return messages_ < count_ ? next::nothing : next::done;
    }

    void report(outcome& said) {
        watch_.report(said);
        said.set("messages", messages_);
        if (pings_)
            said.latencies(std::move(took_));
        else
            said.set("text_bytes", bytes_);
    }

private:
    void read(const char* data, std::size_t size) {
        rapidjson::Document document;
        document.Parse(data, size);
        if (!document.IsObject()) return;
        const auto type = document.FindMember("type");
        if (type == document.MemberEnd() || !type->value.IsString()) return;
        if (std::strcmp(type->value.GetString(), "chat_event") != 0) {
            if (pings_) ++messages_;
            return;
        }
        const auto& inner = document["data"];
        if (std::strcmp(document["event"].GetString(), "provider-event") != 0) return;
        if (std::strcmp(inner["type"].GetString(), "text-delta") != 0) return;
        bytes_ += inner["textDelta"].GetStringLength();
        ++messages_;
    }

    bool pings_;
    std::uint64_t count_;
    bool open_ = false;
    std::uint64_t messages_ = 0;
    std::uint64_t bytes_ = 0;
    stopwatch watch_;
    double begun_ = 0;
    std::vector<double> took_;
};

} // namespace bench
