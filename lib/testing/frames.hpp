#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// The frames that a server sends (doc/protocol.md 2.2), as JSON text.
///
/// Arguments called `…_json` are inserted verbatim, valid or not; all other text is escaped and
/// must be UTF-8. An empty optional argument leaves its field out.
namespace parley::testing::frames {

std::string session_established();
std::string authentication_error(std::string_view error, std::string_view code);
std::string tools_configured(std::string_view type, const std::vector<std::string>& names);
std::string ask_for_tools();

std::string content_delta(std::string_view delta);
std::string text_delta(std::string_view delta);
std::string reasoning_start(std::string_view id);
std::string reasoning_delta(std::string_view id, std::string_view text);
std::string reasoning_end(std::string_view id);
std::string server_tool_call(std::string_view name, std::string_view call_id,
                             std::string_view args_json);
std::string server_tool_result(std::string_view name, std::string_view call_id,
                               std::string_view result_json);
std::string latitude_tool_result(std::string_view name, std::string_view call_id);

std::string tool_call_request(std::string_view name, std::string_view call_id,
                              std::string_view parameters_json);
std::string ui_component(std::string_view call_id, std::string_view name,
                         std::string_view props_json, std::string_view status);

std::string thread_created(std::string_view provider_res_id, std::string_view thread_id,
                           std::string_view update_endpoint);
std::string chat_finished(std::string_view uuid, std::string_view conversation_id,
                          std::size_t message_count);
std::string messages_persisted(std::string_view thread_id, std::string_view provider_res_id);
std::string chat_error(std::string_view error, std::string_view code);
std::string error(std::string_view error, std::string_view code);

std::string heartbeat_ping(std::string_view timestamp, std::string_view ping_time_json);
std::string heartbeat_ack(std::string_view timestamp, std::string_view original_timestamp);

} // namespace parley::testing::frames
