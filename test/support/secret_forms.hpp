#pragma once

#include "core/url.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace parley::test {

/// RFC 4648 section 4, or with the alphabet of section 5.
inline std::string base64(std::string_view bytes, bool for_urls = false) {
    const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" +
                                 std::string(for_urls ? "-_" : "+/");
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        unsigned group = 0;
        for (std::size_t i = at; i < at + 3; ++i)
            group = group * 256 + (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u);
        for (unsigned i = 0; i < 4; ++i)
            out += at + i > bytes.size() ? '=' : alphabet[(group >> (18 - 6 * i)) & 63u];
    }
    return out;
}

/// Within a JSON string: what must be escaped, or `all` of it.
inline std::string in_json(std::string_view text, bool all = false) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char each : text) {
        const auto byte = static_cast<unsigned char>(each);
        if (all || byte < 0x20)
            out.append("\\u00").append({digits[byte >> 4], digits[byte & 15]});
        else if (each == '"' || each == '\\')
            out.append({'\\', each});
        else
            out += each;
    }
    return out;
}

/// `%2F` as `%2f`.
inline std::string lower_hex(std::string text) {
    for (std::size_t at = 0; at + 2 < text.size(); ++at)
        for (std::size_t digit = at + 1; text[at] == '%' && digit < at + 3; ++digit)
            if (text[digit] >= 'A' && text[digit] <= 'F')
                text[digit] = static_cast<char>(text[digit] - 'A' + 'a');
    return text;
}

/// A secret as a header, a URL or JSON has it.
inline std::vector<std::string> forms_of(std::string_view secret) {
    const auto percent = percent_encode(secret);
    return {std::string(secret),   percent,
            lower_hex(percent),    in_json(secret),
            in_json(secret, true), percent_encode(in_json(secret, true)),
            base64(secret),        base64("user:" + std::string(secret)),
            base64(secret, true)};
}

} // namespace parley::test
