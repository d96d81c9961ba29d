#pragma once

#include <parley/config.hpp>

#include "options.hpp"

#include <string>
#include <vector>

namespace parley_chat {

class console;

/// The client that the options ask for. `built_in` are tools of the program's own; one of the
/// user's with the same name takes its place.
///
/// Throws `usage_error` for a file that cannot be read, `tool_configuration_error` for a schema
/// that is none.
parley::chat_client_config client_config(const options& wanted, std::string url,
                                         std::vector<parley::tool> built_in, console& screen);

} // namespace parley_chat
