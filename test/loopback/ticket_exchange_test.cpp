// The request to the letter, and every answer that a server may give to it, over a real connection.

#include <parley/ticket_manager.hpp>
#include <parley/version.hpp>

#include "support/ticket_exchange.hpp"

#include <string>
#include <vector>

namespace ticket_exchange_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

using script = raw_server::script;

/// An answer, and what the caller gets for it.
struct row {
    const char* name;
    std::string bytes;
    errc code;
    bool retryable = false;
};

/// Each answer is given to one caller, and none of them is asked for twice.
void check_rows(const std::vector<row>& rows) {
    std::vector<script> scripts;
    for (const auto& each : rows)
        scripts.push_back(answering(each.bytes));
    ticket_exchange x;
    raw_server server(std::move(scripts));
    auto& tickets = x.manage(server);
    unsigned asked = 0;
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto caller = x.finish(tickets.get_valid_ticket());
        REQUIRE(caller.failed_with(each.code));
        const auto why = caller.failure().value();
        CHECK(why.details.retryable == each.retryable);
        CHECK(why.details.phase == phase::ticket);
        CHECK(why.details.attempt == 1U);
        CHECK(why.details.http_status == std::stoi(each.bytes.substr(9)));
        CHECK(why.details.url ==
              "http://127.0.0.1:" + std::to_string(server.port()) + "/api/v1/tickets");
        CHECK(why.message.size() < 400);
        CHECK_FALSE(tickets.is_valid());
        CHECK(tickets.snapshot().failures == ++asked);
    }
    CHECK(server.connections() == rows.size());
    CHECK(server.problems().empty());
    CHECK(x.ends());
}

constexpr const char* later = R"("2999-01-01T00:00:00Z")";

std::string ok(std::string_view body) { return http_text("200 OK", body); }

} // namespace

TEST_CASE("ticket_manager: a success without a usable ticket is malformed",
          "[loopback][ticket_manager][A5]") {
    std::vector<row> rows;
    for (const char* ticket : {R"("")", "7", "null", "{}", R"(["T"])", "true", R"("\ud800")"})
        rows.push_back({ticket, ok(ticket_json(ticket, later)), errc::ticket_malformed});
    rows.push_back({"missing", ok(R"({"success":true,"expiresAt":)" + std::string(later) + "}"),
                    errc::ticket_malformed});
    rows.push_back({"no content", "HTTP/1.1 204 No Content\r\n\r\n", errc::ticket_malformed});
    check_rows(rows);
}

TEST_CASE("ticket_manager: an expiry that is not a date-time with a zone is malformed",
          "[loopback][ticket_manager][A6]") {
    std::vector<row> rows;
    for (const char* expires :
         {R"("")", "null", R"("1795374000")", "-1", R"("tomorrow")", R"("2026-02-30T00:00:00Z")",
          R"("2026-11-22")", R"("2026-11-22T19:00:00")", R"("99999-01-01T00:00:00Z")",
          R"("-2026-11-22T19:00:00Z")", R"("2026-11-22T19:00:00.Z")",
          R"("2026-11-22T19:00:00+25:00")", "{}", "true"})
        rows.push_back({expires, ok(ticket_json(R"("T")", expires)), errc::ticket_malformed});
    rows.push_back({"missing", ok(R"({"success":true,"ticket":"T"})"), errc::ticket_malformed});
    check_rows(rows);
}

TEST_CASE("ticket_manager: every valid spelling of an expiry is the exact instant",
          "[loopback][ticket_manager][A7]") {
    const wall_time noon{std::chrono::sys_days{std::chrono::year{2099} / 11 / 22} + 12h};
    struct spelling {
        const char* text;
        wall_time when;
        bool quoted = true;
    };
    const std::vector<spelling> spellings{
        {"2099-11-22T12:00:00Z", noon},
        {"2099-11-22t12:00:00z", noon},
        {"2099-11-22T12:00Z", noon},
        {"2099-11-22T12:00:00+02:00", noon - 2h},
        {"2099-11-22T12:00:00-0330", noon + 3h + 30min},
        {"2099-11-22T12:00:00.1Z", noon + 100ms},
        {"2099-11-22T12:00:00.123456789Z", noon + 123'456'789ns},
        {"2099-11-22T12:00:60Z", noon + 59'999ms},
        {"2099-11-22T24:00:00Z", noon + 12h},
        {"2099-11-22T24:00:00+02:00", noon + 10h},
        {"2099-11-22 12:00:00,25+00", noon + 250ms},
        {"20991122T120000Z", noon},
        {"Sun, 22 Nov 2099 12:00:00 GMT", noon},
        {"4099032000", noon, false},
        {"4099032000.25", noon + 250ms, false},
        {"4099032000000", noon, false},
    };
    std::vector<script> scripts;
    for (const auto& each : spellings) {
        const auto expires = each.quoted ? in_quotes(each.text) : std::string(each.text);
        scripts.push_back(answering(ok(ticket_json(R"("T")", expires))));
    }
    ticket_exchange x;
    raw_server server(std::move(scripts));
    auto& tickets = x.manage(server);
    for (const auto& each : spellings) {
        CAPTURE(each.text);
        CHECK(x.finish(tickets.refresh_ticket()).get().expires_at() == each.when);
        CHECK(tickets.expires_at() == each.when);
    }
    CHECK(x.ends());
}

TEST_CASE(
    "ticket_manager: the lifetime is measured by the answer's Date, or else by the local clock",
    "[loopback][ticket_manager][A8]") {
    struct clock_row {
        const char* date;
        std::chrono::seconds lifetime;
    };
    const std::vector<clock_row> rows{
        {"", 600s}, // by ours
        {"Date: garbage\r\n", 600s},
        {"Date: 2026-11-22T12:00:00Z\r\n", 600s},
        {"Date: Sun, 22 Nov 2026 12:05:00 GMT\r\n", 300s}, // theirs is ahead
        {"Date: Sunday, 22-Nov-26 11:50:00 GMT\r\n", 1'200s},
        {"Date: Sun Nov 22 12:09:00 2026\r\n", 60s},
    };
    ticket_exchange x;
    x.clock->set_wall(wall_time(std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 12h));
    const auto body = ticket_json(R"("T")", R"("2026-11-22T12:10:00Z")");
    std::vector<script> scripts;
    for (const auto& each : rows)
        scripts.push_back(answering(http_text("200 OK", body, each.date)));
    raw_server server(std::move(scripts));
    auto& tickets = x.manage(server);
    for (const auto& each : rows) {
        CAPTURE(each.date);
        x.finish(tickets.refresh_ticket());
        CHECK(tickets.expires_in() == each.lifetime);
        CHECK(tickets.snapshot().lifetime == each.lifetime);
    }
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: a success that reports a failure is a rejection, with its text fit for "
          "one line",
          "[loopback][ticket_manager][A10]") {
    ticket_exchange x;
    raw_server server({
        answering(ok(R"({"success":false,"error":"no\r\nseats \u0007 left","code":"FULL"})")),
        answering(ok(R"({"success":false,"error":")" + std::string(60'000, 'w') + R"("})")),
        answering(ok(R"({"success":false,"error":"not SENTINEL-TOKEN-7f3a","code":"X"})")),
        answering(ok(R"({"success":false})")),
    });
    auto& tickets = x.manage(server);
    const auto refused = [&] {
        const auto caller = x.finish(tickets.get_valid_ticket());
        REQUIRE(caller.failed_with(errc::ticket_refused));
        CHECK_FALSE(caller.failure()->details.retryable);
        return caller.failure().value();
    };
    const auto full = refused();
    CHECK(full.details.server_code == "FULL");
    CHECK(full.details.server_text == "no\\r\\nseats \\x07 left");
    CHECK(full.message.find('\n') == std::string::npos);
    CHECK(refused().message.size() < 300);
    const auto echoed = refused();
    CHECK(echoed.details.server_text == "not ***");
    CHECK(refused().details.server_text.empty());
    CHECK(x.log.text().find("SENTINEL") == std::string::npos);
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: 401 and 403 are authentication errors, and are not retried",
          "[loopback][ticket_manager][A11]") {
    const std::string status = GENERATE(as<std::string>(), "401 Unauthorized", "403 Forbidden");
    ticket_exchange x;
    x.config.max_retries = 3;
    raw_server server(answering(http_text(status, R"({"error":"who?","code":"NO"})",
                                          "Retry-After: 1\r\nWWW-Authenticate: Basic\r\n")));
    auto& tickets = x.manage(server);
    const auto caller = x.finish(tickets.get_valid_ticket());
    CHECK_THROWS_AS(caller.get(), authentication_error);
    const auto why = caller.failure().value();
    CHECK(why.is(errc::authentication_failed));
    CHECK_FALSE(why.details.retryable);
    CHECK(why.details.http_status == std::stoi(status));
    CHECK(why.details.attempt == 1U);
    CHECK(why.details.server_code == "NO");
    CHECK(server.connections() == 1);
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: each unsuccessful status has its error code",
          "[loopback][ticket_manager][A12]") {
    std::vector<row> rows;
    for (const char* status : {"408 Request Timeout", "425 Too Early", "429 Too Many Requests",
                               "500 Oops", "502 Bad Gateway", "503 Service Unavailable",
                               "504 Gateway Timeout", "511 Captive", "520 Unknown", "599 Odd"})
        rows.push_back({status, http_text(status, "<html>"), errc::ticket_http_status, true});
    for (const char* status :
         {"400 Bad Request", "404 Not Found", "405 Method", "409 Conflict", "410 Gone",
          "413 Too Large", "418 Teapot", "426 Upgrade", "501 Not Implemented", "505 Version"})
        rows.push_back({status, http_text(status, "<html>"), errc::ticket_http_status});
    check_rows(rows);
}

TEST_CASE("ticket_manager: retryable failures are retried after the backoff",
          "[loopback][ticket_manager][A12]") {
    ticket_exchange x;
    x.config.max_retries = 3;
    raw_server server({answering(http_text("503 Busy", "")), answering(http_text("429 Slow", "")),
                       answering(good_answer(*x.clock))});
    auto& tickets = x.manage(server);
    auto caller = start(x.io, tickets.get_valid_ticket());
    unsigned failed = 0;
    for (const auto pause : {250ms, 500ms}) { // half of the bounds
        ++failed;
        REQUIRE(x.until([&] { return x.log.count(log_level::warning, "failed") == failed; }));
        CHECK(x.clock->next_deadline() == x.clock->now() + pause);
        x.clock->advance(pause);
    }
    REQUIRE(x.until([&caller] { return caller.done(); }));
    CHECK(value_of(caller) == "SENTINEL-TICKET");
    CHECK(server.connections() == 3);
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: Retry-After is a lower bound, capped, or ignored when unreadable",
          "[loopback][ticket_manager][A13]") {
    struct wish {
        std::string value;
        std::chrono::milliseconds pause;
    };
    const auto one = GENERATE(values<wish>({
        {"120", 120s},
        {"0", 250ms},
        {"1000000000", 300s},
        {"99999999999999999999999", 300s},
        {"4.0", 4s},
        {"0.5", 1s},
        {"Sun, 22 Nov 2026 12:01:30 GMT", 90s},
        {"Sun, 22 Nov 2026 18:00:00 GMT", 300s},
        {"Sun, 22 Nov 2026 11:00:00 GMT", 250ms},
        {"-5", 250ms},
        {"1e9", 250ms},
        {"abc", 250ms},
        {"", 250ms},
    }));
    CAPTURE(one.value);
    ticket_exchange x;
    x.config.max_retries = 1;
    x.clock->step_wall(7h); // the date is by the server's clock, not by ours
    raw_server server({answering(http_text("503 Busy", "",
                                           "Date: Sun, 22 Nov 2026 12:00:00 GMT\r\nRetry-After: " +
                                               one.value + "\r\n")),
                       answering(good_answer(*x.clock))});
    auto& tickets = x.manage(server);
    auto caller = start(x.io, tickets.get_valid_ticket());
    REQUIRE(x.until([&] { return x.log.count(log_level::warning, "attempt 1 failed") == 1; }));
    CHECK(x.clock->next_deadline() == x.clock->now() + one.pause);
    x.clock->advance(one.pause);
    REQUIRE(x.until([&caller] { return caller.done(); }));
    CHECK(value_of(caller) == "SENTINEL-TICKET");
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: a body that is not one JSON object is malformed, and of two keys the "
          "first counts",
          "[loopback][ticket_manager][A15]") {
    const auto good = ticket_json(R"("T")", later);
    check_rows({
        {"HTML", ok("<html><body>Welcome</body></html>"), errc::ticket_malformed},
        {"nothing", ok(""), errc::ticket_malformed},
        {"truncated", ok(good.substr(0, good.size() - 1)), errc::ticket_malformed},
        {"trailing garbage", ok(good + "x"), errc::ticket_malformed},
        {"a byte order mark", ok("\xEF\xBB\xBF" + good), errc::ticket_malformed},
        {"two documents", ok(good + good), errc::ticket_malformed},
        {"an array", ok("[" + good + "]"), errc::ticket_malformed},
        {"UTF-16", ok(std::string("{\0}\0", 4)), errc::ticket_malformed},
        {"deep", ok(R"({"x":)" + std::string(20'000, '[')), errc::ticket_malformed},
    });
    ticket_exchange x;
    raw_server server(
        answering(ok(R"({"ticket":"one","ticket":"two","expiresAt":)" + std::string(later) + "}")));
    CHECK(value_of(x.finish(x.manage(server).get_valid_ticket())) == "one");
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: an encoded body is malformed, since none was requested",
          "[loopback][ticket_manager][A19]") {
    const auto good = ticket_json(R"("T")", later);
    const std::string coding =
        GENERATE(as<std::string>(), "gzip", "br", "deflate", "zstd", "utf-8, compress");
    ticket_exchange x;
    raw_server server(answering(http_text("200 OK", good, "Content-Encoding: " + coding + "\r\n")));
    const auto caller = x.finish(x.manage(server).get_valid_ticket());
    CHECK(caller.failed_with(errc::ticket_malformed));
    CHECK_FALSE(caller.failure()->details.retryable);
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: a ticket longer than 8 KiB is rejected, one of 8 KiB is not",
          "[loopback][ticket_manager][A21]") {
    const auto sized = [](std::size_t size) {
        return ok(ticket_json(in_quotes(std::string(size, 't')), later));
    };
    ticket_exchange x;
    raw_server server(
        {answering(sized(8 * 1024)), answering(sized(8 * 1024 + 1)), answering(sized(1'000'000))});
    auto& tickets = x.manage(server);
    CHECK(x.finish(tickets.get_valid_ticket()).get().value().size() == 8 * 1024);
    CHECK(x.finish(tickets.refresh_ticket()).failed_with(errc::ticket_too_long));
    CHECK(x.finish(tickets.refresh_ticket()).failed_with(errc::ticket_malformed)); // 64 KiB of body
    CHECK(tickets.is_valid());
    CHECK(x.ends());
}

TEST_CASE("ticket_manager: the request matches the protocol, byte for byte",
          "[loopback][ticket_manager][A23][A24]") {
    struct identity_row {
        const char* name;
        auth_data auth;
        std::string headers;
        std::string fields;
    };
    auth_data everything = ticket_world::identity();
    everything.entity_id = "e";
    everything.entity_type = "t";
    everything.provider_res_id = "p";
    everything.user_id = "u";
    auth_data awkward;
    awkward.entity_id = "q\" b\\ \n\x01 \xc3\xbc";
    awkward.user_id = "";
    const std::string secrets =
        "x-oddle-mp-auth-token: SENTINEL-TOKEN-7f3a\r\nx-oddle-chat-server-key: "
        "SENTINEL-KEY-91cc\r\n";
    const std::vector<identity_row> rows{
        {"nothing", {}, "", ""},
        {"everything", everything, secrets,
         R"("entityId":"e","entityType":"t","providerResId":"p","userId":"u",)"},
        {"what must be escaped", awkward, "",
         "\"entityId\":\"q\\\" b\\\\ \\n\\u0001 \xc3\xbc\",\"userId\":\"\","},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        std::string said;
        ticket_exchange x;
        raw_server server([&](raw_peer& peer) {
            said = read_request(peer);
            peer.send(good_answer(*x.clock));
            peer.hold();
        });
        x.auth = each.auth;
        const auto port = std::to_string(server.port());
        const auto agent = "parley/" + std::string(version);
        x.finish(x.manage("ws://127.0.0.1:" + port + "/base/ws?x=1").get_valid_ticket());
        const std::string body = "{" + each.fields + R"("clientInfo":{"userAgent":")" + agent +
                                 R"(","timestamp":")" + format_iso8601(x.clock->wall_now()) +
                                 R"("}})";
        CHECK(said == "POST /base/api/v1/tickets HTTP/1.1\r\nHost: 127.0.0.1:" + port +
                          "\r\nContent-Type: application/json\r\n" + each.headers +
                          "User-Agent: " + agent + "\r\nConnection: close\r\nContent-Length: " +
                          std::to_string(body.size()) + "\r\n\r\n" + body);
        CHECK(x.ends());
        CHECK(server.problems().empty());
    }
}

TEST_CASE("ticket_manager: an identity that no request can carry is rejected before any request",
          "[loopback][ticket_manager][A22][A24]") {
    raw_server server([](raw_peer& peer) { peer.hold(); });
    const auto refuse = [&server](const auto& spoil, errc code, std::string_view field) {
        ticket_exchange x;
        spoil(x);
        try {
            x.manage(server);
            FAIL("nothing was thrown");
        } catch (const client_error& error) {
            CHECK(error.info().is(code));
            CHECK(error.message().find(field) != std::string::npos);
            CHECK(std::string(error.what()).find("SENTINEL") == std::string::npos);
            CHECK(error.details().to_string().find("SENTINEL") == std::string::npos);
        }
    };
    for (const std::string& bad : {std::string("SENTINEL\r\nEvil: 1"), std::string("SENTINEL\0", 9),
                                   std::string("SENTINEL\n"), std::string("SENTINEL\x7f"),
                                   std::string("SENTINEL\x1f"), std::string("SENTINEL\xc3\xbc")}) {
        CAPTURE(bad);
        refuse([&](auto& x) { x.auth.user_mp_auth_token = secret(bad); }, errc::invalid_header,
               "user_mp_auth_token");
        refuse([&](auto& x) { x.auth.chat_server_key = secret(bad); }, errc::invalid_header,
               "chat_server_key");
        refuse([&](auto& x) { x.options.connection.user_agent = bad; }, errc::invalid_header,
               "User-Agent");
        refuse([&](auto& x) { x.options.connection.headers.push_back({"X-Own", bad}); },
               errc::invalid_header, "X-Own");
    }
    refuse([](auto& x) { x.auth.entity_id = "SENTINEL\xff"; }, errc::invalid_utf8, "entity_id");
    refuse([](auto& x) { x.auth.entity_type = "\xc0\x80 SENTINEL"; }, errc::invalid_utf8,
           "entity_type");
    refuse([](auto& x) { x.auth.user_id = "SENTINEL\xed\xa0\x80"; }, errc::invalid_utf8, "user_id");
    refuse([](auto& x) { x.auth.provider_res_id = "\xf5SENTINEL"; }, errc::invalid_utf8,
           "provider_res_id");
    CHECK(server.connections() == 0);
}

} // namespace ticket_exchange_test
