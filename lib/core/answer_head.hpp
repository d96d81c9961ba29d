#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

using header_list = std::vector<std::pair<std::string_view, std::string_view>>;

/// The headers of a complete head, which they refer to. Strictly read (RFC 9112 section 5), and
/// nothing when a line is none that it allows.
std::optional<header_list> headers_of(std::string_view head);

/// The value of the first header of this name.
std::optional<std::string_view> header_value(const header_list& headers, std::string_view name);

/// The elements of a list (RFC 9110 section 5.6.1), trimmed; separators within quotes do not count.
std::vector<std::string_view> split_list(std::string_view list, char separator);

/// The status of an HTTP answer's first line, `HTTP/1.x NNN …`, with or without a reason phrase;
/// nothing when it is none.
std::optional<int> status_of(std::string_view head) noexcept;

/// The head of an HTTP answer, picked out of the bytes as they arrive, so that what follows it
/// stays apart: a server may send frames in the same segment (doc/pitfalls.md P38). The upgrade, a
/// ticket and a proxy's tunnel read theirs with it: how a head is measured and judged does not
/// depend on the segments.
///
/// Interim answers (RFC 9110 section 15.2) are passed over, but for 101. A folded line is joined
/// (RFC 9112 section 5.2). A line that ends in a bare LF is refused as soon as it does.
class answer_head {
public:
    static constexpr std::size_t max_size = 16 * 1024; ///< of each, with its empty line
    static constexpr unsigned max_interim = 8;

    enum class state {
        incomplete,
        complete,
        not_http,
        too_long,
        bare_line_feed,
        too_many, ///< interim answers
        tls,      ///< a TLS record
    };

    /// Takes bytes up to the end of the head, and says how many it took.
    std::size_t feed(std::string_view bytes);

    state current() const noexcept { return state_; }
    int status() const noexcept { return status_; } ///< when complete
    /// With the empty line at its end, when complete.
    const std::string& text() const noexcept { return text_; }
    /// Of what is complete the text goes: nobody needs it any more.
    void drop_text() noexcept { std::string().swap(text_); }
    /// Nothing has arrived at all.
    bool untouched() const noexcept {
        return state_ == state::incomplete && total_ == 0 && interim_ == 0;
    }

    /// What is wrong with one that is neither incomplete nor complete, in words; else empty.
    std::string_view complaint() const noexcept;

private:
    void unfold(char next);
    void look();
    void finish();

    std::string text_;
    std::size_t total_ = 0; ///< bytes of the present head, as they arrived
    unsigned interim_ = 0;
    state state_ = state::incomplete;
    int status_ = 0;
};

} // namespace parley
