#pragma once

#include <parley/error.hpp>
#include <parley/secret.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

/// Text of a peer that is safe to show: one line of valid UTF-8, of bounded length, without control
/// characters, bidirectional overrides and secrets. Only a redactor makes one.
class quotation {
public:
    quotation() noexcept = default; ///< empty

    bool empty() const noexcept { return text_.empty(); }
    const std::string& text() const& noexcept { return text_; }
    std::string text() && { return std::move(text_); }

private:
    friend class redactor;
    explicit quotation(std::string made) : text_(std::move(made)) {}

    std::string text_;
};

inline constexpr std::size_t longest_quotation = 200; ///< bytes, but for the mark of a cut
inline constexpr std::size_t longest_sentence = 1'000;

/// Removes the secrets of one session from text of a peer. Every such text passes through it before
/// it reaches an error, an event, a status or a log. Not synchronized: it belongs to the strand of
/// its session.
///
/// It finds a secret as it is, in Base64 (also within a longer text, RFC 4648 sections 4 and 5),
/// and below layers of percent-encoding and JSON escapes. The first 8 characters are enough, since
/// the text may have been cut. A secret of fewer than 4 characters is ignored: it occurs in any
/// text.
class redactor {
public:
    redactor() = default;
    explicit redactor(std::vector<secret> always) : always_(std::move(always)) {}

    /// Adds secrets that belong together: a ticket and its cookies, an identity. The last 16 groups
    /// are kept.
    void remember(std::vector<secret> group);

    /// The text with `***` in the place of each secret.
    std::string redact(std::string_view text) const;
    bool tells_a_secret(std::string_view text) const;

    /// Makes a quotation. Text beyond `max` bytes is cut and marked with `…`.
    quotation quote(std::string_view words, std::size_t max = longest_quotation) const;

    /// The error with each of its texts as a quotation.
    error_info clean(error_info why) const;

private:
    std::vector<secret> always_;
    std::vector<std::vector<secret>> groups_; // the newest is the last
};

} // namespace parley
