// The entry point of libFuzzer, for the target named by PARLEY_FUZZ_TARGET.

#include "fuzz/target.hpp"
#include "support/secret_watch.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

// Nobody watches here: an input may well hold what looks like one of the tests' secrets.
void parley::test::watch_text(std::string_view, std::string_view) {}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    parley::fuzz::PARLEY_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
    return 0;
}
