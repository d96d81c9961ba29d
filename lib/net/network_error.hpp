#pragma once

#include <parley/error.hpp>

#include "core/url.hpp"

#include <boost/system/error_code.hpp>

#include <string>
#include <string_view>

namespace parley {

/// Makes an error. `sentence` has no full stop; `reason` is the text of the system or of a library,
/// and becomes part of the message.
error_info network_error(errc what, phase where, bool retryable, std::string sentence,
                         std::string reason = {});

/// The error of an operation that this side ended: `operation_aborted`.
error_info aborted_error(phase where);

/// The connection ended, or TLS failed, before the response of an upgrade or an HTTP exchange was
/// complete: `connection_reset`, or what `tls_error` says. `unanswered`: no byte of it arrived,
/// which hints at a port that speaks TLS where this side does not.
error_info broken_exchange(const boost::system::error_code& why, phase where,
                           const server_url& server, bool unanswered);

/// `example.org:443`, `[::1]:80`.
std::string host_and_port(std::string_view host, unsigned port);

} // namespace parley
