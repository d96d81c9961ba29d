#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace bench {

/// Protocol messages as a chat brings them: most are pieces of text, some are of every other kind.
/// Each in a buffer of its own, with the padding that simdjson may read.
class corpus {
public:
    corpus();
    const std::vector<std::string_view>& messages() const noexcept { return messages_; }

private:
    std::vector<std::unique_ptr<char[]>> buffers_;
    std::vector<std::string_view> messages_;
};

} // namespace bench
