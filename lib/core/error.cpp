#include <parley/chat_message.hpp>
#include <parley/error.hpp>

#include <boost/asio/error.hpp>
#include <fmt/core.h>

#include <array>

namespace parley {

namespace {

struct entry {
    errc code;
    std::string_view name;
    const char* sentence; ///< ends with what to do
};

constexpr std::array entries{
    entry{errc::ticket_request_failed, "ticket_request_failed",
          "The ticket server could not be reached; check the server URL and the network."},
    entry{errc::ticket_timeout, "ticket_timeout",
          "The ticket server did not answer in time; try again, or raise request_timeout."},
    entry{errc::ticket_http_status, "ticket_http_status",
          "The ticket server answered with an HTTP error; look at the status in the details."},
    entry{errc::ticket_refused, "ticket_refused",
          "The ticket server refused a ticket; look at its reason in the details."},
    entry{errc::ticket_malformed, "ticket_malformed",
          "The ticket server's answer holds no usable ticket; check that the URL is that of a chat "
          "server."},
    entry{errc::ticket_too_long, "ticket_too_long",
          "The ticket is longer than 8 KiB; have the server issue shorter ones."},
    entry{errc::ticket_redirected, "ticket_redirected",
          "The ticket server answered with a redirect, which is never followed; configure the "
          "final URL."},
    entry{errc::ticket_certificate, "ticket_certificate",
          "The ticket server's certificate is not trusted; check the host name, or name its CA "
          "with ca_file."},
    entry{errc::ticket_cleared, "ticket_cleared",
          "The ticket was cleared while it was being fetched; ask for it again."},
    entry{errc::ticket_source_failed, "ticket_source_failed",
          "The ticket source failed; look at its own message in the details."},
    entry{errc::ticket_absent, "ticket_absent",
          "There is no ticket to validate; ask for one first."},

    entry{errc::authentication_failed, "authentication_failed",
          "The server does not accept these credentials; check the token and the server key."},
    entry{errc::ticket_rejected, "ticket_rejected",
          "The server rejected a fresh ticket; check that tickets and WebSocket come from the same "
          "server."},
    entry{errc::session_refused, "session_refused",
          "The server refused the session permanently; look at its code in the details."},

    entry{errc::resolve_failed, "resolve_failed",
          "The host name has no address; check the server URL and the name server."},
    entry{errc::resolve_timeout, "resolve_timeout",
          "The name lookup took too long; check the name server, or raise resolve_timeout."},
    entry{errc::connect_failed, "connect_failed",
          "No address of the server accepted a connection; check host, port and firewall."},
    entry{errc::connect_timeout, "connect_timeout",
          "No address of the server answered in time; check the network, or raise "
          "connect_timeout."},
    entry{errc::proxy_failed, "proxy_failed",
          "The proxy did not open a tunnel; check its URL, its credentials and its rules."},
    entry{errc::tls_failed, "tls_failed",
          "The TLS handshake failed; check that the port speaks TLS."},
    entry{errc::tls_timeout, "tls_timeout",
          "The TLS handshake took too long; check the network, or raise tls_timeout."},
    entry{errc::certificate_rejected, "certificate_rejected",
          "The server's certificate is not trusted; check the host name, or name its CA with "
          "ca_file."},
    entry{errc::upgrade_failed, "upgrade_failed",
          "The server did not open a WebSocket; look at the status in the details."},
    entry{errc::upgrade_timeout, "upgrade_timeout",
          "The WebSocket upgrade was not answered in time; try again, or raise upgrade_timeout."},
    entry{errc::session_timeout, "session_timeout",
          "The server did not establish the session in time; try again, or raise "
          "session_timeout."},
    entry{errc::connection_closed, "connection_closed",
          "The server closed the connection; look at the close code in the details."},
    entry{errc::connection_reset, "connection_reset",
          "The connection broke; check the network between here and the server."},
    entry{errc::connection_silent, "connection_silent",
          "The server was silent for too long; check the network, or raise the "
          "heartbeat's timeout."},
    entry{errc::not_connected, "not_connected", "There is no session; call init first."},
    entry{errc::not_sent, "not_sent",
          "The message was not sent before its deadline; send it again once connected."},
    entry{errc::sent_unconfirmed, "sent_unconfirmed",
          "The connection failed while the message was being sent; ask the server whether it was "
          "processed "
          "before you send it again."},
    entry{errc::timed_out, "timed_out",
          "The operation did not end before its deadline; try again, or raise the deadline."},
    entry{errc::empty_ticket, "empty_ticket",
          "There is no ticket to connect with; fetch one first."},
    entry{errc::reconnect_exhausted, "reconnect_exhausted",
          "The reconnect attempts are exhausted; call init again, or raise max_attempts or "
          "max_elapsed."},
    entry{errc::disconnected, "disconnected",
          "The client was disconnected meanwhile; call init to connect again."},
    entry{errc::answer_timeout, "answer_timeout",
          "The server stopped sending the answer; stop the run, or raise the answer timeout."},
    entry{errc::too_many_runs, "too_many_runs",
          "Too many messages wait or have a run that the server has not finished; wait for it, or "
          "raise limits.unfinished_runs."},

    entry{errc::protocol_violation, "protocol_violation",
          "The server broke the WebSocket or HTTP protocol; look for a proxy in between, and "
          "report it to "
          "the server's operator."},
    entry{errc::handshake_violation, "handshake_violation",
          "The server answered the upgrade with an option that was not requested; report it to the "
          "server's operator."},
    entry{errc::message_too_large, "message_too_large",
          "The server sent a message over the limit; raise limits.message_bytes if it is "
          "legitimate."},
    entry{errc::message_timeout, "message_timeout",
          "A message of the server took too long to arrive; check the network, or raise "
          "limits.message_time."},

    entry{errc::tool_duplicate, "tool_duplicate",
          "Two tools have the same name; rename or remove one."},
    entry{errc::tool_schema_invalid, "tool_schema_invalid",
          "A tool's parameter schema is neither a JSON schema of an object nor an array; correct "
          "it."},
    entry{errc::tools_not_acknowledged, "tools_not_acknowledged",
          "The server did not acknowledge the tools in time; try again, or raise the acknowledge "
          "timeout."},
    entry{errc::tools_refused, "tools_refused",
          "The server refused the tools; look at its reason in the details."},
    entry{errc::tool_unknown, "tool_unknown", "No tool of that name is registered; add it first."},
    entry{errc::tool_name_invalid, "tool_name_invalid",
          "A tool's name is empty or not UTF-8; give it another."},

    entry{errc::chat_failed, "chat_failed",
          "The server could not finish the answer; look at its reason in the details."},
    entry{errc::thread_update_rejected, "thread_update_rejected",
          "The server rejected the change of the conversation; look at its reason in the "
          "details."},
    entry{errc::answer_too_large, "answer_too_large",
          "The answer is over the limit; raise limits.answer_bytes if it is legitimate."},

    entry{errc::invalid_configuration, "invalid_configuration",
          "A setting cannot work; correct the one that the message names."},
    entry{errc::invalid_url, "invalid_url",
          "The URL cannot be used; use wss://host[:port][/prefix]."},
    entry{errc::plaintext_refused, "plaintext_refused",
          "Unencrypted connections beyond this machine are refused; use wss, or set "
          "allow_plaintext."},
    entry{errc::invalid_header, "invalid_header",
          "A header holds bytes that HTTP forbids; use visible ASCII only."},
    entry{errc::invalid_json, "invalid_json",
          "The text is not valid JSON; correct it at the offset that the message names."},
    entry{errc::invalid_utf8, "invalid_utf8",
          "The text is not valid UTF-8; convert it before it is sent."},
    entry{errc::too_large, "too_large", "The value is over its limit; make it smaller."},
};

const entry* find(int value) noexcept {
    for (const auto& each : entries)
        if (static_cast<int>(each.code) == value) return &each;
    return nullptr;
}

// Boost's category has a protected destructor that is not virtual, by design: none is ever deleted.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#endif
class parley_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "parley"; }

    std::string message(int value) const override {
        const auto* found = find(value);
        return found ? found->sentence
                     : fmt::format("Unknown error {}; report it to parley.", value);
    }

    boost::system::error_condition default_error_condition(int value) const noexcept override {
        switch (static_cast<errc>(value)) {
        case errc::ticket_timeout:
        case errc::resolve_timeout:
        case errc::connect_timeout:
        case errc::tls_timeout:
        case errc::upgrade_timeout:
        case errc::session_timeout:
        case errc::connection_silent:
        case errc::not_sent:
        case errc::timed_out:
        case errc::answer_timeout:
        case errc::message_timeout:
        case errc::tools_not_acknowledged:
            return make_error_condition(boost::system::errc::timed_out);
        case errc::not_connected:
            return make_error_condition(boost::system::errc::not_connected);
        default:
            return {value, *this};
        }
    }
};
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

enum class block { ticket, authentication, connection, tools, other };

block block_of(const boost::system::error_code& code) noexcept {
    // A code of another library reaches us from the network: it belongs to the connection.
    if (code.category() != category()) return block::connection;
    switch (code.value() / 100) {
    case 1:
        return block::ticket;
    case 2:
        return block::authentication;
    case 3:
    case 4:
        return block::connection;
    case 5:
        return block::tools;
    default:
        return block::other;
    }
}

error_info completed(error_info info) {
    if (info.message.empty()) info.message = info.code.message();
    return info;
}

/// The advice at the end of the code's own sentence. Empty for a wrong call: there the sentence of
/// the throwing function says more.
std::string_view advice(const boost::system::error_code& code) noexcept {
    const auto* const found = code.category() == category() ? find(code.value()) : nullptr;
    if (!found || code.value() >= static_cast<int>(errc::invalid_configuration)) return {};
    const std::string_view sentence = found->sentence;
    return sentence.substr(sentence.find("; ") + 2);
}

std::string text_of(const error_info& info) {
    std::string text = info.message.empty() ? info.code.message() : info.message;
    if (const auto what_to_do = advice(info.code); !what_to_do.empty()) {
        const auto without_stop = what_to_do.substr(0, what_to_do.size() - 1);
        if (text.find(without_stop) == std::string::npos) {
            text += ' ';
            text += static_cast<char>(what_to_do.front() - 'a' + 'A');
            text += what_to_do.substr(1);
        }
    }
    if (info.code.category() == category())
        text += fmt::format(" [{}", to_string(static_cast<errc>(info.code.value())));
    else
        text += fmt::format(" [{}:{}", info.code.category().name(), info.code.value());
    if (const auto details = info.details.to_string(); !details.empty()) text += ' ' + details;
    return text + ']';
}

} // namespace

std::string_view to_string(errc code) noexcept {
    const auto* found = find(static_cast<int>(code));
    return found ? found->name : "unknown";
}

const boost::system::error_category& category() noexcept {
    static const parley_category instance;
    return instance;
}

std::string error_details::to_string() const {
    std::string out;
    const auto add = [&out](std::string_view name, const auto& value) {
        out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, value);
    };
    if (phase != parley::phase::none) add("phase", parley::to_string(phase));
    if (http_status) add("status", *http_status);
    if (close_code) add("close", *close_code);
    if (attempt) add("attempt", *attempt);
    if (retry_after) add("retry_after", fmt::format("{}s", retry_after->count()));
    if (retryable) add("retryable", "yes");
    if (!url.empty()) add("url", url);
    if (!server_code.empty()) add("server_code", server_code);
    if (!server_text.empty()) add("server_text", fmt::format("\"{}\"", server_text));
    if (!reason.empty()) add("reason", fmt::format("\"{}\"", reason));
    return out;
}

client_error::client_error(error_info info)
    : system_error(info.code), info_(completed(std::move(info))), text_(text_of(info_)) {}

client_error::~client_error() = default;
answer_error::~answer_error() = default;
ticket_error::~ticket_error() = default;
authentication_error::~authentication_error() = default;
connection_error::~connection_error() = default;
tool_configuration_error::~tool_configuration_error() = default;

const char* client_error::what() const noexcept { return text_.c_str(); }

std::string_view error_kind(const error_info& info) noexcept {
    switch (block_of(info.code)) {
    case block::ticket:
        return "TICKET_ERROR";
    case block::authentication:
        return "AUTHENTICATION_ERROR";
    case block::connection:
        return "CONNECTION_ERROR";
    case block::tools:
        return "TOOL_CONFIGURATION_ERROR";
    case block::other:
        break;
    }
    return "CLIENT_ERROR";
}

std::string_view error_kind(const client_error& error) noexcept {
    // By class, which the thrower chooses, and not by code.
    if (dynamic_cast<const ticket_error*>(&error)) return "TICKET_ERROR";
    if (dynamic_cast<const authentication_error*>(&error)) return "AUTHENTICATION_ERROR";
    if (dynamic_cast<const connection_error*>(&error)) return "CONNECTION_ERROR";
    if (dynamic_cast<const tool_configuration_error*>(&error)) return "TOOL_CONFIGURATION_ERROR";
    return "CLIENT_ERROR";
}

void throw_error(error_info info) {
    if (info.code == boost::asio::error::operation_aborted)
        throw boost::system::system_error(info.code);
    switch (block_of(info.code)) {
    case block::ticket:
        throw ticket_error(std::move(info));
    case block::authentication:
        throw authentication_error(std::move(info));
    case block::connection:
        throw connection_error(std::move(info));
    case block::tools:
        throw tool_configuration_error(std::move(info));
    case block::other:
        break;
    }
    throw client_error(std::move(info));
}

namespace detail {

struct result_error::contents {
    error_info info;
    std::exception_ptr thrown; // null: `info` is all there is
};

result_error::result_error(error_info why) : result_error(std::move(why), nullptr) {}

result_error::result_error(error_info why, std::exception_ptr thrown)
    : kept_(std::make_shared<const contents>(contents{std::move(why), std::move(thrown)})) {}

const error_info& result_error::get() const noexcept {
    static const error_info none;
    return kept_ ? kept_->info : none;
}

void result_error::raise() const {
    if (kept_->thrown) std::rethrow_exception(kept_->thrown);
    throw_error(kept_->info);
}

} // namespace detail

} // namespace parley
