#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>

#include "core/clock.hpp"
#include "core/url.hpp"
#include "dialect/parley/ticket_wire.hpp"
#include "http/http_client.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace parley {

// The common part of the three requests of doc/protocol.md 1.2.

/// Throws `client_error` for an identity that no request can carry: `invalid_header` or
/// `invalid_utf8`, naming the field and never its value (doc/pitfalls.md P26).
void check_identity(const auth_data& auth);

/// The secrets of an identity, for a redactor.
std::vector<secret> secrets_of(const auth_data& auth);

/// One request for an identity, and the context for parsing its response.
class server_exchange {
public:
    server_exchange(std::shared_ptr<http_client> http, http_method method, const server_url& server,
                    std::string path, std::string body, std::shared_ptr<const auth_data> identity,
                    time_point deadline, redactor known = {});

    awaitable<result<http_response>> send(asio::any_io_executor executor) const;

    /// The response, with this request's secrets and those that its cookies set.
    server_response response(http_response from, wall_time now) const;

    /// Throws the error of the exchange or of its response, with the URL.
    [[noreturn]] void fail(error_info why) const;

private:
    std::shared_ptr<http_client> http_;
    std::shared_ptr<const auth_data> identity_;
    redactor gate_;
    std::shared_ptr<const http_request> request_;
};

} // namespace parley
