#pragma once

#include "transport/deflate_parameters.hpp"

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

struct upgrade_verdict {
    std::optional<std::string> complaint;      ///< nothing when all is well
    std::optional<deflate_parameters> deflate; ///< when permessage-deflate was agreed
};

/// All that RFC 6455 section 4.1 asks of the head of a 101 that answers our upgrade. `accept` is
/// the Sec-WebSocket-Accept that it has to have; an empty one nothing matches. A subprotocol or an
/// extension that we did not ask for is refused too (PITFALLS P37), and we ask for no subprotocol.
/// `offered` is our request's Sec-WebSocket-Extensions, permessage-deflate or empty: no window of
/// the answer may be larger than there, and the client's only be set when it is there (RFC 7692
/// section 7.1.2).
upgrade_verdict judge_upgrade(std::string_view head, std::string_view accept,
                              std::string_view offered);

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
