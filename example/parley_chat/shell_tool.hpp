#pragma once

#include <parley/tool.hpp>

#include <string>

namespace parley_chat {

/// A tool that is a command: `/bin/sh -c COMMAND` in a process group of its own, with the
/// parameters as JSON on standard input.
///
/// Its standard output is the result: JSON, or else a JSON string; one final newline is cut. A
/// status other than 0 is the tool's error, with the last line of standard error. When the call is
/// cancelled the whole group is killed.
parley::tool shell_tool(std::string name, std::string command, parley::json_text schema);

/// The result that an output stands for.
parley::json_text output_as_json(std::string output);

} // namespace parley_chat
