#pragma once

#include <parley/error.hpp>

#include "core/url.hpp"

#include <boost/system/error_code.hpp>

#include <string>
#include <string_view>

namespace parley {

/// `sentence` is for people, without its full stop; `reason` are the words of the system or of a
/// library, and go into the message too.
error_info network_error(errc what, phase where, bool retryable, std::string sentence,
                         std::string reason = {});

/// Not a failure: this side ended it. The code is `operation_aborted`.
error_info aborted_error(phase where);

/// The connection ended, or TLS failed, before the response of an upgrade or an HTTP exchange was
/// complete: `connection_reset`, or what `tls_error` says. `silent`: no byte of it arrived, which
/// hints at a port that speaks TLS where this side does not.
error_info broken_exchange(const boost::system::error_code& why, phase where,
                           const server_url& server, bool silent);

/// `example.org:443`, `[::1]:80`.
std::string host_and_port(std::string_view host, unsigned port);

} // namespace parley
