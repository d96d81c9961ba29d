#pragma once

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bench {

/// What a client program is asked to do: `SCENARIO URL COUNT SESSIONS THREADS CA_FILE`.
struct task {
    std::string scenario;
    std::string url; ///< `ws://127.x.y.z:port/mode`
    std::uint64_t count = 0;
    unsigned sessions = 1;
    unsigned threads = 1;
    std::string ca_file;

    static task from(int count, char** words) {
        if (count != 7)
            throw std::runtime_error("usage: SCENARIO URL COUNT SESSIONS THREADS CA_FILE");
        task asked;
        asked.scenario = words[1];
        asked.url = words[2];
        asked.count = std::strtoull(words[3], nullptr, 10);
        asked.sessions = static_cast<unsigned>(std::strtoul(words[4], nullptr, 10));
        asked.threads = static_cast<unsigned>(std::strtoul(words[5], nullptr, 10));
        asked.ca_file = words[6];
        return asked;
    }

    bool tls() const { return url.compare(0, 4, "wss:") == 0; }
    std::string host() const {
        const auto from = url.find("//") + 2;
        return url.substr(from, url.find(':', from) - from);
    }
    std::string port() const {
        const auto from = url.find(':', url.find("//")) + 1;
        return url.substr(from, url.find('/', from) - from);
    }
    std::string path() const { return url.substr(url.find('/', url.find("//") + 2)); }
};

/// Of the sessions whose memory is measured, on both sides.
inline constexpr unsigned opened_at_once = 50;

/// Of the message that sets a stream going, and of the pings of ping-pong.
inline constexpr std::size_t message_bytes = 120;
inline constexpr std::string_view message_before = R"({"type":"chat_message","content":")";
inline constexpr std::string_view message_behind = R"(","media":[]})";

/// What a chat_message of 120 bytes says.
inline std::string message_content() {
    return std::string(message_bytes - message_before.size() - message_behind.size(), 'x');
}

inline std::string chat_message_frame() {
    return std::string(message_before) + message_content() + std::string(message_behind);
}

} // namespace bench
