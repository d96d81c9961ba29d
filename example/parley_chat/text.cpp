#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace parley_chat {

namespace {

unsigned char byte_at(std::string_view text, std::size_t position) {
    return position < text.size() ? static_cast<unsigned char>(text[position]) : 0;
}

bool continues(std::string_view text, std::size_t position) {
    return (byte_at(text, position) & 0xC0u) == 0x80u;
}

// The length of the well-formed sequence that begins here (RFC 3629 section 4), or 0.
std::size_t sequence_length(std::string_view text, std::size_t position) {
    const unsigned lead = byte_at(text, position);
    const unsigned second = byte_at(text, position + 1);
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4 || !continues(text, position + 1)) return 0;
    if (lead < 0xE0) return 2;
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return 0;
    if (!continues(text, position + 2)) return 0;
    if (lead < 0xF0) return 3;
    if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return 0;
    return continues(text, position + 3) ? 4 : 0;
}

} // namespace

std::string printable(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = byte_at(text, i);
        const bool c1 = byte == 0xC2 && byte_at(text, i + 1) >= 0x80 && byte_at(text, i + 1) < 0xA0;
        if (c1) {
            ++i; // U+0080 to U+009F: terminals take some of them for control sequences
        } else if ((byte >= 0x20 && byte != 0x7F) || byte == '\n' || byte == '\t') {
            shown.push_back(text[i]);
        }
    }
    return shown;
}

std::string one_line(std::string_view text) {
    std::string line = printable(text);
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::replace(line.begin(), line.end(), '\t', ' ');
    return line;
}

std::string shortened(std::string text, std::size_t limit) {
    if (text.size() <= limit) return text;
    std::size_t cut = limit;
    while (cut > 0 && continues(text, cut))
        --cut;
    text.resize(cut);
    return text + "...";
}

std::string readable(std::chrono::milliseconds duration) {
    const double seconds = static_cast<double>(duration.count()) / 1000.0;
    const double minutes = seconds / 60.0;
    char text[32];
    if (seconds < 120) {
        std::snprintf(text, sizeof text, seconds < 10 ? "%.1f s" : "%.0f s", seconds);
    } else {
        const double hours = std::round(minutes / 6.0) / 10.0;
        std::snprintf(text, sizeof text, minutes < 59.5 ? "%.0f min" : "%g h",
                      minutes < 59.5 ? minutes : hours);
    }
    return text;
}

std::string as_utf8(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t length = sequence_length(bytes, i);
        if (length == 0) {
            text.push_back('?');
            ++i;
        } else {
            text.append(bytes.substr(i, length));
            i += length;
        }
    }
    return text;
}

} // namespace parley_chat
