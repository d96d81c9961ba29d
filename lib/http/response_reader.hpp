#pragma once

#include <parley/error.hpp>

#include "core/response_head.hpp"
#include "core/url.hpp"
#include "http/http_client.hpp"

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

/// Parses an HTTP/1.x response to a POST or PATCH (RFC 9112 sections 6 and 7), byte by byte where
/// the segments demand it. No I/O.
///
/// The body is bounded, and so are head, chunk extensions and trailers (doc/pitfalls.md P25).
/// Responses that another program may read differently are refused (doc/pitfalls.md P27). Errors
/// are those of http_client.
class response_reader {
public:
    static constexpr std::size_t max_body = 64 * 1024;

    explicit response_reader(const server_url& from) : from_(from) {}

    /// Takes the outcome of one read. Returns the response or the error once it is known.
    std::optional<result<http_response>> feed(std::string_view bytes,
                                              const boost::system::error_code& failed);

private:
    enum class state {
        head,
        chunk_size, ///< the line before a chunk
        content,    ///< `left_` bytes of a chunk or of the body
        chunk_end,  ///< the line break behind a chunk
        trailers,
        done,
        refused
    };
    enum class framing { until_close, length, chunked };

    std::size_t step(std::string_view bytes);
    std::size_t read_head(std::string_view bytes);
    std::size_t read_content(std::string_view bytes);
    std::size_t read_line(std::string_view bytes);
    void begin_body();
    bool take_header(std::string_view name, std::string_view value);
    void begin_chunk();
    bool refuse(std::string_view reason);

    const server_url from_;
    state state_ = state::head;
    response_head head_;
    framing framing_ = framing::until_close;
    std::optional<std::size_t> length_; ///< `Content-Length`
    std::size_t left_ = 0;
    std::string line_;            ///< of the chunked framing, as far as it has arrived
    std::size_t line_budget_ = 0; ///< bytes that the line, or all trailers, may still take
    std::string_view reason_;     ///< for which the response is refused
    http_response response_;
};

} // namespace parley
