#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

using header_list = std::vector<std::pair<std::string_view, std::string_view>>;

/// Of an answer as Beast has it, which it refers to.
template <class Answer>
header_list headers_of(const Answer& answer) {
    header_list headers;
    headers.reserve(8); // most answers have fewer
    for (const auto& each : answer)
        headers.emplace_back(each.name_string(), each.value());
    return headers;
}

/// What is wrong with a 101 that answers our upgrade, beyond what Beast looks at (PITFALLS P37):
/// RFC 6455 section 4.1 wants a client to fail a connection with a subprotocol or an extension that
/// it did not ask for. We ask for no subprotocol. `offered` is our request's
/// Sec-WebSocket-Extensions, permessage-deflate or empty: no window of the answer may be larger
/// than there, and the client's only be set when it is there (RFC 7692 section 7.1.2). Nothing when
/// all is well.
std::optional<std::string> upgrade_complaint(const header_list& headers, std::string_view offered);

/// The status of an HTTP answer's first line, `HTTP/1.x NNN …`; nothing when it is none.
std::optional<int> status_of(std::string_view head) noexcept;

/// The head of an HTTP answer, picked out of the bytes as they arrive, so that what follows it
/// stays apart: a server may send frames in the same segment (PITFALLS P38).
class answer_head {
public:
    static constexpr std::size_t max_size = 8 * 1024;

    enum class state { incomplete, complete, too_long, not_http };

    /// Takes bytes up to the end of the head, and says how many it took.
    std::size_t feed(std::string_view bytes);

    state current() const noexcept { return state_; }
    int status() const noexcept { return status_; } ///< when complete
    /// With the empty line at its end, when complete.
    const std::string& text() const noexcept { return text_; }
    /// Of what is complete the text goes: nobody needs it any more.
    void drop_text() noexcept { std::string().swap(text_); }

private:
    void look();

    std::string text_;
    std::size_t total_ = 0;
    state state_ = state::incomplete;
    int status_ = 0;
};

} // namespace parley
