#pragma once

#include <parley/error.hpp>

#include "core/url.hpp"
#include "http/http.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace parley {

/// Makes an answer of what a server sends: parses, bounds and judges it. No I/O.
///
/// Everything is bounded; the buffer's bound holds for what Beast's own limits leave out, trailers
/// and chunk extensions (doc/pitfalls.md P25). Errors are those of http_client.
class answer_reader {
public:
    explicit answer_reader(const server_url& from);
    answer_reader(const answer_reader&) = delete;
    answer_reader& operator=(const answer_reader&) = delete;
    ~answer_reader();

    /// Where the next bytes go.
    boost::asio::mutable_buffer room();

    /// What came of a read into `room`: the outcome, once there is one.
    std::optional<result<http_response>> took(boost::system::error_code failed, std::size_t size);

    /// What a read or a write that failed says of the server.
    error_info failure(const boost::system::error_code& why) const;

private:
    struct state; ///< Beast's

    boost::system::error_code parse();
    boost::system::error_code end();
    boost::system::error_code read_head();
    void judge_head();

    const server_url from_;
    const std::unique_ptr<state> state_;
    std::optional<error_info> complaint_; ///< what a server must not send
};

} // namespace parley
