// Tickets by HTTP, without a network: the request to the letter, every kind of answer.

#include <parley/ticket_manager.hpp>
#include <parley/version.hpp>

#include "core/iso8601.hpp"
#include "dialect/parley/thread_updates.hpp"
#include "support/catch.hpp"
#include "support/ticket_world.hpp"

#include <string>

namespace ticket_http_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

struct exchange_case {
    const char* name;
    int status;
    std::string body;
    errc code;
    bool retryable;
};

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

server_url server() { return server_url::parse("wss://chat.example/prefix", false); }

awaitable<void> update(ticket_world& w, std::string id, std::string body) {
    const auto until = w.clock->now() + 10s;
    return update_thread(w.io.get_executor(), w.http, server(), ticket_world::identity(), id,
                         std::move(body), until);
}

} // namespace

TEST_CASE("http_ticket_source: the request matches the protocol, byte for byte",
          "[component][http_ticket_source]") {
    ticket_world w;
    auto auth = ticket_world::identity();
    auth.entity_id = "e\"1";
    auth.provider_res_id = "p";
    ticket_manager tickets(w.io.get_executor(), auth, "wss://chat.example/prefix/ws?x=1", {},
                           w.options(), w.environment);
    w.http->answer_ticket("T", 1h);
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "T");

    REQUIRE(w.http->count() == 1);
    const auto request = w.http->requests().front();
    CHECK(request->method == http_method::post);
    CHECK(request->server.http_text(request->target) ==
          "https://chat.example/prefix/api/v1/tickets");
    CHECK(request->deadline == w.clock->now() + 10s);
    CHECK(header_of(*request, "x-oddle-mp-auth-token") == secret_token);
    CHECK(header_of(*request, "x-oddle-chat-server-key") == secret_key);
    CHECK(request->body == R"({"entityId":"e\"1","providerResId":"p","clientInfo":{"userAgent":)" +
                               in_quotes("parley/" + std::string(version)) + R"(,"timestamp":)" +
                               in_quotes(format_iso8601(w.clock->wall_now())) + "}}");
}

TEST_CASE("http_ticket_source: unset fields are omitted", "[component][http_ticket_source][A23]") {
    ticket_world w;
    auto options = w.options();
    options.connection.user_agent = "mine/1";
    ticket_manager tickets(w.io.get_executor(), auth_data(), "ws://localhost:8080", {}, options,
                           w.environment);
    w.http->answer_ticket("T", 1h);
    run(w.io, tickets.get_valid_ticket());
    const auto request = w.http->requests().front();
    CHECK(header_of(*request, "x-oddle-mp-auth-token") == "(absent)");
    CHECK(header_of(*request, "x-oddle-chat-server-key") == "(absent)");
    CHECK(request->body.starts_with(R"({"clientInfo":{"userAgent":"mine/1",)"));
    CHECK(request->body.find("null") == std::string::npos);
}

TEST_CASE("http_ticket_source: the lifetime is measured by the Date of the answer",
          "[component][http_ticket_source][A8]") {
    ticket_world w;
    auto& tickets = w.manage_http();
    w.http->answer_ticket("T", 10min);
    w.clock->step_wall(7h); // ours is wrong, or theirs
    run(w.io, tickets.get_valid_ticket());
    const auto left = tickets.expires_in().value_or(0s);
    CHECK(left >= 10min);
    CHECK(left < 10min + 1s); // a Date has whole seconds
    CHECK(w.ends());
}

TEST_CASE("http_ticket_source: each failure has its code, and only some are retryable",
          "[component][http_ticket_source][A11][A12][A14]") {
    const auto ticket_until = [](const char* when) {
        return R"({"success":true,"ticket":"T","expiresAt":)" + std::string(when) + "}";
    };
    const exchange_case one = GENERATE_COPY(values<exchange_case>({
        {"unauthorized", 401, "", errc::authentication_failed, false},
        {"forbidden", 403, "{}", errc::authentication_failed, false},
        {"not found", 404, "<html>", errc::ticket_http_status, false},
        {"request timeout", 408, "", errc::ticket_http_status, true},
        {"too early", 425, "", errc::ticket_http_status, true},
        {"too many requests", 429, "", errc::ticket_http_status, true},
        {"internal error", 500, "", errc::ticket_http_status, true},
        {"not implemented", 501, "", errc::ticket_http_status, false},
        {"bad gateway", 502, "", errc::ticket_http_status, true},
        {"unavailable", 503, "", errc::ticket_http_status, true},
        {"gateway timeout", 504, "", errc::ticket_http_status, true},
        {"version", 505, "", errc::ticket_http_status, false},
        {"moved", 301, "", errc::ticket_redirected, false},
        {"redirect", 307, "", errc::ticket_redirected, false},
        {"refused", 200, R"({"success":false,"error":"no","code":"X"})", errc::ticket_refused,
         false},
        {"no JSON", 200, "<html>", errc::ticket_malformed, false},
        {"empty", 200, "", errc::ticket_malformed, false},
        {"no ticket", 200, R"({"success":true,"expiresAt":"2030-01-01T00:00:00Z"})",
         errc::ticket_malformed, false},
        {"empty ticket", 200, R"({"success":true,"ticket":"","expiresAt":"2030-01-01T00:00:00Z"})",
         errc::ticket_malformed, false},
        {"no expiry", 200, R"({"success":true,"ticket":"T"})", errc::ticket_malformed, false},
        {"no zone", 200, ticket_until(R"("2030-01-01T00:00:00")"), errc::ticket_malformed, false},
        {"no such day", 200, ticket_until(R"("2030-02-30T00:00:00Z")"), errc::ticket_malformed,
         false},
        {"a negative number", 200, ticket_until("-1"), errc::ticket_malformed, false},
    }));
    INFO(one.name);
    ticket_world w;
    auto& tickets = w.manage_http();
    for (int i = 0; i < 4; ++i)
        w.http->answer(one.status, one.body);
    auto caller = w.start(tickets.get_valid_ticket());
    w.pass(1min);
    CHECK(caller.failed_with(one.code));
    const auto why = caller.failure().value();
    CHECK(why.details.retryable == one.retryable);
    CHECK(why.details.http_status == one.status);
    CHECK(why.details.phase == phase::ticket);
    CHECK(why.details.attempt == (one.retryable ? 4U : 1U));
    CHECK(why.details.url == "https://chat.example/prefix/api/v1/tickets");
    CHECK(w.http->count() == (one.retryable ? 4 : 1));
    CHECK(w.ends());
}

TEST_CASE("http_ticket_source: Retry-After is honoured, in seconds and as a date",
          "[component][http_ticket_source][A13]") {
    const bool as_date = GENERATE(false, true);
    ticket_world w;
    auto& tickets = w.manage_http();
    http_response busy;
    busy.status = 503;
    busy.date = "Sun, 22 Nov 2026 12:00:00 GMT";
    busy.retry_after = as_date ? "Sun, 22 Nov 2026 12:02:00 GMT" : "120";
    w.http->answer(busy);
    w.http->answer_ticket("T", 1h);
    auto caller = w.start(tickets.get_valid_ticket());
    w.pass(119s);
    CHECK(w.http->count() == 1);
    w.pass(1s);
    CHECK(caller.done());
    CHECK(w.ends());
}

TEST_CASE("http_ticket_source: a silent server is abandoned at the request's deadline",
          "[component][http_ticket_source][A3]") {
    ticket_world w;
    ticket_config config;
    config.max_retries = 0;
    auto& tickets = w.manage_http(config);
    w.http->hang();
    auto caller = w.start(tickets.get_valid_ticket());
    w.pass(9'999ms);
    CHECK_FALSE(caller.done());
    w.pass(1ms);
    CHECK(caller.failed_with(errc::ticket_timeout));
    CHECK(caller.failure()->details.url == "https://chat.example/prefix/api/v1/tickets");
    CHECK(w.http->cancelled() == 0); // it ended the exchange itself, and could say where it was
    CHECK(w.ends());
}

TEST_CASE("http_ticket_source: an exchange is cancelled with its manager",
          "[component][http_ticket_source]") {
    ticket_world w;
    auto& tickets = w.manage_http();
    w.http->hang();
    auto caller = w.start(tickets.get_valid_ticket());
    run(w.io, tickets.stop());
    CHECK(caller.aborted());
    CHECK(w.http->cancelled() == 1);
    CHECK(w.ends());
}

TEST_CASE("http_ticket_source: a network failure keeps its phase, and is retried",
          "[component][http_ticket_source][A1]") {
    ticket_world w;
    auto& tickets = w.manage_http();
    error_details details;
    details.phase = phase::tcp;
    details.retryable = true;
    for (int i = 0; i < 4; ++i)
        w.http->fail(error_info(errc::connect_failed, "Refused.", details));
    auto caller = w.start(tickets.get_valid_ticket());
    w.pass(1min);
    CHECK(caller.failed_with(errc::ticket_request_failed));
    CHECK(caller.failure()->details.phase == phase::tcp);
    CHECK(w.http->count() == 4);
    CHECK(w.ends());
}

TEST_CASE("http_ticket_source: a server that repeats our secrets is redacted",
          "[component][http_ticket_source]") {
    ticket_world w;
    auto& tickets = w.manage_http();
    const auto said = R"({"success":false,"error":"bad token )" + std::string(secret_token) +
                      R"(","code":")" + std::string(secret_key) + R"("})";
    w.http->answer(GENERATE(200, 401, 404, 503), said);
    w.http->answer(404, said);
    auto caller = w.start(tickets.get_valid_ticket());
    w.pass(1s);
    try {
        caller.get();
        FAIL("nothing was thrown");
    } catch (const client_error& error) {
        CHECK_FALSE(w.leaks(error.what()));
        CHECK_FALSE(w.leaks(error.details().to_string()));
        CHECK(error.details().server_text == "bad token ***");
    }
    CHECK_FALSE(w.leaks(w.log.text()));
    CHECK_FALSE(w.log.text().empty());
    CHECK(w.ends());
}

TEST_CASE("http_ticket_source: a ticket is in no log line", "[component][http_ticket_source]") {
    ticket_world w;
    auto& tickets = w.manage_http();
    w.http->answer_ticket("SENTINEL-TICKET", 1h);
    tickets.start_proactive_renewal();
    run(w.io, tickets.get_valid_ticket());
    w.http->answer(200, R"({"valid":false,"error":"no SENTINEL-TICKET here"})");
    const auto verdict = run(w.io, tickets.validate_with_server());
    CHECK_FALSE(w.leaks(verdict.error));
    CHECK_FALSE(w.leaks(w.log.text()));
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: rejects a URL that it would not connect to",
          "[component][ticket_manager]") {
    ticket_world w;
    const auto make = [&](std::string url) {
        ticket_manager(w.io.get_executor(), {}, std::move(url), {}, {}, w.environment);
    };
    CHECK_THROWS_AS(make("ws://chat.example"), client_error);
    CHECK_THROWS_AS(make("wss://user:pw@chat.example"), client_error);
    CHECK_NOTHROW(make("ws://127.0.0.1"));
}

TEST_CASE("thread_updates: the request matches the protocol", "[component][thread_updates]") {
    ticket_world w;
    w.http->answer(200, R"({"success":true,"data":{}})");
    run(w.io, update(w, "a/b ü", R"({"title":null})"));
    const auto request = w.http->requests().front();
    CHECK(request->method == http_method::patch);
    CHECK(request->target == "/api/v1/threads/a%2Fb%20%C3%BC");
    CHECK(request->body == R"({"title":null})");
    CHECK(header_of(*request, "x-oddle-mp-auth-token") == secret_token);
    CHECK(header_of(*request, "x-oddle-chat-server-key") == secret_key);
}

TEST_CASE("thread_updates: each failure has its code, and none is retried",
          "[component][thread_updates][A30]") {
    const exchange_case one = GENERATE(values<exchange_case>({
        {"refused", 200, R"({"success":false,"error":"no"})", errc::thread_update_rejected, false},
        {"not found", 404, "", errc::thread_update_rejected, false},
        {"conflict", 409, "", errc::thread_update_rejected, false},
        {"unavailable", 503, "", errc::thread_update_rejected, true},
        {"unauthorized", 401, "", errc::authentication_failed, false},
    }));
    INFO(one.name);
    ticket_world w;
    w.http->answer(one.status, one.body);
    auto caller = w.start(update(w, "p", "{}"));
    CHECK(caller.failed_with(one.code));
    CHECK(caller.failure()->details.retryable == one.retryable);
    CHECK(caller.failure()->details.url == "https://chat.example/prefix/api/v1/threads/p");
    CHECK(w.http->count() == 1);
}

TEST_CASE("http_ticket_source: a failed exchange is a failed ticket request",
          "[component][http_ticket_source]") {
    struct row {
        errc exchange;
        errc ticket;
    };
    const row one = GENERATE(values<row>({
        {errc::resolve_failed, errc::ticket_request_failed},
        {errc::resolve_timeout, errc::ticket_request_failed},
        {errc::connect_failed, errc::ticket_request_failed},
        {errc::connect_timeout, errc::ticket_request_failed},
        {errc::proxy_failed, errc::ticket_request_failed},
        {errc::tls_failed, errc::ticket_request_failed},
        {errc::connection_reset, errc::ticket_request_failed},
        {errc::certificate_rejected, errc::ticket_certificate},
        {errc::protocol_violation, errc::ticket_malformed},
        {errc::timed_out, errc::ticket_timeout},
    }));
    CAPTURE(to_string(one.exchange));
    ticket_world w;
    auto& tickets = w.manage_http();
    w.http->fail(error_info(one.exchange, "Broken."));
    auto caller = w.start(tickets.get_valid_ticket());
    CHECK(caller.failed_with(one.ticket));
    CHECK(caller.failure()->details.phase == phase::ticket);
    CHECK(caller.failure()->message == "Broken.");
    CHECK(w.ends());
}

TEST_CASE("thread_updates: a failed exchange is not a failed ticket request",
          "[component][thread_updates][A30]") {
    const auto code = GENERATE(errc::connect_failed, errc::certificate_rejected,
                               errc::protocol_violation, errc::timed_out);
    CAPTURE(to_string(code));
    ticket_world w;
    w.http->fail(error_info(code, "Broken."));
    auto caller = w.start(update(w, "p", "{}"));
    CHECK(caller.failed_with(code));
    CHECK_THROWS_AS(caller.get(), connection_error);
    CHECK(caller.failure()->details.phase == phase::none);
    CHECK(caller.failure()->details.url == "https://chat.example/prefix/api/v1/threads/p");
}

TEST_CASE("thread_updates: a silent server ends it at its deadline, and a cancelled caller at once",
          "[component][thread_updates][A30]") {
    ticket_world w;
    w.http->hang();
    w.http->hang();
    auto patient = w.start(update(w, "p", "{}"));
    auto hurried = w.start(update(w, "p", "{}"));
    hurried.cancel();
    w.poll();
    CHECK(hurried.aborted());
    CHECK(w.http->cancelled() == 1);
    w.pass(10s);
    CHECK(patient.failed_with(errc::timed_out));
    CHECK(out_of_work(w.io));
}

TEST_CASE("thread_updates: values that no request can carry are rejected at once",
          "[component][thread_updates]") {
    ticket_world w;
    CHECK_THROWS_AS(update(w, "", "{}"), client_error);
    auth_data auth;
    auth.user_mp_auth_token = secret("a\nb");
    CHECK_THROWS_AS(
        update_thread(w.io.get_executor(), w.http, server(), auth, "p", "{}", w.clock->now() + 10s),
        client_error);
    CHECK(w.http->count() == 0);
}

} // namespace ticket_http_test
