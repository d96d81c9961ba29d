#pragma once

#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "core/clock.hpp"
#include "core/url.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley {

enum class http_method { post, patch };

/// One request. Header values may be secret: none is ever logged.
class http_request {
public:
    http_request(http_method verb, server_url to, std::string path, std::string json,
                 time_point until)
        : method(verb), server(std::move(to)), target(std::move(path)), body(std::move(json)),
          deadline(until) {}
    http_request(const http_request&) = default;
    http_request& operator=(const http_request&) = default;
    ~http_request(); ///< wipes the body and the header values

    http_method method;
    server_url server;
    std::string target;
    std::string body;    ///< JSON
    time_point deadline; ///< of the whole exchange, lookup included
    std::vector<std::pair<std::string, std::string>> headers; ///< already validated
};

/// A response of any status, with at most 64 KiB of body and 16 KiB of headers.
class http_response {
public:
    http_response() = default;

    int status = 0;
    std::string body;
    std::optional<std::string> date;        ///< header `Date`
    std::optional<std::string> retry_after; ///< header `Retry-After`
    std::vector<std::string> set_cookies;   ///< headers `Set-Cookie`; secrets
};

/// Performs one exchange per connection: connect, send, read, close. It follows no redirect.
class http_client {
public:
    virtual ~http_client();

    /// Every status is a response. The errors are those of the network: of lookup, TCP, proxy and
    /// TLS; `connection_reset` when the response is cut short, `protocol_violation` when it is not
    /// valid HTTP or too large, and `timed_out` at the deadline. `phase` is `none` during the
    /// exchange itself; `retryable` is as in doc/protocol.md 1.7. Cancellation (any type) closes
    /// the connection and throws `operation_aborted`. `executor` is a strand.
    virtual awaitable<result<http_response>> send(asio::any_io_executor executor,
                                                  std::shared_ptr<const http_request> request) = 0;

protected:
    http_client() = default;
    http_client(const http_client&) = default;
    http_client& operator=(const http_client&) = default;
};

} // namespace parley
