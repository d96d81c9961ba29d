#pragma once

#include <parley/json_text.hpp>
#include <parley/secret.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley_chat {

/// The command line and the environment, understood and checked.
struct options {
    /// A tool that is a command of the shell.
    struct command_tool {
        std::string name;
        std::string command;
    };

    std::string url; ///< empty with `demo`
    std::vector<std::string> messages;
    bool demo = false;
    bool json = false;
    bool verbose = false;

    parley::secret token;
    parley::secret server_key;
    std::optional<std::string> user_id;
    std::optional<std::string> entity_id;
    std::optional<std::string> entity_type;
    std::optional<std::string> provider_res_id;

    std::vector<command_tool> tools;
    std::map<std::string, std::string> tool_schemas; ///< name → file

    std::string ca_file;
    std::string proxy;
    bool allow_plaintext = false;
    bool reconnect = true;
    bool retry_first = false;            ///< also the first attempts to connect
    unsigned max_reconnect_attempts = 0; ///< 0: without limit
    std::chrono::milliseconds connect_timeout{30'000};
    std::chrono::milliseconds answer_timeout{120'000};
};

/// What the command line asks for: a conversation, or a text to print and status 0.
struct command_line {
    options wanted;
    std::optional<std::string> text; ///< of `--help` and `--version`
};

/// Throws `usage_error`. The secrets of the environment are taken out of it: what the program
/// starts does not inherit them.
command_line read_command_line(int argc, const char* const* argv);

/// Whether `--json` is among the arguments, for errors in the others.
bool asks_for_json(int argc, const char* const* argv);

} // namespace parley_chat
