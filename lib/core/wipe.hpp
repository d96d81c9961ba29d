#pragma once

#include <string>
#include <utility>

namespace parley {

/// Overwrites a text that contains a secret; compilers do not optimize it away.
void wipe(std::string& text) noexcept;

/// A text that is wiped by the destructor.
class wiped_text {
public:
    explicit wiped_text(std::string text) : text_(std::move(text)) {}
    wiped_text(const wiped_text&) = delete;
    wiped_text& operator=(const wiped_text&) = delete;
    ~wiped_text() { wipe(text_); }

    const std::string& get() const noexcept { return text_; }

private:
    std::string text_;
};

} // namespace parley
