#include "conformance/cases.hpp"
#include "support/raw_server.hpp"

#include <cstdint>
#include <string_view>
#include <utility>

namespace parley::test {

namespace {

/// The texts of one family, numbered from 1, as hexadecimal bytes.
struct utf8_family {
    const char* number;
    bool valid;
    std::vector<const char*> texts;
};

std::string from_hex(std::string_view digits) {
    const auto value = [](char digit) {
        return digit <= '9' ? digit - '0' : digit - 'a' + 10; // lower case
    };
    std::string bytes;
    for (std::size_t at = 0; at + 1 < digits.size(); at += 2)
        bytes += static_cast<char>(value(digits[at]) << 4 | value(digits[at + 1]));
    return bytes;
}

conformance_case judged(std::string number, std::string bytes, const std::string& text, bool valid,
                        std::size_t piece = 0) {
    std::vector<std::string> expected;
    if (valid) expected.push_back("text:" + text);
    return {std::move(number),   std::move(bytes),
            std::move(expected), valid ? ending::kept_open : ending::failed,
            valid ? 1000 : 1007, piece};
}

std::string byte_by_byte(std::string_view text) {
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); ++at)
        bytes += server_frame(at == 0 ? 1 : 0, text.substr(at, 1), at + 1 == text.size());
    return bytes;
}

/// U+nFFFE and U+nFFFF of every plane: no characters, but valid.
std::string encoded(std::uint32_t point) {
    const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
    if (point < 0x10000)
        return {byte(0xe0 | point >> 12), byte(0x80 | (point >> 6 & 0x3f)),
                byte(0x80 | (point & 0x3f))};
    return {byte(0xf0 | point >> 18), byte(0x80 | (point >> 12 & 0x3f)),
            byte(0x80 | (point >> 6 & 0x3f)), byte(0x80 | (point & 0x3f))};
}

std::string each_with_a_space(unsigned first, unsigned last) {
    std::string text;
    for (unsigned byte = first; byte <= last; ++byte) {
        text += static_cast<char>(byte);
        text += ' ';
    }
    return text;
}

const std::string kosme = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"; // "κόσμε"

const std::vector<utf8_family>& families() {
    static const std::vector<utf8_family> all{
        {"6.5.", true, {"cebae1bdb9cf83cebcceb5"}},
        {"6.7.", true, {"00", "c280", "e0a080", "f0908080"}},
        {"6.8.", false, {"f888808080", "fc8480808080"}},
        {"6.9.", true, {"7f", "dfbf", "efbfbf", "f48fbfbf"}},
        {"6.10.", false, {"f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"}},
        {"6.11.", true, {"ed9fbf", "ee8080", "efbfbd", "f48fbfbf"}},
        {"6.12.",
         false,
         {"80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf",
          "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aa"
          "abacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbe"}},
        {"6.14.",
         false,
         {"c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf",
          "fdbfbfbfbf"}},
        {"6.15.", false, {"c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf"}},
        {"6.16.", false, {"fe", "ff", "fefeffff"}},
        {"6.17.", false, {"c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"}},
        {"6.18.", false, {"c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"}},
        {"6.19.", false, {"c080", "e08080", "f0808080", "f880808080", "fc8080808080"}},
        {"6.20.", false, {"eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"}},
        {"6.21.",
         false,
         {"eda080edb080", "eda080edbfbf", "edadbfedb080", "edadbfedbfbf", "edae80edb080",
          "edae80edbfbf", "edafbfedb080", "edafbfedbfbf"}},
        {"6.23.", true, {"efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"}},
    };
    return all;
}

} // namespace

std::vector<conformance_case> utf8_cases() {
    const std::string cut = kosme + "\xed\xa0\x80"
                                    "edited";
    const std::string beyond = kosme + "\xf4\x90\x80\x80"
                                       "edited";
    const std::string greeting = "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-"
                                 "UTF-8!!";
    std::vector<conformance_case> all{
        judged("6.1.1", server_frame(1, ""), "", true),
        judged("6.1.2",
               server_frame(1, "", false) + server_frame(0, "", false) + server_frame(0, ""), "",
               true),
        judged("6.1.3",
               server_frame(1, "", false) + server_frame(0, "middle frame payload", false) +
                   server_frame(0, ""),
               "middle frame payload", true),
        judged("6.2.1", server_frame(1, greeting), greeting, true),
        judged("6.2.2",
               server_frame(1, greeting.substr(0, 12), false) +
                   server_frame(0, greeting.substr(12)),
               greeting, true),
        judged("6.2.3", byte_by_byte(greeting), greeting, true),
        judged("6.2.4", byte_by_byte(kosme), kosme, true),
        judged("6.3.1", server_frame(1, cut), cut, false),
        judged("6.3.2", byte_by_byte(cut), cut, false),
        judged("6.4.1",
               server_frame(1, kosme, false) + server_frame(0, "\xf4\x90\x80\x80", false) +
                   server_frame(0, "edited"),
               beyond, false),
        judged("6.4.2",
               server_frame(1, kosme + "\xf4", false) + server_frame(0, "\x90", false) +
                   server_frame(0, "\x80\x80"
                                   "edited"),
               beyond, false),
        judged("6.4.3", server_frame(1, beyond), beyond, false, 13),
        judged("6.4.4", server_frame(1, beyond), beyond, false, 1),
    };
    // "κόσμε" cut after each byte is valid where a character ends.
    for (std::size_t size = 1; size <= kosme.size(); ++size) {
        const std::string text = kosme.substr(0, size);
        const bool whole = size == kosme.size() || (kosme[size] & 0xc0) != 0x80;
        all.push_back(judged("6.6." + std::to_string(size), server_frame(1, text), text, whole));
    }
    for (const utf8_family& family : families())
        for (std::size_t at = 0; at < family.texts.size(); ++at) {
            const std::string text = from_hex(family.texts[at]);
            all.push_back(judged(family.number + std::to_string(at + 1), server_frame(1, text),
                                 text, family.valid));
        }
    std::size_t count = 0;
    for (const auto& [first, last] :
         {std::pair(0xc0u, 0xdfu), std::pair(0xe0u, 0xefu), std::pair(0xf0u, 0xf7u),
          std::pair(0xf8u, 0xfbu), std::pair(0xfcu, 0xfdu)}) {
        const std::string text = each_with_a_space(first, last);
        all.push_back(
            judged("6.13." + std::to_string(++count), server_frame(1, text), text, false));
    }
    count = 0;
    for (std::uint32_t plane = 0; plane <= 16; ++plane)
        for (const std::uint32_t last : {0xfffeu, 0xffffu}) {
            const std::string text = encoded(plane << 16 | last);
            all.push_back(
                judged("6.22." + std::to_string(++count), server_frame(1, text), text, true));
        }
    return all;
}

} // namespace parley::test
