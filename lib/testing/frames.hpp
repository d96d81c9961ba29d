#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The frames that a server sends (doc/protocol.md 2.2), as JSON text. The test server, the tests
/// and the benchmarks use this one writer; test/simulation spells its own, to be independent of it.
///
/// Arguments called `…_json` are inserted verbatim, valid or not. Other text is escaped; text that
/// is not UTF-8 throws `client_error` (`invalid_utf8`). An absent argument leaves its field out.
namespace parley::testing::frames {

using optional_text = std::optional<std::string_view>;
using optional_number = std::optional<std::int64_t>;

/// A JSON string.
std::string quoted(std::string_view text);
/// Absent when it is empty.
inline optional_text unless_empty(std::string_view text) {
    return text.empty() ? std::nullopt : optional_text(text);
}

std::string session_established();
std::string authentication_error(std::string_view error, std::string_view code);
/// `type` is `tools_configured` or `client_tools_updated`.
std::string tools_acknowledged(std::string_view type, optional_number count = {},
                               const std::vector<std::string>& names = {});
std::string configure_tools();

/// An event for which there is no function below.
std::string chat_event(std::string_view event, std::string_view data_json);
std::string content_delta(std::string_view delta);
std::string text_delta(std::string_view delta);
std::string reasoning_start(optional_text id);
std::string reasoning_delta(optional_text id, std::string_view text);
std::string reasoning_end(optional_text id);
std::string server_tool_call(std::string_view name, std::string_view call_id,
                             optional_text args_json = {});
std::string server_tool_result(std::string_view name, std::string_view call_id,
                               optional_text result_json = {});
std::string latitude_tool_result(std::string_view name, std::string_view call_id);

std::string tool_call_request(std::string_view name, std::string_view call_id_json,
                              optional_text parameters_json);
std::string ui_component(std::string_view call_id, std::string_view name, optional_text props_json,
                         optional_text status = {});

std::string thread_created(std::string_view provider_res_id, std::string_view thread_id,
                           std::string_view update_endpoint, bool can_update_metadata = true);
std::string chat_finished(optional_text uuid, optional_text conversation_id = {},
                          optional_number message_count = {});
std::string messages_persisted(optional_text thread_id, optional_text provider_res_id);
std::string chat_error(std::string_view error, optional_text code = {},
                       optional_text details_json = {});
std::string error(std::string_view error, optional_text code = {}, optional_text details_json = {});

std::string heartbeat_ping(optional_text timestamp_json, optional_text ping_time_json);
std::string heartbeat_ack(optional_text timestamp_json = {},
                          optional_text original_timestamp_json = {});

} // namespace parley::testing::frames
