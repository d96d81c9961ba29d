#pragma once

#include <parley/config.hpp>
#include <parley/message_handler.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/websocket_manager.hpp>

#include "core/settings.hpp"

namespace parley {

// Each member of the public structs of settings, in their order. The user sees names and bounds in
// the errors and in the comments of the structs.

/// The most that a parser of JSON takes at once, and that a process should hold for one peer.
inline constexpr std::size_t largest_message = std::size_t{1} << 30;

inline constexpr std::chrono::milliseconds zero_turns_off{0};

template <>
struct setting_table<auth_data> {
    static constexpr std::tuple rows{
        free_setting{&auth_data::user_mp_auth_token, "user_mp_auth_token"},
        free_setting{&auth_data::chat_server_key, "chat_server_key"},
        free_setting{&auth_data::user_id, "user_id"},
        free_setting{&auth_data::entity_id, "entity_id"},
        free_setting{&auth_data::entity_type, "entity_type"},
        free_setting{&auth_data::provider_res_id, "provider_res_id"}};
};

template <>
struct setting_table<tls_config> {
    static constexpr std::tuple rows{
        free_setting{&tls_config::ca_file, "ca_file"}, free_setting{&tls_config::ca_pem, "ca_pem"},
        free_setting{&tls_config::certificate_file, "certificate_file"},
        free_setting{&tls_config::key_file, "key_file"},
        chosen_setting{&tls_config::min_version, "min_version", tls_config::version::tls_1_3}};
};

template <>
struct setting_table<backoff_config> {
    static constexpr std::tuple rows{bounded_setting{&backoff_config::base, "base"},
                                     bounded_setting{&backoff_config::cap, "cap"}};
};

template <>
struct setting_table<ticket_config> {
    static constexpr std::tuple rows{
        bounded_setting{&ticket_config::check_interval, "check_interval"},
        bounded_setting{&ticket_config::renewal_threshold, "renewal_threshold", zero_turns_off},
        bounded_setting{&ticket_config::validity_buffer, "validity_buffer", zero_turns_off},
        bounded_setting{&ticket_config::request_timeout, "request_timeout"},
        bounded_setting{&ticket_config::max_retries, "max_retries", 0u},
        setting_group{&ticket_config::backoff, "backoff"},
        free_setting{&ticket_config::renew_proactively, "renew_proactively"}};
};

template <>
struct setting_table<heartbeat_config> {
    static constexpr std::tuple rows{
        bounded_setting{&heartbeat_config::interval, "interval", zero_turns_off},
        bounded_setting{&heartbeat_config::timeout, "timeout"}};
};

template <>
struct setting_table<reconnect_config> {
    static constexpr std::tuple rows{
        free_setting{&reconnect_config::enabled, "enabled"},
        free_setting{&reconnect_config::retry_first, "retry_first"},
        bounded_setting{&reconnect_config::max_attempts, "max_attempts", 0u},
        bounded_setting{&reconnect_config::max_elapsed, "max_elapsed", zero_turns_off},
        bounded_setting{&reconnect_config::stable_after, "stable_after", zero_turns_off},
        chosen_setting{&reconnect_config::on_normal_close, "on_normal_close",
                       reconnect_config::normal_close::reconnect},
        setting_group{&reconnect_config::backoff, "backoff"},
        free_setting{&reconnect_config::classify, "classify"}};
};

template <>
struct setting_table<limits_config> {
    static constexpr std::size_t one = 1;
    static constexpr std::tuple rows{
        bounded_setting{&limits_config::message_bytes, "message_bytes", one, largest_message},
        bounded_setting{&limits_config::message_time, "message_time"},
        bounded_setting{&limits_config::queue_bytes, "queue_bytes", one},
        bounded_setting{&limits_config::event_count, "event_count", one},
        bounded_setting{&limits_config::event_bytes, "event_bytes", one},
        bounded_setting{&limits_config::answer_bytes, "answer_bytes", one},
        bounded_setting{&limits_config::unfinished_runs, "unfinished_runs", one}};
};

template <>
struct setting_table<connection_config> {
    static constexpr std::tuple rows{
        bounded_setting{&connection_config::resolve_timeout, "resolve_timeout"},
        bounded_setting{&connection_config::connect_timeout, "connect_timeout"},
        bounded_setting{&connection_config::tls_timeout, "tls_timeout"},
        bounded_setting{&connection_config::upgrade_timeout, "upgrade_timeout"},
        bounded_setting{&connection_config::session_timeout, "session_timeout"},
        setting_group{&connection_config::heartbeat, "heartbeat"},
        setting_group{&connection_config::reconnect, "reconnect"},
        setting_group{&connection_config::limits, "limits"},
        setting_group{&connection_config::tls, "tls"},
        free_setting{&connection_config::proxy, "proxy"},
        free_setting{&connection_config::compression, "compression"},
        free_setting{&connection_config::allow_plaintext, "allow_plaintext"},
        free_setting{&connection_config::user_agent, "user_agent"},
        free_setting{&connection_config::headers, "headers"}};
};

template <>
struct setting_table<tool_config> {
    static constexpr std::tuple rows{bounded_setting{&tool_config::max_running, "max_running", 1u},
                                     bounded_setting{&tool_config::max_waiting, "max_waiting", 0u},
                                     bounded_setting{&tool_config::timeout, "timeout"},
                                     free_setting{&tool_config::executor, "executor"}};
};

template <>
struct setting_table<timeouts_config> {
    static constexpr std::tuple rows{bounded_setting{&timeouts_config::init, "init"},
                                     bounded_setting{&timeouts_config::send, "send"},
                                     bounded_setting{&timeouts_config::answer, "answer"},
                                     bounded_setting{&timeouts_config::acknowledge, "acknowledge"},
                                     bounded_setting{&timeouts_config::request, "request"},
                                     bounded_setting{&timeouts_config::disconnect, "disconnect"}};
};

template <>
struct setting_table<chat_client_config> {
    static constexpr std::tuple rows{
        free_setting{&chat_client_config::server_url, "server_url"},
        setting_group{&chat_client_config::auth, "auth"},
        setting_group{&chat_client_config::ticket, "ticket"},
        setting_group{&chat_client_config::connection, "connection"},
        setting_group{&chat_client_config::tools, "tools"},
        setting_group{&chat_client_config::timeouts, "timeouts"},
        free_setting{&chat_client_config::stop_cancelled_asks, "stop_cancelled_asks"},
        free_setting{&chat_client_config::client_tools, "client_tools"},
        free_setting{&chat_client_config::context_helpers, "context_helpers"},
        free_setting{&chat_client_config::component_schemas, "component_schemas"},
        free_setting{&chat_client_config::log, "log"},
        chosen_setting{&chat_client_config::log_threshold, "log_threshold", log_level::error},
        free_setting{&chat_client_config::telemetry, "telemetry"}};
};

template <>
struct setting_table<ticket_manager_options> {
    static constexpr std::tuple rows{
        setting_group{&ticket_manager_options::connection, "connection"},
        bounded_setting{&ticket_manager_options::validate_timeout, "validate_timeout"},
        free_setting{&ticket_manager_options::log, "log"},
        chosen_setting{&ticket_manager_options::log_threshold, "log_threshold", log_level::error},
        free_setting{&ticket_manager_options::telemetry, "telemetry"}};
};

template <>
struct setting_table<websocket_manager_options> {
    static constexpr std::tuple rows{
        free_setting{&websocket_manager_options::next_ticket, "next_ticket"},
        free_setting{&websocket_manager_options::on_event, "on_event"},
        bounded_setting{&websocket_manager_options::connect_timeout, "connect_timeout"},
        bounded_setting{&websocket_manager_options::send_timeout, "send_timeout"},
        bounded_setting{&websocket_manager_options::disconnect_timeout, "disconnect_timeout"},
        free_setting{&websocket_manager_options::log, "log"},
        chosen_setting{&websocket_manager_options::log_threshold, "log_threshold",
                       log_level::error},
        free_setting{&websocket_manager_options::telemetry, "telemetry"}};
};

template <>
struct setting_table<message_handler_options> {
    static constexpr std::tuple rows{
        setting_group{&message_handler_options::tools, "tools"},
        setting_group{&message_handler_options::limits, "limits"},
        free_setting{&message_handler_options::client_tools, "client_tools"},
        free_setting{&message_handler_options::send, "send"},
        free_setting{&message_handler_options::log, "log"},
        chosen_setting{&message_handler_options::log_threshold, "log_threshold", log_level::error},
        free_setting{&message_handler_options::telemetry, "telemetry"}};
};

} // namespace parley
