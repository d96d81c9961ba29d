#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parley::fuzz {

/// An input as lines, so that a corpus can be read and written by hand.
class lines {
public:
    explicit lines(std::string_view input) : left_(input) {}

    bool done() const noexcept { return left_.empty(); }

    /// Empty when there is no more.
    std::string_view next() noexcept {
        const auto end = left_.find('\n');
        const auto line = left_.substr(0, end);
        left_.remove_prefix(end == std::string_view::npos ? left_.size() : end + 1);
        return line;
    }
    std::string text() { return std::string(next()); }
    /// Which of that many, by the first character of the next line.
    std::size_t choice(std::size_t count) noexcept {
        const auto line = next();
        return line.empty() ? 0 : static_cast<unsigned char>(line.front() - 'a') % count;
    }

private:
    std::string_view left_;
};

} // namespace parley::fuzz
