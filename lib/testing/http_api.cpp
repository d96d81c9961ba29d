#include "testing/http_api.hpp"

#include <parley/error.hpp>
#include <parley/json_text.hpp>

#include "core/iso8601.hpp"
#include "core/saturating.hpp"
#include "testing/client_rules.hpp"
#include "testing/server_time.hpp"
#include "testing/text.hpp"

#include <utility>

namespace parley::testing {
namespace {

constexpr std::string_view tickets_path = "/api/v1/tickets";
constexpr std::string_view validate_path = "/api/v1/tickets/validate";
constexpr std::string_view threads_path = "/api/v1/threads/";
constexpr std::string_view websocket_path = "/ws";

std::string text_of(const json_text& json) { return std::string(json.view()); }

std::string failure_body(std::string_view error, std::string_view code) {
    json_object body;
    body.set("success", false).set("error", error);
    if (!code.empty()) {
        body.set("code", code);
    }
    return text_of(body);
}

/// The body when it is a JSON object.
std::optional<json_text> object_in(const std::string& body) {
    try {
        json_text parsed = json_text::parse(body);
        if (parsed.is_object()) {
            return parsed;
        }
    } catch (const client_error&) {
        return std::nullopt; // the caller reports the fault of the request
    }
    return std::nullopt;
}

bool is_json(const received_request& request) {
    const std::string_view type = request.header("content-type");
    return same_ignoring_case(type.substr(0, type.find(';')), "application/json");
}

} // namespace

std::string_view code_of(ticket_office::verdict verdict) noexcept {
    return verdict == ticket_office::verdict::expired ? "TICKET_EXPIRED" : "TICKET_INVALID";
}

void share_with(http_reply& reply, std::string_view origin) {
    if (origin.empty()) {
        return;
    }
    // The origin and not `*`, which a browser refuses for a request with cookies.
    reply.header("Access-Control-Allow-Origin", std::string(origin))
        .header("Access-Control-Allow-Credentials", "true")
        .header("Access-Control-Expose-Headers", "Date, Retry-After")
        .header("Vary", "Origin");
}

std::optional<std::string_view> http_api::path_under_prefix(const received_request& request) const {
    std::string_view path = path_of(request.target);
    if (!path.starts_with(context_.options.path_prefix)) {
        return std::nullopt;
    }
    path.remove_prefix(context_.options.path_prefix.size());
    return path;
}

std::optional<endpoint> http_api::route(const received_request& request) const {
    const auto path = path_under_prefix(request);
    if (!path) {
        return std::nullopt;
    }
    if (request.method == "POST" && *path == tickets_path) {
        return endpoint::ticket;
    }
    if (request.method == "POST" && *path == validate_path) {
        return endpoint::validate;
    }
    if (request.method == "PATCH" && path->starts_with(threads_path)) {
        return endpoint::thread;
    }
    if (request.method == "GET" && *path == websocket_path) {
        return endpoint::upgrade;
    }
    return std::nullopt;
}

bool http_api::is_preflight(const received_request& request) const {
    const auto path = path_under_prefix(request);
    return request.method == "OPTIONS" && path &&
           (*path == tickets_path || *path == validate_path || *path == websocket_path ||
            path->starts_with(threads_path));
}

http_reply http_api::preflight(const received_request& request) const {
    std::string allowed = "content-type, x-oddle-mp-auth-token, x-oddle-chat-server-key";
    const std::string_view asked = request.header("access-control-request-headers");
    if (!asked.empty()) { // those of tracing, for example
        allowed.append(", ").append(asked);
    }
    http_reply reply(200);
    reply.header("Access-Control-Allow-Methods", "GET, POST, PATCH")
        .header("Access-Control-Allow-Headers", std::move(allowed))
        .header("Access-Control-Max-Age", "600");
    return reply;
}

http_reply http_api::answer(endpoint where, const received_request& request, time_point now) {
    if (!is_json(request)) {
        context_.book.violation("a request's content-type is not application/json");
    }
    if (!authorized(request)) {
        return failure(401, "The token is not accepted", "UNAUTHORIZED");
    }
    switch (where) {
    case endpoint::ticket:
        return ticket(request, now);
    case endpoint::validate:
        return validate(request, now);
    case endpoint::thread:
        return update_thread(request);
    case endpoint::upgrade:
        break;
    }
    return not_found();
}

http_reply http_api::answer(const http_fault& fault) const {
    std::string body = fault.body();
    if (body.empty()) {
        body = failure_body("The server was told to fail", "FAULT");
    }
    http_reply reply(fault.status_code(), std::move(body));
    for (const auto& [name, value] : fault.headers()) {
        reply.header(name, value);
    }
    return finished(std::move(reply));
}

http_reply http_api::not_found() const {
    return failure(404, "There is nothing at this address", "NOT_FOUND");
}

http_api::admission http_api::admit(const received_request& upgrade, time_point now) {
    const auto encoded = query_parameter(upgrade.target, "ticket");
    const auto ticket = encoded ? percent_decoded(*encoded) : std::nullopt;
    if (!ticket) {
        context_.book.violation("an upgrade has no readable ticket in its query");
        return {ticket_office::verdict::unknown, {}};
    }
    return {context_.office.check(*ticket, now), *ticket};
}

http_reply http_api::rejection(ticket_office::verdict verdict) const {
    return failure(401, "The ticket is not accepted", code_of(verdict));
}

http_reply http_api::ticket(const received_request& request, time_point now) {
    const auto body = object_in(request.body);
    if (!body) {
        context_.book.violation("the body of a ticket request is not a JSON object");
        return failure(400, "The body is not a JSON object", "BAD_REQUEST");
    }
    if (const auto wrong = wrong_with_ticket_request(request, *body)) {
        context_.book.violation(*wrong);
    }
    // Told in whole seconds, as Date is, so that the one minus the other is the lifetime exactly.
    const auto told = std::chrono::floor<std::chrono::seconds>(context_.wall_now());
    json_object answer;
    answer.set("success", true);
    answer.set("ticket",
               context_.office.issue(now, body->string_at("/providerResId").value_or("")));
    const std::chrono::system_clock::time_point issued = told;
    answer.set("expiresAt", format_iso8601(after(issued, context_.office.lifetime())));
    http_reply reply(200, text_of(answer));
    if (context_.options.send_date) {
        reply.header("Date", http_time(told));
    }
    return finished(std::move(reply));
}

http_reply http_api::validate(const received_request& request, time_point now) {
    const auto body = object_in(request.body);
    if (!body) {
        context_.book.violation("the body of a validation is not a JSON object");
        return failure(400, "The body is not a JSON object", "BAD_REQUEST");
    }
    if (const auto wrong = wrong_with_validation(*body)) {
        context_.book.violation(*wrong);
    }
    const auto verdict = context_.office.check(body->string_at("/ticket").value_or(""), now);
    json_object answer;
    answer.set("valid", verdict == ticket_office::verdict::good);
    if (verdict != ticket_office::verdict::good) {
        const bool expired = verdict == ticket_office::verdict::expired;
        answer.set("error", expired ? "The ticket has expired" : "The ticket is not known");
        answer.set("code", code_of(verdict)).set("retryable", expired);
        answer.set("details", json_object{}.set(expired ? "expired" : "invalid", true));
    }
    return finished(http_reply(200, text_of(answer)));
}

http_reply http_api::update_thread(const received_request& request) {
    const std::size_t skipped = context_.options.path_prefix.size() + threads_path.size();
    const auto id = percent_decoded(path_of(request.target).substr(skipped));
    const auto body = object_in(request.body);
    if (!id || id->empty() || !body) {
        context_.book.violation("a thread update has no valid id or is not a JSON object");
        return failure(400, "The request cannot be read", "BAD_REQUEST");
    }
    if (const auto wrong = wrong_with_thread_update(*body)) {
        context_.book.violation(*wrong);
    }
    if (!context_.office.knows_thread(*id)) {
        return failure(404, "The thread is not known", "THREAD_NOT_FOUND");
    }
    const json_object data = json_object{}.set("providerResId", *id).set("updated", *body);
    return finished(http_reply(200, text_of(json_object{}.set("success", true).set("data", data))));
}

http_reply http_api::finished(http_reply reply) const {
    bool typed = false;
    bool dated = !context_.options.send_date;
    for (const auto& [name, value] : reply.headers()) {
        typed = typed || same_ignoring_case(name, "Content-Type");
        dated = dated || same_ignoring_case(name, "Date");
    }
    if (!typed) {
        reply.header("Content-Type", "application/json");
    }
    if (!dated) {
        reply.header("Date", http_time(context_.wall_now()));
    }
    return reply;
}

http_reply http_api::failure(unsigned status, std::string_view error, std::string_view code) const {
    return finished(http_reply(status, failure_body(error, code)));
}

bool http_api::authorized(const received_request& request) const {
    return context_.office.accepts(request.header("x-oddle-mp-auth-token"));
}

} // namespace parley::testing
