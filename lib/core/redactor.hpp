#pragma once

#include <parley/error.hpp>
#include <parley/secret.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

/// Words of a peer, fit for a person: one line of valid UTF-8, of a bounded length, with no control
/// character, no bidirectional override and no secret of ours. Only a redactor makes one.
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

/// The gate for text of a peer: it knows the secrets of one session, and every text of the peer
/// goes through it before it is kept in an error, an event, a status or a log. Not synchronized:
/// it belongs to the strand of its session.
///
/// A secret is found as it is, in Base64 (also within a longer text, RFC 4648 sections 4 and 5),
/// and under percent-encoding and the escapes of JSON, one upon another. Its first 8 characters are
/// enough, wherever they are: the peer, or who cut the text, may have left the rest out. A secret
/// of fewer than 4 characters is not looked for: it occurs in any text.
class redactor {
public:
    redactor() = default;
    explicit redactor(std::vector<secret> always) : always_(std::move(always)) {}

    /// Secrets that belong together: a ticket and its cookies, an identity. Of these groups the
    /// last 16 are known.
    void remember(std::vector<secret> group);

    /// The text with `***` in the place of each secret.
    std::string redact(std::string_view text) const;
    bool tells_a_secret(std::string_view text) const;

    /// The only way to a quotation. What passes `max` bytes is cut and marked with `…`.
    quotation quote(std::string_view words, std::size_t max = longest_quotation) const;

    /// The error with each of its texts as a quotation has it.
    error_info clean(error_info why) const;

private:
    std::vector<secret> always_;
    std::vector<std::vector<secret>> groups_; // the newest is the last
};

} // namespace parley
