#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace parley::test {

enum class ending {
    kept_open, ///< the server closes with 1000 when it has heard what it expects
    closed,    ///< the bytes have a close in them
    failed,    ///< the client must fail the connection
};

/// A case of the Autobahn suite: what the server sends, and what an echoing client says.
struct conformance_case {
    std::string number;
    std::string bytes;
    std::vector<std::string> expected; ///< "text:…", "binary:…", "pong:…"; also before a fault
    ending end = ending::kept_open;
    int code = 1000;       ///< of the client's close; 0 for one without
    std::size_t piece = 0; ///< sent in pieces of so many bytes; 0 for all at once
};

std::vector<conformance_case> framing_cases();      // 1
std::vector<conformance_case> ping_cases();         // 2
std::vector<conformance_case> reserved_bit_cases(); // 3
std::vector<conformance_case> opcode_cases();       // 4
std::vector<conformance_case> fragment_cases();     // 5
std::vector<conformance_case> utf8_cases();         // 6
std::vector<conformance_case> close_cases();        // 7
/// 9; a quarter of the suite's sizes unless `full`.
std::vector<conformance_case> size_cases(bool full);
std::vector<conformance_case> auto_fragment_cases(); // 10

} // namespace parley::test
