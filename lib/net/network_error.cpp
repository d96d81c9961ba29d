#include "net/network_error.hpp"

#include <parley/fwd.hpp>

#include "net/tls.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include <utility>

namespace parley {

error_info network_error(errc what, phase where, bool retryable, std::string sentence,
                         std::string reason) {
    error_details details;
    details.phase = where;
    details.retryable = retryable;
    if (!reason.empty()) sentence.append(" (").append(reason).append(")");
    sentence += '.';
    details.reason = std::move(reason);
    return error_info(what, std::move(sentence), std::move(details));
}

error_info aborted_error(phase where) {
    error_details details;
    details.phase = where;
    return error_info(asio::error::operation_aborted, "The connection was closed by this side.",
                      std::move(details));
}

error_info broken_exchange(const boost::system::error_code& why, phase where,
                           const server_url& server, bool unanswered) {
    if (why.category() == asio::error::get_ssl_category()) return tls_error(why, 0, server.host());
    const bool hung_up = why == asio::error::eof;
    std::string reason = hung_up ? "the server closed the connection" : why.message();
    if (unanswered && !server.secure() && (hung_up || why == asio::error::connection_reset))
        reason += " without an answer: if the port speaks TLS, use wss:// or https://";
    const auto* const when =
        where == phase::upgrade ? "during the WebSocket upgrade" : "before the answer was complete";
    return network_error(errc::connection_reset, where, true,
                         "The connection to " + server.host() + " broke " + when,
                         std::move(reason));
}

std::string host_and_port(std::string_view host, unsigned port) {
    std::string text;
    const bool brackets = host.find(':') != std::string_view::npos;
    if (brackets) text += '[';
    text += host;
    if (brackets) text += ']';
    text += ':';
    text += std::to_string(port);
    return text;
}

} // namespace parley
