#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

namespace parley::fuzz {

/// Something that takes any bytes, and aborts the process when a promise does not hold for them.
struct target {
    std::string_view name;
    void (*take)(std::string_view input);
};

void take_decoder(std::string_view input);      ///< a frame of the server's
void take_round_trip(std::string_view input);   ///< what is encoded, and decoded again
void take_json_text(std::string_view input);    ///< a JSON text, its getters and the builder
void take_client(std::string_view input);       ///< a whole client, and a script of what happens
void take_frame_reader(std::string_view input); ///< what a server sends over a WebSocket
void take_vocabulary(std::string_view input);   ///< URL, dates, HTTP answers, the 101, close codes

inline constexpr target targets[]{
    {"decoder", take_decoder},           {"round_trip", take_round_trip},
    {"json_text", take_json_text},       {"client", take_client},
    {"frame_reader", take_frame_reader}, {"vocabulary", take_vocabulary}};

/// The fuzzer looks for an input for which this aborts.
inline void require(bool holds, const char* promise) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", promise);
    std::abort();
}

} // namespace parley::fuzz
