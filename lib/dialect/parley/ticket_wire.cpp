#include "dialect/parley/ticket_wire.hpp"

#include "core/http_status.hpp"
#include "core/iso8601.hpp"
#include "core/json_check.hpp"
#include "core/json_string.hpp"
#include "core/json_walk.hpp"
#include "core/retry_after.hpp"
#include "core/text.hpp"
#include "dialect/parley/cookies.hpp"
#include "dialect/parley/json_writer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>

namespace parley {

namespace {

using wire::object_writer;

bool is_success(int status) noexcept { return status >= 200 && status <= 299; }

/// The members of a response's body, read as the kinds that they ought to be.
class response_body {
public:
    explicit response_body(const server_response& response) : gate_(response.gate) {
        const auto fault = check_json(response.body);
        if (fault) {
            reason_ = fmt::format("the body is not valid JSON from offset {} on", fault->offset);
            return;
        }
        const auto whole = trim_json(response.body);
        if (kind_of(whole) == json_kind::object)
            object_ = whole;
        else
            reason_ = "the body is not a JSON object";
    }

    explicit operator bool() const noexcept { return object_.has_value(); }
    const std::string& reason() const noexcept { return reason_; }

    std::optional<std::string_view> raw(std::string_view name) const {
        return object_ ? member(*object_, name) : std::nullopt;
    }
    std::optional<std::string_view> string_token(std::string_view name) const {
        auto found = raw(name);
        if (found && kind_of(*found) != json_kind::string) found.reset();
        return found;
    }
    bool is(std::string_view name, std::string_view spelled) const {
        const auto found = raw(name);
        return found && *found == spelled;
    }
    std::optional<bool> boolean(std::string_view name) const {
        const auto found = raw(name);
        if (!found || kind_of(*found) != json_kind::boolean) return std::nullopt;
        return found->front() == 't';
    }
    quotation words(std::string_view name) const {
        const auto token = string_token(name);
        if (!token) return {};
        return gate_.quote(unescape_json_string(*token));
    }
    /// A body's `details`, read the same way.
    response_body inner(std::string_view name) const {
        const auto found = raw(name);
        const bool object = found && kind_of(*found) == json_kind::object;
        return {object ? found : std::nullopt, gate_};
    }

private:
    response_body(std::optional<std::string_view> object, const redactor& gate)
        : object_(object), gate_(gate) {}

    std::optional<std::string_view> object_;
    std::string reason_;
    const redactor& gate_;
};

std::optional<wall_time> server_time(const server_response& response) {
    return response.date ? parse_http_date(*response.date, response.now) : std::nullopt;
}

error_details details_of(const server_response& response, const response_body& body) {
    error_details out;
    out.phase = phase::ticket;
    out.http_status = response.status;
    out.server_code = body.words("code").text();
    out.server_text = body.words("error").text();
    out.from_server = body.is("success", "false") || body.is("valid", "false");
    return out;
}

/// `HTTP 503 (no capacity)`
std::string described(const error_details& details) {
    auto out = fmt::format("HTTP {}", details.http_status.value_or(0));
    const auto& words = details.server_text.empty() ? details.server_code : details.server_text;
    if (!words.empty()) out += fmt::format(" ({})", words);
    return out;
}

/// A server with TLS says such a thing to plain HTTP, with 400.
bool speaks_tls(const server_response& response) {
    constexpr std::string_view words[] = {"HTTPS port", "HTTPS server", "SSL-enabled"};
    if (response.status != 400 || response.cookie_scope.secure) return false;
    return std::any_of(std::begin(words), std::end(words), [&response](auto each) {
        return response.body.find(each) != std::string_view::npos;
    });
}

/// What every endpoint says with a status that is no success (doc/protocol.md 1.3).
error_info status_error(const server_response& response, const response_body& body) {
    auto details = details_of(response, body);
    const auto said = described(details);
    if (response.status == 401 || response.status == 403)
        return {errc::authentication_failed,
                fmt::format("The server does not accept the credentials: {}.", said),
                std::move(details)};
    if (response.status >= 300 && response.status <= 399)
        return {
            errc::ticket_redirected,
            fmt::format("The server answered with a redirect, which is never followed: {}.", said),
            std::move(details)};
    details.retryable = retryable_status(response.status);
    if (details.retryable && response.retry_after)
        details.retry_after =
            parse_retry_after(*response.retry_after, server_time(response).value_or(response.now));
    if (speaks_tls(response)) details.reason = "the port speaks TLS: use wss:// or https://";
    auto sentence = fmt::format("The server answered with {}", said);
    if (!details.reason.empty()) sentence += ": " + details.reason;
    return {errc::ticket_http_status, sentence + '.', std::move(details)};
}

error_info malformed(const server_response& response, const response_body& body,
                     std::string_view what) {
    auto details = details_of(response, body);
    details.reason = body ? std::string(what) : body.reason();
    return {errc::ticket_malformed,
            fmt::format("The server's answer cannot be used: {}.", details.reason),
            std::move(details)};
}

/// Empty when it is missing, has another type, or has a character that no UTF-8 can say.
std::string ticket_text(const response_body& body) {
    std::string text;
    const auto token = body.string_token("ticket");
    if (token && append_unescaped(text, token->substr(1, token->size() - 2)) != unescaped::exact)
        text.clear();
    return text;
}

/// `expiresAt` as text with a zone, or as a number.
std::optional<wall_time> expiry(const response_body& body) {
    const auto token = body.raw("expiresAt");
    if (!token) return std::nullopt;
    if (kind_of(*token) == json_kind::number) {
        double since = 0;
        const auto read = std::from_chars(token->data(), token->data() + token->size(), since);
        return read.ec == std::errc{} ? parse_epoch(since) : std::nullopt;
    }
    if (kind_of(*token) != json_kind::string) return std::nullopt;
    const auto text = unescape_json_string(*token);
    const auto instant = parse_iso8601(text);
    return instant ? instant : parse_rfc1123_date(text);
}

void add_identity(object_writer& out, const auth_data& auth) {
    out.text_if("entityId", auth.entity_id).text_if("entityType", auth.entity_type);
}

error_info update_error(const server_response& response, const response_body& body) {
    auto details = details_of(response, body);
    details.phase = phase::none;
    details.retryable = retryable_status(response.status);
    if (is_success(response.status) && details.server_text.empty())
        details.reason = body ? "the answer does not say success" : body.reason();
    return {
        errc::thread_update_rejected,
        fmt::format("The server rejected the change of the conversation: {}.", described(details)),
        std::move(details)};
}

} // namespace

std::vector<std::pair<std::string, std::string>> identity_headers(const auth_data& auth) {
    std::vector<std::pair<std::string, std::string>> out;
    if (!auth.user_mp_auth_token.empty())
        out.emplace_back("x-oddle-mp-auth-token", auth.user_mp_auth_token.expose());
    if (!auth.chat_server_key.empty())
        out.emplace_back("x-oddle-chat-server-key", auth.chat_server_key.expose());
    return out;
}

std::string ticket_body(const auth_data& auth, std::string_view user_agent, wall_time now) {
    object_writer client;
    client.text("userAgent", user_agent).text("timestamp", format_iso8601(now));
    object_writer out;
    add_identity(out, auth);
    out.text_if("providerResId", auth.provider_res_id).text_if("userId", auth.user_id);
    return out.raw("clientInfo", client.take()).take();
}

std::string validation_body(const secret& ticket, const auth_data& auth) {
    object_writer out;
    out.text("ticket", ticket.expose());
    add_identity(out, auth);
    return out.take();
}

std::string entity_update_body(const std::optional<std::string>& entity_id,
                               const std::optional<std::string>& entity_type) {
    object_writer out;
    return out.text_or_null("entityId", entity_id).text_or_null("entityType", entity_type).take();
}

std::string metadata_update_body(const metadata_patch& patch) {
    object_writer out;
    if (patch.title()) out.text_or_null("title", *patch.title());
    if (patch.tag()) out.text_or_null("tag", *patch.tag());
    if (patch.metadata()) out.raw("metadata", patch.metadata()->view());
    return out.take();
}

error_info to_ticket_error(error_info of_exchange) {
    if (of_exchange.details.phase == phase::none) of_exchange.details.phase = phase::ticket;
    if (of_exchange.code.category() != category()) return of_exchange; // cancelled
    errc code = errc::ticket_request_failed;
    if (of_exchange.is(errc::timed_out)) code = errc::ticket_timeout;
    if (of_exchange.is(errc::certificate_rejected)) code = errc::ticket_certificate;
    if (of_exchange.is(errc::protocol_violation)) code = errc::ticket_malformed;
    of_exchange.code = make_error_code(code);
    return of_exchange;
}

result<ticket> parse_ticket_response(const server_response& response) {
    const response_body body(response);
    if (!is_success(response.status)) return status_error(response, body);
    if (!body) return malformed(response, body, "");
    const auto success = body.raw("success").value_or("true");
    if (success == "false") {
        auto details = details_of(response, body);
        const auto said = details.server_text.empty() ? details.server_code : details.server_text;
        return error_info(errc::ticket_refused,
                          said.empty()
                              ? std::string("The server refused to issue a ticket.")
                              : fmt::format("The server refused to issue a ticket: {}.", said),
                          std::move(details));
    }
    if (success != "true" && success != "null")
        return malformed(response, body, "\"success\" is neither true nor false");

    secret value{ticket_text(body)};
    if (value.empty()) return malformed(response, body, "it holds no ticket");
    if (value.size() > longest_ticket)
        return error_info(errc::ticket_too_long, "The ticket is longer than 8 KiB.",
                          details_of(response, body));
    const auto expires = expiry(body);
    if (!expires)
        return malformed(response, body, "\"expiresAt\" is not a date and time with a zone");
    ticket made(std::move(value), *expires, server_time(response));
    made.set_cookies(cookies_to_send(response.set_cookies, response.cookie_scope, response.now));
    return made;
}

result<ticket_validation> parse_validation_response(const server_response& response) {
    const response_body body(response);
    const auto valid = body.boolean("valid");
    // A refusal may come as a status of its own: 404, 410. One of the identity or of the moment
    // says nothing about the ticket.
    const bool refusal = response.status >= 400 && response.status <= 499 &&
                         response.status != 401 && response.status != 403 &&
                         !retryable_status(response.status) && valid == false;
    if (!is_success(response.status) && !refusal) return status_error(response, body);
    if (!valid) return malformed(response, body, "\"valid\" is neither true nor false");

    const auto details = body.inner("details");
    ticket_validation out;
    out.valid = *valid;
    out.error = body.words("error").text();
    out.code = body.words("code").text();
    out.retryable = body.is("retryable", "true");
    out.expired = details.is("expired", "true");
    out.revoked = details.is("revoked", "true");
    out.reason = details.words("reason").text();
    return out;
}

result<void> parse_update_response(const server_response& response) {
    const response_body body(response);
    if (response.status == 401 || response.status == 403) {
        auto refused = status_error(response, body);
        refused.details.phase = phase::none;
        return refused;
    }
    const bool nothing_to_say = response.status == 204 && response.body.empty();
    if (nothing_to_say || (is_success(response.status) && body.is("success", "true"))) return {};
    return update_error(response, body);
}

} // namespace parley
