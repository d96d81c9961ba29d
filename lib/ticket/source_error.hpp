#pragma once

#include <parley/error.hpp>
#include <parley/ticket.hpp>

#include "core/redactor.hpp"

#include <exception>
#include <optional>
#include <string_view>

namespace parley {

/// What a source threw, as the error that callers get: a code of the ticket or the authentication
/// block (doc/protocol.md 1.3), its texts passed through the gate. A source that is not ours may
/// throw anything.
error_info to_source_error(const std::exception_ptr& thrown, const redactor& gate);

/// Nobody has brought a ticket in time.
error_info source_timeout(std::string_view sentence, std::optional<unsigned> attempt = {});

/// The fault of a ticket or its cookies, if there is one: neither is longer than `longest_ticket`.
std::optional<error_info> ticket_fault(const ticket& given);

} // namespace parley
