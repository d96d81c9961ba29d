#pragma once

#include <parley/config.hpp>

#include "options.hpp"

#include <memory>
#include <string>
#include <vector>

namespace parley_chat {

class console;
class running_commands;

/// The client that the options ask for. `built_in` are tools of the program's own; one of the
/// user's with the same name takes its place. The user's tools are commands, which are among
/// `running` while they run.
///
/// Throws `usage_error` for a file that cannot be read, `tool_configuration_error` for a schema
/// that is none.
parley::chat_client_config client_config(const options& wanted, std::string url,
                                         std::vector<parley::tool> built_in, console& screen,
                                         std::shared_ptr<running_commands> running);

} // namespace parley_chat
