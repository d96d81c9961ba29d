#pragma once

#include <parley/tool.hpp>

#include <memory>
#include <string>
#include <vector>

namespace parley_chat {

class child_process;

/// The commands that tools run now.
class running_commands {
public:
    void add(const std::shared_ptr<child_process>& command);
    /// Ends them all; their tools fail.
    void stop();

private:
    std::vector<std::weak_ptr<child_process>> commands_;
};

/// A tool that is a command: `/bin/sh -c COMMAND` in a process group of its own, with the
/// parameters as JSON on standard input.
///
/// Its standard output is the result: JSON, or else a JSON string; one final newline is cut. A
/// status other than 0 is the tool's error, with the last line of standard error. When the call is
/// cancelled the whole group is killed. While it runs it is among `running`.
parley::tool shell_tool(std::string name, std::string command, parley::json_text schema,
                        std::shared_ptr<running_commands> running);

/// The result that an output stands for.
parley::json_text output_as_json(std::string output);

} // namespace parley_chat
