#include "options.hpp"

#include <parley/version.hpp>

#include "duration.hpp"
#include "exit_status.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string_view>

namespace parley_chat {

namespace {

// What CLI11 fills in, before it is checked.
struct raw_options {
    std::vector<std::string> positional;
    std::vector<std::string> tools;
    std::vector<std::string> tool_schemas;
    std::string token;
    std::string server_key;
    std::string connect_timeout = "30s";
    std::string answer_timeout = "2m";
    bool no_reconnect = false;
};

// CLI11 takes an argument `[a, b]` for a list of two. An argument of that look is marked on its
// way through, with a byte that no argument begins with otherwise.
constexpr char list_guard = '\x01';

bool looks_like_a_list(std::string_view argument) {
    return argument.size() >= 2 && argument.front() == '[' && argument.back() == ']';
}

void unguard(std::string& argument) {
    if (!argument.empty() && argument.front() == list_guard) argument.erase(0, 1);
}

void unguard(options& wanted, raw_options& raw) {
    for (auto* list : {&raw.positional, &raw.tools, &raw.tool_schemas}) {
        for (auto& each : *list)
            unguard(each);
    }
    for (auto* each : {&raw.token, &raw.server_key, &wanted.ca_file, &wanted.proxy,
                       &raw.connect_timeout, &raw.answer_timeout}) {
        unguard(*each);
    }
    for (auto* each :
         {&wanted.user_id, &wanted.entity_id, &wanted.entity_type, &wanted.provider_res_id}) {
        if (*each) unguard(**each);
    }
}

std::chrono::milliseconds timeout(const std::string& text, std::string_view option) {
    const auto duration = parse_duration(text);
    if (!duration || duration->count() == 0) {
        throw usage_error(std::string(option).append(
            " takes a time above 0, such as 90s, 1m30s or 500ms; a number alone is seconds."));
    }
    return *duration;
}

// `NAME=VALUE`
std::pair<std::string, std::string> assignment(const std::string& argument, std::string_view option,
                                               std::string_view value) {
    const auto equals = argument.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == argument.size()) {
        throw usage_error(std::string(option).append(" takes NAME=").append(value).append("."));
    }
    return {argument.substr(0, equals), argument.substr(equals + 1)};
}

void declare(CLI::App& app, options& wanted, raw_options& raw) {
    app.set_help_flag("-h,--help", "Print this and exit");
    app.set_version_flag("--version",
                         std::string("parley-chat ").append(parley::version).append("\n"));
    app.add_option("arguments", raw.positional,
                   "The server's URL (not with --demo), then messages. Each message is sent, and "
                   "its answer awaited. Without messages they are read from standard input, a "
                   "line each; on a terminal there is a prompt")
        ->type_name("[URL] [MESSAGE...]");
    app.add_flag("--demo", wanted.demo, "Start the built-in server and talk to it");
    app.add_flag("--json", wanted.json, "One JSON object per event and line on standard output");
    app.add_flag("-v,--verbose", wanted.verbose, "Log to standard error");

    const std::string who = "Identity";
    app.add_option("--token", raw.token,
                   "Auth token; other users of this machine can see a command line, but not the "
                   "environment")
        ->envname("PARLEY_TOKEN")
        ->type_name("T")
        ->group(who);
    app.add_option("--server-key", raw.server_key, "Chat server key")
        ->envname("PARLEY_SERVER_KEY")
        ->type_name("K")
        ->group(who);
    app.add_option("--user-id", wanted.user_id, "User")->type_name("ID")->group(who);
    app.add_option("--entity-id", wanted.entity_id, "Entity")->type_name("ID")->group(who);
    app.add_option("--entity-type", wanted.entity_type, "Its type")->type_name("TYPE")->group(who);
    app.add_option("--provider-res-id", wanted.provider_res_id, "Conversation to continue")
        ->type_name("ID")
        ->group(who);

    const std::string tools = "Tools";
    app.add_option("--tool", raw.tools,
                   "A tool that the server may call: COMMAND is run by /bin/sh -c, with the "
                   "parameters as JSON on standard input; standard output is the result")
        ->type_name("NAME=COMMAND")
        ->allow_extra_args(false)
        ->group(tools);
    app.add_option("--tool-schema", raw.tool_schemas, "The JSON schema of that tool's parameters")
        ->type_name("NAME=FILE")
        ->allow_extra_args(false)
        ->group(tools);

    const std::string connection = "Connection";
    app.add_option("--ca", wanted.ca_file, "Certificates to trust, PEM, in place of the system's")
        ->type_name("FILE")
        ->group(connection);
    app.add_flag("--allow-plaintext", wanted.allow_plaintext,
                 "Allow ws and http to other machines: nothing is encrypted")
        ->group(connection);
    app.add_option("--proxy", wanted.proxy, "HTTP proxy, http://[user:password@]host:port")
        ->type_name("URL")
        ->group(connection);
    app.add_flag("--no-reconnect", raw.no_reconnect, "End when the connection is lost")
        ->group(connection);
    app.add_flag("--retry-first", wanted.retry_first,
                 "Wait for a server that is not up yet, as long as --connect-timeout allows")
        ->group(connection);
    app.add_option("--max-reconnect-attempts", wanted.max_reconnect_attempts,
                   "Fail after N attempts in a row; 0, the default, means no limit")
        ->type_name("N")
        ->group(connection);
    app.add_option("--connect-timeout", raw.connect_timeout,
                   "Time to get a session, the ticket included (default 30s)")
        ->type_name("TIME")
        ->group(connection);
    app.add_option("--answer-timeout", raw.answer_timeout,
                   "Longest pause within an answer (default 2m)")
        ->type_name("TIME")
        ->group(connection);
    app.footer("TIME is 90s, 1m30s, 500ms or 2h; a number alone is seconds.\n\n"
               "Exit status: 0 done, 1 unexpected error, 2 usage, 3 no ticket, 4 authentication,\n"
               "5 connection, 6 tools, 7 the server could not answer, 130 SIGINT, 143 SIGTERM.");
}

void add_tools(options& wanted, const raw_options& raw) {
    for (const auto& argument : raw.tools) {
        auto [name, command] = assignment(argument, "--tool", "COMMAND");
        wanted.tools.push_back({std::move(name), std::move(command)});
    }
    for (const auto& argument : raw.tool_schemas) {
        auto [name, file] = assignment(argument, "--tool-schema", "FILE");
        const auto named = [&name](const options::command_tool& t) { return t.name == name; };
        if (std::none_of(wanted.tools.begin(), wanted.tools.end(), named)) {
            throw usage_error("--tool-schema names a tool that no --tool defines: " + name + ".");
        }
        if (!wanted.tool_schemas.emplace(std::move(name), std::move(file)).second) {
            throw usage_error("--tool-schema is given twice for one tool.");
        }
    }
}

void add_positionals(options& wanted, raw_options& raw) {
    auto& given = raw.positional;
    if (!wanted.demo) {
        if (given.empty()) {
            throw usage_error("A server's URL is needed: parley-chat URL [MESSAGE...], or --demo.");
        }
        wanted.url = given.front();
        given.erase(given.begin());
    }
    wanted.messages = std::move(given);
}

options checked(options wanted, raw_options raw) {
    unguard(wanted, raw);
    add_positionals(wanted, raw);
    add_tools(wanted, raw);
    wanted.connect_timeout = timeout(raw.connect_timeout, "--connect-timeout");
    wanted.answer_timeout = timeout(raw.answer_timeout, "--answer-timeout");
    wanted.reconnect = !raw.no_reconnect;
    wanted.token = parley::secret(raw.token);
    wanted.server_key = parley::secret(raw.server_key);
    return wanted;
}

// Without its value: it may be a secret.
std::string unknown_option(const std::vector<std::string>& remaining) {
    const std::string argument = remaining.empty() ? std::string() : remaining.front();
    return argument.substr(0, argument.find('='));
}

} // namespace

command_line read_command_line(int argc, const char* const* argv) {
    CLI::App app{"Talks to a chat server.", "parley-chat"};
    command_line understood;
    raw_options raw;
    declare(app, understood.wanted, raw);

    std::vector<std::string> arguments;
    for (int i = argc - 1; i > 0; --i) { // CLI11 takes them from the back
        std::string argument = argv[i];
        if (looks_like_a_list(argument)) argument.insert(argument.begin(), list_guard);
        arguments.push_back(std::move(argument));
    }
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
        understood.text = app.help();
        return understood;
    } catch (const CLI::CallForVersion& version) {
        understood.text = version.what();
        return understood;
    } catch (const CLI::ExtrasError&) {
        throw usage_error("There is no option " + unknown_option(app.remaining()) +
                          " (parley-chat --help lists them).");
    } catch (const CLI::ParseError& error) {
        throw usage_error(std::string(error.what()) + " (parley-chat --help lists the options.)");
    }
    ::unsetenv("PARLEY_TOKEN");
    ::unsetenv("PARLEY_SERVER_KEY");
    understood.wanted = checked(std::move(understood.wanted), std::move(raw));
    return understood;
}

bool asks_for_json(int argc, const char* const* argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--") return false;
        if (argument == "--json") return true;
    }
    return false;
}

} // namespace parley_chat
