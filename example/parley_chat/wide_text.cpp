#include "wide_text.hpp"

#include <algorithm>
#include <cwchar>

namespace parley_chat {

namespace {

constexpr wchar_t replacement = 0xFFFD;
constexpr unsigned char escape = 0x1B;
constexpr unsigned char control_x = 0x18;

unsigned unsigned_at(std::string_view text, std::size_t position) {
    return static_cast<unsigned char>(text[position]);
}

// How many bytes a sequence has that begins with this one (RFC 3629); 1 for one that cannot.
std::size_t announced_length(unsigned lead) {
    if (lead >= 0xC2 && lead < 0xE0) return 2;
    if (lead >= 0xE0 && lead < 0xF0) return 3;
    if (lead >= 0xF0 && lead < 0xF5) return 4;
    return 1;
}

std::size_t width_of(wchar_t c, std::size_t column) {
    if (c == L'\t') return 8 - column % 8;
    return static_cast<std::size_t>(std::max(0, ::wcwidth(c)));
}

} // namespace

std::wstring to_wide(std::string_view text) {
    std::wstring wide;
    std::size_t i = 0;
    while (i < text.size()) {
        const unsigned lead = unsigned_at(text, i);
        const std::size_t length = announced_length(lead);
        unsigned point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
        bool good = lead < 0x80 || length > 1;
        for (std::size_t k = 1; good && k < length; ++k) {
            good = i + k < text.size() && (unsigned_at(text, i + k) & 0xC0U) == 0x80U;
            if (good) point = (point << 6) | (unsigned_at(text, i + k) & 0x3FU);
        }
        wide.push_back(good ? static_cast<wchar_t>(point) : replacement);
        i += good ? length : 1;
    }
    return wide;
}

std::string to_utf8(std::wstring_view text) {
    std::string bytes;
    const auto put = [&bytes](unsigned byte) { bytes.push_back(static_cast<char>(byte)); };
    for (const wchar_t c : text) {
        const auto point = static_cast<unsigned>(c);
        if (point < 0x80) {
            put(point);
        } else if (point < 0x800) {
            put(0xC0U | (point >> 6));
            put(0x80U | (point & 0x3FU));
        } else if (point < 0x10000) {
            put(0xE0U | (point >> 12));
            put(0x80U | ((point >> 6) & 0x3FU));
            put(0x80U | (point & 0x3FU));
        } else {
            put(0xF0U | (point >> 18));
            put(0x80U | ((point >> 12) & 0x3FU));
            put(0x80U | ((point >> 6) & 0x3FU));
            put(0x80U | (point & 0x3FU));
        }
    }
    return bytes;
}

cursor_place place_after(std::wstring_view text, std::size_t columns) {
    cursor_place place;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::size_t width = width_of(text[i], place.column);
        if (place.column + width > columns && text[i] != L'\t') {
            ++place.row;
            place.column = 0;
            place.row_begin = i;
        }
        place.column = std::min(columns, place.column + width);
    }
    return place;
}

std::size_t first_key(std::string_view input) {
    if (input.empty()) return 0;
    const unsigned first = unsigned_at(input, 0);
    if (first == control_x) return input.size() < 2 ? 0 : 2;
    if (first != escape) {
        const std::size_t length = announced_length(first);
        return input.size() < length ? 0 : length;
    }
    if (input.size() < 2) return 0;
    if (input[1] == 'O') return input.size() < 3 ? 0 : 3;
    if (input[1] != '[') {
        const std::size_t length = announced_length(unsigned_at(input, 1));
        return input.size() < 1 + length ? 0 : 1 + length;
    }
    // Parameters, and one byte that ends them (ECMA-48, 5.4); the Linux console has `[[` and one.
    const std::size_t begin = input.size() > 2 && input[2] == '[' ? 3 : 2;
    for (std::size_t i = begin; i < input.size(); ++i) {
        if (input[i] >= 0x40 && input[i] <= 0x7E) return i + 1;
    }
    constexpr std::size_t longest = 32; // then it is none
    return input.size() < longest ? 0 : input.size();
}

} // namespace parley_chat
