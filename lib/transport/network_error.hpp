#pragma once

#include <parley/error.hpp>

#include <string>
#include <string_view>

namespace parley {

/// `sentence` is for people, without its full stop; `reason` are the words of the system or of a
/// library, and go into the message too.
error_info network_error(errc what, phase where, bool retryable, std::string sentence,
                         std::string reason = {});

/// Not a failure: this side ended it. The code is `operation_aborted`.
error_info aborted_error(phase where);

/// `example.org:443`, `[::1]:80`.
std::string host_and_port(std::string_view host, unsigned port);

} // namespace parley
