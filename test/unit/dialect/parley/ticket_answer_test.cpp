#include <parley/error.hpp>

#include "core/http_status.hpp"
#include "dialect/parley/ticket_wire.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace ticket_answer_test {

using namespace parley;

namespace {

using namespace std::chrono_literals;

const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 19h};
constexpr std::string_view in_an_hour = R"("2026-11-22T20:00:00.000Z")";

server_response answered(int status, std::string_view body) {
    http_response from;
    from.status = status;
    from.body = body;
    return {std::move(from), now};
}

std::string with(std::string_view ticket, std::string_view expires = in_an_hour) {
    return R"({"success":true,"ticket":)" + std::string(ticket) + R"(,"expiresAt":)" +
           std::string(expires) + "}";
}

/// The error of an answer that brings no ticket.
error_info failure(int status, std::string_view body) {
    const auto outcome = parse_ticket_response(answered(status, body));
    return outcome ? error_info() : outcome.error();
}

bool malformed(std::string_view body) {
    const auto error = failure(200, body);
    return error.is(errc::ticket_malformed) && !error.details.retryable &&
           error.details.phase == phase::ticket && error.details.http_status == 200;
}

} // namespace

TEST_CASE("ticket_answer: a ticket is read with its expiry and the server's date",
          "[unit][ticket_answer]") {
    const auto body = with(R"("a\u00fc\"b")");
    auto answer = answered(200, body);
    answer.date = "Sun, 22 Nov 2026 18:58:00 GMT";

    const auto held = parse_ticket_response(answer).value();

    CHECK(held.value().expose() == "aü\"b");
    CHECK(held.expires_at() == now + 1h);
    CHECK(held.issued_at() == now - 2min);
    CHECK(held.kind() == ticket_kind::reusable);
}

TEST_CASE("ticket_answer: without a valid Date the local clock is used",
          "[unit][ticket_answer][A8]") {
    const auto body = with(R"("t")");
    auto answer = answered(201, body);
    CHECK_FALSE(parse_ticket_response(answer).value().issued_at().has_value());
    answer.date = "yesterday";
    CHECK_FALSE(parse_ticket_response(answer).value().issued_at().has_value());
}

TEST_CASE("ticket_answer: success may be absent, and unknown fields are ignored",
          "[unit][ticket_answer]") {
    CHECK(parse_ticket_response(
              answered(200, R"({"x":1e400,"expiresAt":"2026-11-22T20:00Z","ticket":"t"} )"))
              .has_value());
    CHECK(parse_ticket_response(answered(200, R"({"success":null,"ticket":"t","expiresAt":)" +
                                                  std::string(in_an_hour) + "}"))
              .has_value());
}

TEST_CASE("ticket_answer: of two equal keys the first counts", "[unit][ticket_answer][A15]") {
    const auto body = R"({"ticket":"one","ticket":"two","expiresAt":)" + std::string(in_an_hour) +
                      R"(,"expiresAt":"never"})";

    CHECK(parse_ticket_response(answered(200, body)).value().value().expose() == "one");
}

TEST_CASE("ticket_answer: an answer without a usable ticket is malformed",
          "[unit][ticket_answer][A5]") {
    for (const auto* ticket : {R"("")", "null", "1", "true", "{}", R"(["t"])", R"("\ud800")"}) {
        INFO(ticket);
        CHECK(malformed(with(ticket)));
    }
    CHECK(malformed(R"({"success":true,"expiresAt":"2026-11-22T20:00:00Z"})"));
    CHECK(malformed(R"({"success":"true","ticket":"t","expiresAt":"2026-11-22T20:00:00Z"})"));
    CHECK(malformed(R"({"success":1,"ticket":"t","expiresAt":"2026-11-22T20:00:00Z"})"));
}

TEST_CASE("ticket_answer: an answer without a valid expiry is malformed",
          "[unit][ticket_answer][A6]") {
    for (const auto* expires : {R"("")", "null", "-1", "1e400", "true", R"("tomorrow")",
                                R"("1795374000")", R"("2026-02-30T00:00:00Z")", R"("2026-11-22")",
                                R"("2026-11-22T19:00:00")", R"("99999-01-01T00:00:00Z")",
                                R"("-2026-11-22T19:00:00Z")", R"("1969-01-01T00:00:00Z")", "{}"}) {
        INFO(expires);
        CHECK(malformed(with(R"("t")", expires)));
    }
    CHECK(malformed(R"({"success":true,"ticket":"t"})"));
}

TEST_CASE("ticket_answer: every valid spelling of an expiry is exact",
          "[unit][ticket_answer][A7]") {
    const auto expiry = [](std::string_view text) {
        const auto body = with(R"("t")", '"' + std::string(text) + '"');
        return parse_ticket_response(answered(200, body)).value().expires_at();
    };

    CHECK(expiry("2026-11-22T20:00:00z") == now + 1h);
    CHECK(expiry("2026-11-22T20:00:00+02:00") == now - 1h);
    CHECK(expiry("2026-11-22T20:00:00-0330") == now + 4h + 30min);
    CHECK(expiry("2026-11-22T20:00:00.1Z") == now + 1h + 100ms);
    CHECK(expiry("2026-11-22T20:00:00.123456789Z") == now + 1h + 123'456'789ns);
    CHECK(expiry("2026-11-22T20:00:60Z") == now + 1h + 59'999ms);
    CHECK(expiry("2026-11-22T24:00:00Z") == now + 5h);
    CHECK(expiry("2026-11-22T20:00:00,5Z") == now + 1h + 500ms);
    CHECK(expiry("2026-11-22T20:00:00.123456789012Z") == now + 1h + 123'456'789ns);
    CHECK(expiry("2026-11-22T20:00:00+00") == now + 1h);
    CHECK(expiry("2026-11-22 20:00:00Z") == now + 1h);
    CHECK(expiry("20261122T200000Z") == now + 1h);
    CHECK(expiry("Sun, 22 Nov 2026 20:00:00 GMT") == now + 1h);
    CHECK(expiry("Sun, 22 Nov 2026 22:00:00 +0200") == now + 1h);
}

TEST_CASE("ticket_answer: an expiry may be a number of seconds or milliseconds",
          "[unit][ticket_answer][O144]") {
    const auto expiry = [](std::string_view number) {
        return parse_ticket_response(answered(200, with(R"("t")", number))).value().expires_at();
    };

    CHECK(expiry("1795377600") == now + 1h);
    CHECK(expiry("1795377600.25") == now + 1h + 250ms);
    CHECK(expiry("1795377600000") == now + 1h);
    CHECK(expiry("1.7953776E9") == now + 1h);
    CHECK(expiry("0") == wall_time());
    CHECK(expiry("1e300") == wall_time::max());
}

TEST_CASE("ticket_answer: the error of plain HTTP to a TLS port says to use wss or https",
          "[unit][ticket_answer]") {
    for (const auto* body : {"<h1>400</h1>The plain HTTP request was sent to HTTPS port",
                             "Client sent an HTTP request to an HTTPS server.\n",
                             "You're speaking plain HTTP to an SSL-enabled server port."}) {
        const auto told = failure(400, body);
        CHECK(told.message ==
              "The server answered with HTTP 400: the port speaks TLS: use wss:// or https://.");
        auto secure = answered(400, body);
        secure.cookie_scope.secure = true;
        CHECK(parse_ticket_response(secure).error().message ==
              "The server answered with HTTP 400.");
    }
    CHECK(failure(400, "no").message == "The server answered with HTTP 400.");
}

TEST_CASE("ticket_answer: the cookies belong to the ticket", "[unit][ticket_answer]") {
    const auto body = with(R"("t")");
    const std::vector<std::string> set{"a=1; Path=/", "b=2; Secure", "c=3; Path=/other"};
    auto answer = answered(200, body);
    CHECK(parse_ticket_response(answer).value().cookies().empty());
    answer.set_cookies = set;
    answer.cookie_scope = {"h", "/ws", false};
    CHECK(parse_ticket_response(answer).value().cookies().expose() == "a=1");
    answer.cookie_scope.secure = true;
    CHECK(parse_ticket_response(answer).value().cookies().expose() == "a=1; b=2");
}

TEST_CASE("ticket_answer: a body that is not one JSON object is malformed",
          "[unit][ticket_answer][A15]") {
    const auto good = with(R"("t")");
    CHECK(malformed(""));
    CHECK(malformed("<html><body>Welcome</body></html>"));
    CHECK(malformed(good + "x"));
    CHECK(malformed(good + good));
    CHECK(malformed("\xEF\xBB\xBF" + good));
    CHECK(malformed("[" + good + "]"));
    CHECK(malformed("\"ticket\""));
    CHECK(malformed("{\"ticket\":\"\xFF\"}"));
    CHECK(malformed(R"({"x":)" + std::string(70, '[') + std::string(70, ']') + "}"));
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK(malformed(good.substr(0, size)));
}

TEST_CASE("ticket_answer: the limit of a ticket is 8 KiB", "[unit][ticket_answer][A21]") {
    const auto sized = [](std::size_t size) { return with('"' + std::string(size, 't') + '"'); };

    CHECK(parse_ticket_response(answered(200, sized(8'192))).value().value().size() == 8'192);
    CHECK(failure(200, sized(8'193)).is(errc::ticket_too_long));
    CHECK(failure(200, sized(1'000'000)).is(errc::ticket_too_long));
    CHECK_FALSE(failure(200, sized(8'193)).details.retryable);
}

TEST_CASE("ticket_answer: a rejection keeps the server's text, made fit for one line",
          "[unit][ticket_answer][A10]") {
    const auto refused =
        failure(200, R"({"success":false,"error":"No\r\nseats","code":"FULL","ticket":"t"})");

    CHECK(refused.is(errc::ticket_refused));
    CHECK(refused.message == "The server refused to issue a ticket: No\\r\\nseats.");
    CHECK(refused.details.server_text == "No\\r\\nseats");
    CHECK(refused.details.server_code == "FULL");
    CHECK_FALSE(refused.details.retryable);

    const auto bare = failure(200, R"({"success":false,"error":7})");
    CHECK(bare.is(errc::ticket_refused));
    CHECK(bare.details.server_text.empty());

    const auto wordy =
        failure(200, R"({"success":false,"error":")" + std::string(9'000, 'w') + R"("})");
    CHECK(wordy.message.size() < 300);
}

TEST_CASE("ticket_answer: a secret that the server repeats is redacted", "[unit][ticket_answer]") {
    const auto body = R"({"success":false,"error":"bad token )" + std::string(190, '.') +
                      R"(s3cret-token","code":"s3cret-token"})";
    auto answer = answered(403, body);
    answer.gate.remember({secret("s3cret-token")});

    const auto error = parse_ticket_response(answer).error();

    CHECK(error.message.find("s3c") == std::string::npos);
    CHECK(error.details.to_string().find("s3c") == std::string::npos);
    CHECK(error.details.server_code == "***");
}

TEST_CASE("ticket_answer: each status has its error code", "[unit][ticket_answer][A11][A12][A14]") {
    for (const int status : {401, 403}) {
        const auto error = failure(status, R"({"error":"who?","code":"NO"})");
        CHECK(error.is(errc::authentication_failed));
        CHECK_FALSE(error.details.retryable);
        CHECK(error.details.server_code == "NO");
        CHECK(error.details.http_status == status);
    }
    for (const int status : {300, 301, 302, 303, 304, 307, 308}) {
        CHECK(failure(status, with(R"("t")")).is(errc::ticket_redirected));
        CHECK_FALSE(failure(status, "").details.retryable);
    }
    for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
        CHECK(failure(status, "").is(errc::ticket_http_status));
        CHECK(failure(status, "").details.retryable);
    }
    for (const int status : {100, 400, 404, 405, 409, 410, 418, 422, 501, 505, 600, 0}) {
        CHECK(failure(status, with(R"("t")")).is(errc::ticket_http_status));
        CHECK_FALSE(failure(status, "").details.retryable);
    }
    CHECK(failure(503, R"({"error":"no capacity"})").message ==
          "The server answered with HTTP 503 (no capacity).");
    CHECK(failure(503, "<html>").message == "The server answered with HTTP 503.");
}

TEST_CASE("ticket_answer: one table says whether a status is retryable",
          "[unit][ticket_answer][A12][O138]") {
    for (int status = 100; status < 600; ++status) {
        INFO(status);
        if (status / 100 != 2) {
            CHECK(failure(status, "").details.retryable == retryable_status(status));
            const auto validation = parse_validation_response(answered(status, ""));
            CHECK(validation.error().details.retryable == retryable_status(status));
        }
        const auto update = parse_update_response(answered(status, "{}"));
        CHECK(update.error().details.retryable == retryable_status(status));
    }
}

TEST_CASE("ticket_answer: only a rejection in the protocol's format is the server's own",
          "[unit][ticket_answer][O139]") {
    const auto own = [](int status, std::string_view body) {
        const auto update = parse_update_response(answered(status, body));
        const bool said = failure(status, body).details.from_server;
        CHECK(update.error().details.from_server == said);
        return said;
    };

    for (const int status : {200, 400, 401, 403, 404, 426, 500, 503, 511, 530}) {
        INFO(status);
        CHECK(own(status, R"({"success":false})"));
        CHECK(own(status, R"({"error":"no","success": false ,"code":"NO"})"));
        for (const auto* gateway :
             {"", "{}", "<html><h1>Forbidden</h1></html>", R"({"message":"Forbidden"})",
              R"({"error":"Forbidden"})", R"([{"success":false}])", R"("success")",
              R"({"success":"false"})", R"({"success":null})", R"({"success":false)",
              R"({"success":false}<!-- )"}) {
            INFO(gateway);
            CHECK_FALSE(own(status, gateway));
        }
    }
    CHECK_FALSE(failure(302, with(R"("t")")).details.from_server);
    CHECK_FALSE(failure(200, with("1")).details.from_server);

    const auto validation = [](int status, std::string_view body) {
        return parse_validation_response(answered(status, body)).error().details.from_server;
    };
    CHECK(validation(401, R"({"valid":false})"));
    CHECK_FALSE(validation(401, R"({"valid":true})"));
    CHECK_FALSE(validation(502, "<html>"));
}

TEST_CASE("ticket_answer: Retry-After counts for retryable failures",
          "[unit][ticket_answer][A13]") {
    auto answer = answered(503, "");
    answer.retry_after = "120";
    CHECK(parse_ticket_response(answer).error().details.retry_after == 120s);
    answer.retry_after = "-5";
    CHECK(parse_ticket_response(answer).error().details.retry_after == std::nullopt);

    answer.retry_after = "Sun, 22 Nov 2026 19:01:00 GMT";
    CHECK(parse_ticket_response(answer).error().details.retry_after == 60s);
    answer.date = "Sun, 22 Nov 2026 19:00:20 GMT"; // its clock, not ours
    CHECK(parse_ticket_response(answer).error().details.retry_after == 40s);

    auto refused = answered(404, "");
    refused.retry_after = "120";
    CHECK(parse_ticket_response(refused).error().details.retry_after == std::nullopt);
}

TEST_CASE("validation_answer: a definitive answer is read whole", "[unit][ticket_answer][A29]") {
    const auto good = parse_validation_response(answered(200, R"({"valid":true})")).value();
    CHECK(good.valid);

    const auto bad =
        parse_validation_response(
            answered(200, R"({"valid":false,"error":"gone\n","code":"EXPIRED","retryable":true,)"
                          R"("details":{"expired":true,"revoked":false,"reason":"old"}})"))
            .value();
    CHECK_FALSE(bad.valid);
    CHECK(bad.error == "gone\\n");
    CHECK(bad.code == "EXPIRED");
    CHECK(bad.retryable);
    CHECK(bad.expired);
    CHECK_FALSE(bad.revoked);
    CHECK(bad.reason == "old");
    CHECK_FALSE(parse_validation_response(answered(200, R"({"valid":false,"details":[]})"))
                    .value()
                    .expired);
    CHECK_FALSE(parse_validation_response(answered(410, R"({"valid":false})")).value().valid);
}

TEST_CASE("validation_answer: a failed request says nothing about the ticket",
          "[unit][ticket_answer][A29]") {
    const auto error = [](int status, std::string_view body) {
        const auto outcome = parse_validation_response(answered(status, body));
        return outcome ? error_info() : outcome.error();
    };

    CHECK(error(500, R"({"valid":false})").is(errc::ticket_http_status));
    CHECK(error(429, R"({"valid":false})").details.retryable);
    CHECK(error(401, R"({"valid":false})").is(errc::authentication_failed));
    CHECK(error(404, R"({"valid":true})").is(errc::ticket_http_status));
    CHECK(error(302, R"({"valid":false})").is(errc::ticket_redirected));
    CHECK(error(200, "{}").is(errc::ticket_malformed));
    CHECK(error(200, R"({"valid":"false"})").is(errc::ticket_malformed));
    CHECK(error(200, R"({"valid":null})").is(errc::ticket_malformed));
    CHECK(error(200, "<html>").is(errc::ticket_malformed));
}

TEST_CASE("update_answer: only an explicit success is one", "[unit][ticket_answer][A30]") {
    const auto error = [](int status, std::string_view body) {
        const auto outcome = parse_update_response(answered(status, body));
        return outcome ? error_info() : outcome.error();
    };

    CHECK(parse_update_response(answered(200, R"({"success":true,"data":{}})")).has_value());
    CHECK(parse_update_response(answered(204, "")).has_value());

    const auto gone = error(404, R"({"success":false,"error":"no such thread","code":"GONE"})");
    CHECK(gone.is(errc::thread_update_rejected));
    CHECK(gone.details.http_status == 404);
    CHECK(gone.details.server_code == "GONE");
    CHECK(gone.details.server_text == "no such thread");
    CHECK_FALSE(gone.details.retryable);
    CHECK(gone.message ==
          "The server rejected the change of the conversation: HTTP 404 (no such thread).");
    CHECK(error(503, "").details.retryable);
    CHECK(error(409, "").is(errc::thread_update_rejected));
    CHECK(error(302, "").is(errc::thread_update_rejected));
    CHECK(error(404, R"({"success":true})").is(errc::thread_update_rejected));
    CHECK(error(200, R"({"success":false,"error":"no"})").is(errc::thread_update_rejected));
    CHECK(error(200, "").is(errc::thread_update_rejected));
    CHECK(error(200, "{}").is(errc::thread_update_rejected));
    CHECK(error(401, "").is(errc::authentication_failed));
    CHECK(error(403, "").is(errc::authentication_failed));
}

} // namespace ticket_answer_test
