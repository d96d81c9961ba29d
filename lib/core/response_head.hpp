#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

using header_list = std::vector<std::pair<std::string_view, std::string_view>>;

/// Parses the headers of a complete head, strictly (RFC 9112 section 5). Returns views of it, or
/// nothing when a line is invalid.
std::optional<header_list> headers_of(std::string_view head);

/// The value of the first header of this name.
std::optional<std::string_view> header_value(const header_list& headers, std::string_view name);

/// The elements of a list (RFC 9110 section 5.6.1), trimmed; separators within quotes do not count.
std::vector<std::string_view> split_list(std::string_view list, char separator);

/// Parses the status line, `HTTP/1.x NNN …`, with or without a reason phrase. Returns nothing when
/// it is invalid.
std::optional<int> status_of(std::string_view head) noexcept;

/// Collects the head of an HTTP response as its bytes arrive, and leaves the bytes behind it alone:
/// a server may send frames in the same segment (doc/pitfalls.md P38). The result does not depend
/// on the segments. Used for the upgrade, for HTTP exchanges and for a proxy's tunnel.
///
/// Interim responses (RFC 9110 section 15.2) but 101 are skipped. Folded lines are joined (RFC 9112
/// section 5.2). A bare LF is refused at once.
class response_head {
public:
    static constexpr std::size_t max_size = 16 * 1024; ///< bytes of each head, interim ones too
    static constexpr unsigned max_interim = 8;

    enum class state {
        incomplete,
        complete,
        not_http,
        too_long,
        bare_line_feed,
        too_many, ///< interim responses
        tls,      ///< a TLS record
    };

    /// Takes bytes up to the end of the head. Returns their number.
    std::size_t feed(std::string_view bytes);

    state current() const noexcept { return state_; }
    int status() const noexcept { return status_; } ///< when complete
    /// With the empty line at its end, when complete.
    const std::string& text() const noexcept { return text_; }
    /// Frees the text of a complete head.
    void drop_text() noexcept { std::string().swap(text_); }
    /// True until the first byte has arrived.
    bool untouched() const noexcept {
        return state_ == state::incomplete && total_ == 0 && interim_ == 0;
    }

    /// The reason for a state other than incomplete and complete; empty for those two.
    std::string_view fault() const noexcept;

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
