// The entry point of libFuzzer, for the target named by PARLEY_FUZZ_TARGET.

#include "fuzz/target.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    parley::fuzz::PARLEY_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
    return 0;
}
