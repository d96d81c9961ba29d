#pragma once

#include <parley/json_text.hpp>
#include <parley/testing/server_record.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace parley::testing {

/// What a frame of a client has wrong (doc/protocol.md 2.3): a sentence, or nothing.
std::optional<std::string> wrong_with_frame(std::string_view type, const json_text& frame);

/// The same for the body of a request (doc/protocol.md 1), which is an object.
std::optional<std::string> wrong_with_ticket_request(const received_request& request,
                                                     const json_text& body);
std::optional<std::string> wrong_with_validation(const json_text& body);
std::optional<std::string> wrong_with_thread_update(const json_text& body);

} // namespace parley::testing
