#include "client_setup.hpp"

#include "console.hpp"
#include "exit_status.hpp"
#include "shell_tool.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

namespace parley_chat {

namespace {

std::string contents(const std::string& file, const std::string& of_what) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    const bool is_empty = stream.is_open() && stream.peek() == std::ifstream::traits_type::eof();
    if (is_empty && stream.eof() && !stream.bad()) return {};
    if (!(text << stream.rdbuf())) {
        throw usage_error("The file with " + of_what + " cannot be read: " + file);
    }
    return text.str();
}

parley::json_text schema_of(const options& wanted, const std::string& tool) {
    const auto file = wanted.tool_schemas.find(tool);
    if (file == wanted.tool_schemas.end()) return parley::json_text::parse(R"({"type":"object"})");
    std::string text = contents(file->second, "the schema of the tool " + tool);
    const auto refuse = [&tool, &file]() {
        return parley::tool_configuration_error(
            {parley::errc::tool_schema_invalid,
             "The schema of the tool " + tool + " is not a JSON object or array: " + file->second});
    };
    try {
        auto schema = parley::json_text::parse(std::move(text));
        if (schema.is_object() || schema.is_array()) return schema;
    } catch (const parley::client_error&) {
        throw refuse();
    }
    throw refuse();
}

std::vector<parley::tool> tools_of(const options& wanted, std::vector<parley::tool> built_in,
                                   const std::shared_ptr<running_commands>& running) {
    std::vector<parley::tool> tools;
    for (const auto& each : wanted.tools) {
        tools.push_back(shell_tool(each.name, each.command, schema_of(wanted, each.name), running));
    }
    for (auto& each : built_in) {
        const auto same = [&each](const auto& other) { return other.name() == each.name(); };
        if (std::none_of(tools.begin(), tools.end(), same)) tools.push_back(std::move(each));
    }
    return tools;
}

} // namespace

parley::chat_client_config client_config(const options& wanted, std::string url,
                                         std::vector<parley::tool> built_in, console& screen,
                                         std::shared_ptr<running_commands> running) {
    parley::chat_client_config config;
    config.server_url = std::move(url);
    config.auth.user_mp_auth_token = wanted.token;
    config.auth.chat_server_key = wanted.server_key;
    config.auth.user_id = wanted.user_id;
    config.auth.entity_id = wanted.entity_id;
    config.auth.entity_type = wanted.entity_type;
    config.auth.provider_res_id = wanted.provider_res_id;
    config.connection.allow_plaintext = wanted.allow_plaintext;
    config.connection.proxy = wanted.proxy;
    config.connection.reconnect.enabled = wanted.reconnect;
    config.connection.reconnect.retry_first = wanted.retry_first;
    config.connection.reconnect.max_attempts = wanted.max_reconnect_attempts;
    if (!wanted.ca_file.empty()) {
        // An empty setting would mean the system's certificates.
        if (contents(wanted.ca_file, "the certificates").empty()) {
            throw usage_error("The file with the certificates is empty: " + wanted.ca_file);
        }
        config.connection.tls.ca_file = wanted.ca_file;
    }
    config.timeouts.init = wanted.connect_timeout;
    config.client_tools = tools_of(wanted, std::move(built_in), running);
    if (wanted.verbose) {
        config.log_threshold = parley::log_level::debug;
        config.log = [&screen](parley::log_level level, std::string_view line) {
            std::string text(parley::to_string(level));
            screen.note(style::dim, text.append(": ").append(line));
        };
    }
    return config;
}

} // namespace parley_chat
