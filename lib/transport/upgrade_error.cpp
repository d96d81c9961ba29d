#include "transport/upgrade_error.hpp"

#include "transport/network_error.hpp"
#include "transport/tls.hpp"
#include "transport/websocket_error.hpp"
#include "wire/ticket_wire.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/websocket/error.hpp>

namespace parley {

namespace {

namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

template <class Error>
bool is_from(const error_code& failed, Error sibling) {
    return failed.category() == error_code(sibling).category();
}

error_info refused_upgrade(const answer_head& head, wall_time now) {
    error_info refused = network_error(
        errc::upgrade_failed, phase::upgrade, retryable_status(head.status()),
        "The server refused the WebSocket with status " + std::to_string(head.status()));
    refused.details.http_status = head.status();
    http::response_parser<http::empty_body> parser;
    parser.skip(true);
    error_code unreadable;
    parser.put(asio::buffer(head.text()), unreadable);
    const auto& fields = parser.get();
    const auto found = fields.find(http::field::retry_after);
    if (!unreadable && found != fields.end())
        refused.details.retry_after = parse_retry_after(found->value(), now);
    return refused;
}

} // namespace

result<void> head_error(const answer_head& head, wall_time now) {
    switch (head.current()) {
    case answer_head::state::complete:
        if (head.status() != 101) return refused_upgrade(head, now);
        break;
    case answer_head::state::not_http:
        return handshake_violation("the answer is no HTTP answer");
    case answer_head::state::too_long:
        return handshake_violation("the head of the answer is too long");
    case answer_head::state::incomplete:
        break;
    }
    return {};
}

error_info upgrade_error(const error_code& failed, const std::string& host) {
    const bool hung_up =
        failed == http::error::end_of_stream || failed == http::error::partial_message;
    if (is_from(failed, websocket::error::upgrade_declined) ||
        (is_from(failed, http::error::partial_message) && !hung_up))
        return handshake_violation(failed.message());
    if (failed.category() == asio::error::get_ssl_category()) return tls_error(failed, 0, host);
    return network_error(errc::connection_reset, phase::upgrade, true,
                         "The connection to " + host + " broke during the WebSocket upgrade",
                         failed.message());
}

} // namespace parley
