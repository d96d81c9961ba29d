#pragma once

#include <parley/error.hpp>
#include <parley/export.hpp>
#include <parley/fwd.hpp>
#include <parley/json_text.hpp>
#include <parley/log.hpp>
#include <parley/secret.hpp>
#include <parley/tool.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

// Plain structs, for constructors only: what can be seen wrong in them is thrown there, as
// `client_error` of the 900 block or `tool_configuration_error`, naming the field and never a
// secret.
//
// Numbers and durations: each field takes 1 (one millisecond) and more; an upper bound is named
// where there is one. 0 turns off what the field is for, in the fields that say so, and is refused
// in all others. A negative duration is refused. Ten years and more, up to
// `std::chrono::milliseconds::max()`, mean never.
//
// An empty text, function or executor means the default that the field names; where none is named,
// that there is none.

/// The identity that requests tickets. Absent fields are omitted from the request
/// (doc/protocol.md 1.3).
struct auth_data {
    secret user_mp_auth_token; ///< header `x-oddle-mp-auth-token`
    secret chat_server_key;    ///< header `x-oddle-chat-server-key`

    /// `userId`, for servers that do not take it from the token.
    std::optional<std::string> user_id;
    /// `entityId`, the subject of the conversation.
    std::optional<std::string> entity_id;
    /// `entityType`.
    std::optional<std::string> entity_type;
    /// `providerResId`, the conversation.
    std::optional<std::string> provider_res_id;
};

/// A change of the identity; fields that are not set do not change. An inner nullopt clears.
struct auth_data_patch {
    std::optional<secret> user_mp_auth_token;                  ///< an empty secret clears it
    std::optional<secret> chat_server_key;                     ///< an empty secret clears it
    std::optional<std::optional<std::string>> user_id;         ///< see auth_data::user_id
    std::optional<std::optional<std::string>> entity_id;       ///< see auth_data::entity_id
    std::optional<std::optional<std::string>> entity_type;     ///< see auth_data::entity_type
    std::optional<std::optional<std::string>> provider_res_id; ///< see auth_data::provider_res_id
};

/// One extra header of both requests. Values with control or non-ASCII bytes are rejected.
struct header {
    std::string name;  ///< a token of RFC 9110 that the library does not set itself
    std::string value; ///< visible ASCII and spaces
};

/// Trusted authorities, and the client certificate. The certificate and the name of the server are
/// always verified.
struct tls_config {
    /// A version of TLS.
    enum class version {
        tls_1_2, ///< TLS 1.2
        tls_1_3  ///< TLS 1.3
    };
    std::string ca_file;                    ///< PEM; replaces the system's authorities, the default
    std::string ca_pem;                     ///< the same, as text
    std::string certificate_file;           ///< client certificate chain, PEM
    std::string key_file;                   ///< its key, PEM
    version min_version = version::tls_1_2; ///< older ones are rejected
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(tls_config::version) noexcept;

/// How long to wait before a further attempt: a random part of a bound that doubles with each.
struct backoff_config {
    std::chrono::milliseconds base{500};   ///< the first delay's upper bound
    std::chrono::milliseconds cap{30'000}; ///< of the delay, except for `Retry-After`; overrides
                                           ///< `base`
};

/// When a ticket is fetched and renewed.
struct ticket_config {
    std::chrono::milliseconds check_interval{60'000};     ///< between two checks of the held ticket
    std::chrono::milliseconds renewal_threshold{300'000}; ///< left when it is renewed; 0: never
    std::chrono::milliseconds validity_buffer{30'000};    ///< left when it is no longer used
    std::chrono::milliseconds request_timeout{10'000};    ///< of one attempt
    unsigned max_retries = 3;                             ///< after the first attempt; 0: none
    backoff_config backoff;                               ///< between two requests

    /// Whether a client renews its ticket before it expires while a session is ready. False is for
    /// servers that end a session when a newer ticket is issued: a ticket is then fetched only
    /// when a connection needs one. A ticket_manager used alone ignores this setting.
    bool renew_proactively = true;
};

/// When a silent connection counts as dead.
struct heartbeat_config {
    /// Silence before a heartbeat; 0: none are sent. It is shortened, down to two seconds, when
    /// idle timeouts of a gateway have cut two sessions.
    std::chrono::milliseconds interval{25'000};
    std::chrono::milliseconds timeout{10'000}; ///< then dead, if still no byte arrives
};

/// The reaction to a connection that ended, or an attempt that failed.
enum class close_action {
    retry,             ///< another attempt, after the backoff
    refresh_and_retry, ///< the same with a fresh ticket; an attempt counts as a rejected ticket
    finish             ///< no further attempt
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(close_action) noexcept;

/// Reconnecting after the loss of a ready session.
struct reconnect_config {
    /// The reaction to a close with 1000: the end of the session, or a loss like others.
    enum class normal_close {
        finish,   ///< the session is over
        reconnect ///< it is opened again
    };
    bool enabled = true;                      ///< whether a lost session is opened again
    bool retry_first = false;                 ///< `init` keeps trying until its deadline
    unsigned max_attempts = 0;                ///< 0 turns the limit off
    std::chrono::milliseconds max_elapsed{0}; ///< 0 turns the limit off
    std::chrono::milliseconds stable_after{
        30'000}; ///< a ready session this old resets the backoff; 0: each one
    normal_close on_normal_close = normal_close::finish; ///< a close with 1000 from the server
    backoff_config backoff;                              ///< between two attempts

    /// Overrides the table of doc/protocol.md 3.1 wherever it returns a value. `why` is the error
    /// that ended it, with the phase, the close code and the HTTP status in its details;
    /// `was_ready` distinguishes a ready session from an attempt. The limits above and the backoff
    /// apply, and `init` makes its one attempt. Called on the client's strand: it must not block.
    /// An exception is logged, and the table decides.
    std::function<std::optional<close_action>(const error_info& why, bool was_ready)> classify;
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(reconnect_config::normal_close) noexcept;

/// Limits of memory, and of the time that a message may take.
struct limits_config {
    std::size_t message_bytes = 4u << 20;           ///< inbound, inflated; at most 1 GiB
    std::chrono::milliseconds message_time{30'000}; ///< first byte to last of one message
    std::size_t queue_bytes = 8u << 20;   ///< outbound: one message, and all waiting tool answers
    std::size_t event_count = 1'024;      ///< of events queued for `next_event`
    std::size_t event_bytes = 4u << 20;   ///< of the text of these events
    std::size_t answer_bytes = 16u << 20; ///< of one `ask`: text, reasoning and tools
    std::size_t unfinished_runs = 10'000; ///< messages that wait, or whose run goes on
};

/// How a connection is opened, kept and opened again.
struct connection_config {
    std::chrono::milliseconds resolve_timeout{5'000};  ///< of the name lookup
    std::chrono::milliseconds connect_timeout{5'000};  ///< per address
    std::chrono::milliseconds tls_timeout{10'000};     ///< of the TLS handshake
    std::chrono::milliseconds upgrade_timeout{10'000}; ///< of the WebSocket upgrade
    std::chrono::milliseconds session_timeout{10'000}; ///< from the 101 to `session_established`
    heartbeat_config heartbeat;                        ///< when a silent connection counts as dead
    reconnect_config reconnect;                        ///< after a loss
    limits_config limits;                              ///< of memory and time
    tls_config tls;                                    ///< trusted authorities

    /// `http://[user:password@]host:port`, for tickets, thread updates and the WebSocket alike. A
    /// server on this machine (`localhost`, 127.0.0.0/8 or ::1) is never reached through it: the
    /// connection is made directly, and each `init` or `connect` says so in the log, at info.
    std::string proxy;
    bool compression = true; ///< offers permessage-deflate

    /// Allows `ws` and `http` to other machines, through a proxy or not: the network in between can
    /// read the ticket, the token and all messages.
    bool allow_plaintext = false;
    std::string user_agent; ///< default `parley/VERSION`

    /// For the ticket requests and the upgrade, in addition to the library's own.
    std::vector<header> headers;
};

/// How many tool calls run concurrently, for how long and where.
struct tool_config {
    unsigned max_running = 8;                  ///< at once
    unsigned max_waiting = 64;                 ///< calls; 0: a call that cannot run is busy
    std::chrono::milliseconds timeout{30'000}; ///< of one call, from when it runs
    asio::any_io_executor executor;            ///< where tools run; default: the client's strand
};

/// The deadline of each operation.
struct timeouts_config {
    std::chrono::milliseconds init{30'000}; ///< the ticket included

    /// `send_message`, `stop_run` and `update_context_helpers`.
    std::chrono::milliseconds send{30'000};
    std::chrono::milliseconds answer{120'000};     ///< `ask`: between two events of its run
    std::chrono::milliseconds acknowledge{10'000}; ///< of a tool configuration
    std::chrono::milliseconds request{10'000};     ///< thread update, validation
    std::chrono::milliseconds disconnect{3'000};   ///< a third to send the queue, the rest to close
};

/// All settings of a chat_client; only `server_url` is required.
struct chat_client_config {
    std::string server_url;       ///< `wss://host[:port][/prefix]`, also ws, https, http
    auth_data auth;               ///< the identity that requests tickets
    ticket_config ticket;         ///< when they are fetched and renewed
    connection_config connection; ///< how the session is opened and kept
    tool_config tools;            ///< how tool calls run
    timeouts_config timeouts;     ///< of the operations

    /// Cancelling an `ask` stops its run on the server. False: the run continues, its events go to
    /// `next_event`, and the next `ask` waits for its end.
    bool stop_cancelled_asks = true;
    std::vector<tool> client_tools; ///< announced by `init`
    json_text context_helpers;      ///< an object, or null for none
    json_text component_schemas;    ///< an array (`generativeComponents`), or null for none
    log_sink log;                   ///< default: nothing is logged
    log_level log_threshold = log_level::info; ///< less severe lines are not logged

    /// Counts what the client does, beside others that were given the same one; default: nothing is
    /// counted.
    std::shared_ptr<parley::telemetry> telemetry;
};

} // namespace parley
