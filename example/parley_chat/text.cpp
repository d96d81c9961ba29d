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

// Of a well-formed sequence, or of one byte.
unsigned code_point(std::string_view sequence) {
    const unsigned lead = byte_at(sequence, 0);
    if (sequence.size() == 1) return lead;
    unsigned point = lead & (0x7Fu >> sequence.size());
    for (std::size_t i = 1; i < sequence.size(); ++i)
        point = (point << 6) | (byte_at(sequence, i) & 0x3Fu);
    return point;
}

// Moves the cursor, ends the line, or reorders what is on it: control characters, and what Unicode
// has for separators, for directions and for annotations.
bool moves_text(unsigned point) {
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x061C || point == 0x200E ||
           point == 0x200F || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x206F) || point == 0xFEFF ||
           (point >= 0xFFF9 && point <= 0xFFFB);
}

} // namespace

std::string printable(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = std::max<std::size_t>(sequence_length(text, i), 1);
        const auto sequence = text.substr(i, length);
        const bool stays = sequence == "\n" || sequence == "\t";
        if (stays || !moves_text(code_point(sequence))) shown.append(sequence);
        i += length;
    }
    return shown;
}

std::string escaped_in_json(std::string_view json) {
    std::string shown;
    shown.reserve(json.size());
    for (std::size_t i = 0; i < json.size();) {
        const std::size_t length = std::max<std::size_t>(sequence_length(json, i), 1);
        const auto sequence = json.substr(i, length);
        const unsigned point = code_point(sequence);
        if (point >= 0x20 && moves_text(point)) {
            char escape[16];
            std::snprintf(escape, sizeof escape, "\\u%04x", point);
            shown.append(escape);
        } else {
            shown.append(sequence);
        }
        i += length;
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
