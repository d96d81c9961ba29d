#include "conformance/cases.hpp"

#include "support/raw_server.hpp"

#include <initializer_list>
#include <string_view>
#include <utility>

namespace parley::test {

namespace {

using cases = std::vector<conformance_case>;
using strings = std::vector<std::string>;

std::string text(std::string_view payload, bool fin = true) {
    return server_frame(1, payload, fin);
}
std::string binary(std::string_view payload, bool fin = true) {
    return server_frame(2, payload, fin);
}
std::string more(std::string_view payload, bool fin = false) {
    return server_frame(0, payload, fin);
}
std::string ping(std::string_view payload) { return server_frame(9, payload); }
std::string pong(std::string_view payload) { return server_frame(10, payload); }
std::string closing(std::string_view payload) { return server_frame(8, payload); }

/// A frame whose reserved bits are these.
std::string with_bits(std::string frame, unsigned bits) {
    frame[0] = static_cast<char>(static_cast<unsigned char>(frame[0]) | bits << 4);
    return frame;
}

/// A message in fragments of so many bytes.
std::string fragmented(unsigned opcode, std::string_view payload, std::size_t each) {
    std::string bytes;
    for (std::size_t at = 0; at == 0 || at < payload.size(); at += each)
        bytes += server_frame(at == 0 ? opcode : 0, payload.substr(at, each),
                              at + each >= payload.size());
    return bytes;
}

std::string repeated(std::size_t times, const std::string& bytes) {
    std::string all;
    while (times-- > 0)
        all += bytes;
    return all;
}

conformance_case fine(std::string number, std::string bytes, strings expected,
                      std::size_t piece = 0) {
    return {
        std::move(number), std::move(bytes), std::move(expected), ending::kept_open, 1000, piece};
}

conformance_case fails(std::string number, std::string bytes, strings before = {},
                       std::size_t piece = 0, int code = 1002) {
    return {std::move(number), std::move(bytes), std::move(before), ending::failed, code, piece};
}

conformance_case closes(std::string number, std::string bytes, int code, strings before = {}) {
    return {std::move(number), std::move(bytes), std::move(before), ending::closed, code, 0};
}

std::string numbered(const char* family, std::size_t count) {
    return family + std::to_string(count);
}

} // namespace

cases framing_cases() {
    cases all;
    std::size_t count = 0;
    for (const std::size_t size : {0u, 125u, 126u, 127u, 128u, 65'535u, 65'536u, 65'536u}) {
        const std::string payload(size, '*');
        const std::size_t piece = ++count == 8 ? 997 : 0;
        all.push_back(fine(numbered("1.1.", count), text(payload), {"text:" + payload}, piece));
        const std::string bytes(size, '\xfe');
        all.push_back(fine(numbered("1.2.", count), binary(bytes), {"binary:" + bytes}, piece));
    }
    return all;
}

cases ping_cases() {
    const std::string bytes("\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 8);
    const std::string longest(125, '\xfe');
    std::string ten;
    strings answers;
    for (int count = 0; count < 10; ++count) {
        const std::string payload = "payload-" + std::to_string(count);
        ten += ping(payload);
        answers.push_back("pong:" + payload);
    }
    return {
        fine("2.1", ping(""), {"pong:"}),
        fine("2.2", ping("Hello, world!"), {"pong:Hello, world!"}),
        fine("2.3", ping(bytes), {"pong:" + bytes}),
        fine("2.4", ping(longest), {"pong:" + longest}),
        fails("2.5", ping(longest + "x")),
        fine("2.6", ping(longest), {"pong:" + longest}, 1),
        fine("2.7", pong(""), {}),
        fine("2.8", pong("unsolicited pong payload"), {}),
        fine("2.9", pong("unsolicited pong payload") + ping("ping payload"), {"pong:ping payload"}),
        fine("2.10", ten, answers),
        fine("2.11", ten, answers, 1),
    };
}

cases reserved_bit_cases() {
    const std::string small = "small payload";
    const std::string hello = text("Hello, world!");
    const strings before{"text:Hello, world!"};
    return {
        fails("3.1", with_bits(text(small), 4)),
        fails("3.2", hello + with_bits(text(small), 2) + ping(""), before),
        fails("3.3", hello + with_bits(text(small), 1) + ping(""), before, 15),
        fails("3.4", hello + with_bits(text(small), 4) + ping(""), before, 1),
        fails("3.5", with_bits(binary(small), 5)),
        fails("3.6", with_bits(ping(small), 6)),
        fails("3.7", with_bits(closing(close_payload(1000)), 7)),
    };
}

cases opcode_cases() {
    cases all;
    const std::string hello = text("Hello, world!");
    const strings before{"text:Hello, world!"};
    for (const unsigned first : {3u, 11u}) {
        const char* family = first == 3 ? "4.1." : "4.2.";
        for (unsigned count = 0; count < 5; ++count) {
            const std::string reserved =
                server_frame(first + count, count % 2 == 0 ? "" : "reserved opcode payload");
            all.push_back(count < 2
                              ? fails(numbered(family, count + 1), reserved)
                              : fails(numbered(family, count + 1), hello + reserved + ping(""),
                                      before, count == 4 ? 1 : 0));
        }
    }
    return all;
}

cases fragment_cases() {
    const std::string two = text("fragment1", false) + more("fragment2", true);
    const std::string with_ping =
        text("fragment1", false) + ping("ping payload") + more("fragment2", true);
    const strings whole{"text:fragment1fragment2"};
    const strings answered{"pong:ping payload", "text:fragment1fragment2"};
    const std::string stray = more("non-continuation payload", true) + text("Hello, world!");
    const std::string open_stray = more("non-continuation payload") + text("Hello, world!");
    const std::string five = text("fragment1", false) + more("fragment2") + ping("pongme 1!") +
                             more("fragment3") + more("fragment4") + ping("pongme 2!") +
                             more("fragment5", true);
    const strings of_five{"pong:pongme 1!", "pong:pongme 2!",
                          "text:fragment1fragment2fragment3fragment4fragment5"};
    return {
        fails("5.1", server_frame(9, "fragment1", false) + more("fragment2", true)),
        fails("5.2", server_frame(10, "fragment1", false) + more("fragment2", true)),
        fine("5.3", two, whole, 11),
        fine("5.4", two, whole),
        fine("5.5", two, whole, 1),
        fine("5.6", with_ping, answered, 11),
        fine("5.7", with_ping, answered),
        fine("5.8", with_ping, answered, 1),
        fails("5.9", stray, {}, 26),
        fails("5.10", stray),
        fails("5.11", stray, {}, 1),
        fails("5.12", open_stray, {}, 26),
        fails("5.13", open_stray),
        fails("5.14", open_stray, {}, 1),
        fails("5.15", two + more("fragment3") + text("fragment4"), whole),
        fails("5.16",
              repeated(2, more("fragment1") + text("fragment2", false) + more("fragment3", true))),
        fails("5.17", repeated(2, more("fragment1", true) + text("fragment2", false) +
                                      more("fragment3", true))),
        fails("5.18", text("fragment1", false) + text("fragment2")),
        fine("5.19", five, of_five, 11),
        fine("5.20", five, of_five),
    };
}

cases size_cases(bool full) {
    cases all;
    const std::size_t kib = full ? 1024 : 256;
    std::size_t count = 0;
    for (const std::size_t size :
         {64 * kib, 256 * kib, 1024 * kib, 4096 * kib, 8192 * kib, 16'384 * kib}) {
        ++count;
        const std::string letters(size, '*');
        all.push_back(fine(numbered("9.1.", count), text(letters), {"text:" + letters}));
        all.push_back(fine(numbered("9.2.", count), binary(letters), {"binary:" + letters}));
    }
    const std::string four(4096 * kib, '*'); // in fragments of ever more bytes
    count = 0;
    for (std::size_t each = 64; each <= 4096 * 1024; each *= 4) {
        ++count;
        all.push_back(fine(numbered("9.3.", count), fragmented(1, four, each), {"text:" + four}));
        all.push_back(fine(numbered("9.4.", count), fragmented(2, four, each), {"binary:" + four}));
    }
    const std::string one(1024 * kib, '*'); // in pieces of ever more bytes
    count = 0;
    for (std::size_t piece = 64; piece <= 2048; piece *= 2) {
        ++count;
        all.push_back(fine(numbered("9.5.", count), text(one), {"text:" + one}, piece));
        all.push_back(fine(numbered("9.6.", count), binary(one), {"binary:" + one}, piece));
    }
    count = 0;
    const std::size_t many = full ? 1'000 : 200; // small ones
    for (const std::size_t size : {0u, 16u, 64u, 256u, 1'024u, 4'096u}) {
        ++count;
        const std::string payload(size, '*');
        all.push_back(fine(numbered("9.7.", count), repeated(many, text(payload)),
                           strings(many, "text:" + payload)));
        all.push_back(fine(numbered("9.8.", count), repeated(many, binary(payload)),
                           strings(many, "binary:" + payload)));
    }
    return all;
}

cases auto_fragment_cases() {
    const std::string payload(65'536, '*');
    return {fine("10.1.1", fragmented(1, payload, 1'300), {"text:" + payload})};
}

cases close_cases() {
    const std::string hello = text("Hello World!");
    const strings echoed{"text:Hello World!"};
    const std::string normal = closing(close_payload(1000));
    const std::string large(256 * 1024, '*');
    cases all{
        closes("7.1.1", hello + normal, 1000, echoed),
        closes("7.1.2", normal + normal, 1000),
        closes("7.1.3", normal + ping("Ping after close"), 1000),
        closes("7.1.4", normal + hello, 1000),
        closes("7.1.5", text("fragment1", false) + normal + more("fragment2", true), 1000),
        closes("7.1.6", text(large) + hello + normal + ping(""), 1000,
               {"text:" + large, "text:Hello World!"}),
        closes("7.3.1", closing(""), 0), // or 1000: the suite takes both
        fails("7.3.2", closing("a")),
        closes("7.3.3", normal, 1000),
        closes("7.3.4", closing(close_payload(1000, "Hello World!")), 1000),
        closes("7.3.5", closing(close_payload(1000, std::string(123, '*'))), 1000),
        fails("7.3.6", closing(close_payload(1000, std::string(124, '*')))),
        fails("7.5.1", closing(close_payload(1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
                                                   "\xed\xa0\x80"
                                                   "edited"))),
    };
    std::size_t count = 0;
    for (const int code :
         {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999})
        all.push_back(closes(numbered("7.7.", ++count),
                             closing(close_payload(static_cast<unsigned>(code))), code));
    count = 0;
    for (const unsigned code : {0u, 999u, 1004u, 1005u, 1006u, 1016u, 1100u, 2000u, 2999u})
        all.push_back(fails(numbered("7.9.", ++count), closing(close_payload(code))));
    all.push_back(fails("7.13.1", closing(close_payload(5000))));
    all.push_back(fails("7.13.2", closing(close_payload(65'535))));
    return all;
}

} // namespace parley::test
