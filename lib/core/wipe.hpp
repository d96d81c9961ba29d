#pragma once

#include <string>
#include <utility>

namespace parley {

/// Overwrites text that was a secret, or held one, in a way that no compiler leaves out.
void wipe(std::string& text) noexcept;

/// Text that is wiped when it goes, however that comes.
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
