#include "core/http_status.hpp"
#include "policy/close_policy.hpp"
#include "support/catch.hpp"

namespace close_policy_test {

using namespace parley;
using enum reaction;

namespace {

close_verdict classify(const error_info& why, bool was_ready) {
    return classify_close(why, was_ready, reconnect_config::normal_close::finish);
}

error_info closed(std::optional<unsigned> code) {
    error_details details;
    details.close_code = code;
    return error_info(errc::connection_closed, "closed", details);
}

error_info status(errc code, int of) {
    error_details details;
    details.http_status = of;
    return error_info(code, "refused", details);
}

error_info said(errc code, bool retryable) {
    error_details details;
    details.retryable = retryable;
    return error_info(code, "failed", details);
}

} // namespace

TEST_CASE("close_policy: each close code on a ready session has the reaction of the table",
          "[unit][close_policy][I91]") {
    struct row {
        unsigned code;
        reaction what;
        loss_reason reason;
    };
    const auto each = GENERATE(
        row{1000, end, loss_reason::closed}, row{1001, retry, loss_reason::closed},
        row{1002, protocol_disagreement, loss_reason::protocol},
        row{1003, protocol_disagreement, loss_reason::protocol},
        row{1005, retry, loss_reason::closed}, row{1006, retry, loss_reason::closed},
        row{1007, protocol_disagreement, loss_reason::protocol},
        row{1008, refresh_and_retry, loss_reason::rejected},
        row{1009, protocol_disagreement, loss_reason::protocol},
        row{1010, protocol_disagreement, loss_reason::protocol},
        row{1011, retry, loss_reason::closed}, row{1012, retry, loss_reason::closed},
        row{1013, retry, loss_reason::closed}, row{1014, retry, loss_reason::closed},
        row{1015, retry, loss_reason::closed}, row{2999, retry, loss_reason::closed},
        row{3000, retry, loss_reason::closed}, row{3999, retry, loss_reason::closed},
        row{4000, retry, loss_reason::closed}, row{4400, retry, loss_reason::closed},
        row{4401, refresh_and_retry, loss_reason::rejected}, row{4402, retry, loss_reason::closed},
        row{4403, refresh_and_retry, loss_reason::rejected}, row{4999, retry, loss_reason::closed});

    CHECK(classify(closed(each.code), true) == close_verdict{each.what, each.reason});
}

TEST_CASE("close_policy: a close without a code leads to a reconnect",
          "[unit][close_policy][I91]") {
    CHECK(classify(closed(std::nullopt), true) == close_verdict{retry, loss_reason::closed});
}

TEST_CASE("close_policy: before the session is ready 1008, 4401 and 4403 are rejections",
          "[unit][close_policy][I91]") {
    for (const unsigned code : {1008u, 4401u, 4403u})
        CHECK(classify(closed(code), false).what == rejection);
    for (const unsigned code : {1001u, 1006u, 1011u, 4400u})
        CHECK(classify(closed(code), false).what == retry);
    CHECK(classify(closed(1002), false).what == protocol_disagreement);
}

TEST_CASE("close_policy: a close with 1000 before the session is ready is a failed attempt",
          "[unit][close_policy][I91]") {
    const auto on_normal_close =
        GENERATE(reconnect_config::normal_close::finish, reconnect_config::normal_close::reconnect);

    CHECK(classify_close(closed(1000), false, on_normal_close) ==
          close_verdict{retry, loss_reason::closed});
}

TEST_CASE("close_policy: on_normal_close makes 1000 an ordinary loss", "[unit][close_policy]") {
    const auto verdict =
        classify_close(closed(1000), true, reconnect_config::normal_close::reconnect);

    CHECK(verdict == close_verdict{retry, loss_reason::closed});
}

TEST_CASE("close_policy: each status of the upgrade has the reaction of the table",
          "[unit][close_policy][B32]") {
    struct row {
        int status;
        reaction what;
    };
    const auto each = GENERATE(
        row{200, gateway_verdict}, row{301, gateway_verdict}, row{302, gateway_verdict},
        row{307, gateway_verdict}, row{400, gateway_verdict}, row{401, gateway_rejection},
        row{403, gateway_rejection}, row{404, gateway_verdict}, row{408, retry},
        row{410, gateway_verdict}, row{425, retry}, row{426, gateway_verdict}, row{429, retry},
        row{500, retry}, row{501, gateway_verdict}, row{502, retry}, row{503, retry},
        row{504, retry}, row{505, gateway_verdict}, row{511, retry}, row{520, retry});

    CHECK(classify(status(errc::upgrade_failed, each.status), false).what == each.what);
}

TEST_CASE("close_policy: one table says whether a status is retryable",
          "[unit][close_policy][O138]") {
    for (int status_of = 100; status_of < 600; ++status_of) {
        INFO(status_of);
        const auto by_table = retryable_status(status_of) ? retry : gateway_verdict;
        CHECK(classify(status(errc::proxy_failed, status_of), false).what == by_table);
        if (status_of == 401 || status_of == 403) continue; // of the upgrade a rejection
        CHECK(classify(status(errc::upgrade_failed, status_of), false).what == by_table);
    }
}

TEST_CASE("close_policy: a status of the proxy says nothing about the ticket",
          "[unit][close_policy]") {
    CHECK(classify(status(errc::proxy_failed, 401), false).what == gateway_verdict);
    CHECK(classify(status(errc::proxy_failed, 403), false).what == gateway_verdict);
    CHECK(classify(status(errc::proxy_failed, 407), false).what == gateway_verdict);
    CHECK(classify(status(errc::proxy_failed, 502), false).what == retry);
    CHECK(classify(said(errc::proxy_failed, true), false).what == retry);
}

TEST_CASE("close_policy: network failures are retryable, whatever their details",
          "[unit][close_policy]") {
    const auto code = GENERATE(errc::resolve_failed, errc::resolve_timeout, errc::connect_failed,
                               errc::connect_timeout, errc::tls_timeout, errc::upgrade_timeout,
                               errc::session_timeout, errc::connection_reset);

    CHECK(classify(said(code, false), false) == close_verdict{retry, loss_reason::reset});
}

TEST_CASE("close_policy: a TLS failure may be caused by an intermediary",
          "[unit][close_policy][O139]") {
    CHECK(classify(said(errc::tls_failed, true), false).what == retry);
    CHECK(classify(said(errc::tls_failed, false), false).what == gateway_verdict);
    CHECK(classify(said(errc::certificate_rejected, true), false).what == gateway_verdict);
    CHECK(classify(said(errc::ticket_certificate, false), false).what == gateway_verdict);
}

TEST_CASE("close_policy: a silent peer leads to a reconnect", "[unit][close_policy]") {
    CHECK(classify(said(errc::connection_silent, true), true) ==
          close_verdict{retry, loss_reason::silent});
}

TEST_CASE("close_policy: a peer that breaks the protocol is a disagreement",
          "[unit][close_policy]") {
    const auto code = GENERATE(errc::protocol_violation, errc::handshake_violation,
                               errc::message_too_large, errc::message_timeout);

    CHECK(classify(said(code, true), true) ==
          close_verdict{protocol_disagreement, loss_reason::protocol});
}

TEST_CASE("close_policy: each verdict of the layer above has its reaction",
          "[unit][close_policy]") {
    CHECK(classify(said(errc::ticket_rejected, false), false).what == rejection);
    CHECK(classify(said(errc::ticket_rejected, false), true) ==
          close_verdict{refresh_and_retry, loss_reason::rejected});
    CHECK(classify(said(errc::session_refused, true), false).what == end);
    CHECK(classify(said(errc::session_refused, true), true) ==
          close_verdict{end, loss_reason::rejected});
    CHECK(classify(said(errc::tools_not_acknowledged, false), false).what == retry);
    CHECK(classify(said(errc::tools_refused, false), false).what == retry);
}

TEST_CASE("close_policy: a failed ticket request is retried when its error says so",
          "[unit][close_policy]") {
    CHECK(classify(said(errc::ticket_request_failed, true), false).what == retry);
    CHECK(classify(said(errc::ticket_source_failed, false), false).what == end);
    CHECK(classify(said(errc::empty_ticket, false), false).what == end);
}

TEST_CASE("close_policy: only rejected credentials end the ticket requests",
          "[unit][close_policy][O139]") {
    const auto code =
        GENERATE(errc::ticket_http_status, errc::ticket_refused, errc::ticket_malformed,
                 errc::ticket_too_long, errc::ticket_redirected);

    CHECK(classify(said(code, false), false).what == gateway_verdict);
    CHECK(classify(said(code, true), false).what == retry);
}

TEST_CASE("close_policy: rejected credentials are final only in the protocol's format",
          "[unit][close_policy][O139]") {
    for (const int of : {401, 403}) {
        auto refused = status(errc::authentication_failed, of);
        CHECK(classify(refused, false).what == gateway_verdict);
        refused.details.from_server = true;
        CHECK(classify(refused, false).what == end);
    }
    // A source of the user's knows no status.
    CHECK(classify(said(errc::authentication_failed, true), false).what == end);
}

TEST_CASE("close_policy: an idle timeout has no close code, or a neutral one",
          "[unit][close_policy][O146]") {
    for (const unsigned code : {1000u, 1001u, 1005u, 1006u})
        CHECK(may_be_idle_timeout(closed(code)));
    for (const unsigned code : {1002u, 1008u, 1009u, 1011u, 1012u, 1013u, 1014u, 3000u, 4000u})
        CHECK_FALSE(may_be_idle_timeout(closed(code)));
    CHECK(may_be_idle_timeout(closed(std::nullopt)));
    CHECK(may_be_idle_timeout(said(errc::connection_reset, true)));
    CHECK(may_be_idle_timeout(said(errc::connection_silent, true)));
    CHECK_FALSE(may_be_idle_timeout(said(errc::protocol_violation, true)));
    CHECK_FALSE(may_be_idle_timeout(said(errc::ticket_rejected, true)));
}

TEST_CASE("close_policy: the user may override each reaction of the table",
          "[unit][close_policy]") {
    struct row {
        close_action chosen;
        bool was_ready;
        reaction by_table;
        reaction what;
    };
    const auto each =
        GENERATE(row{close_action::finish, true, retry, end},
                 row{close_action::finish, true, refresh_and_retry, end},
                 row{close_action::finish, false, rejection, end},
                 row{close_action::finish, false, protocol_disagreement, end},
                 row{close_action::retry, true, end, retry},
                 row{close_action::retry, true, refresh_and_retry, retry},
                 row{close_action::retry, false, gateway_verdict, retry},
                 row{close_action::finish, false, gateway_verdict, end},
                 row{close_action::retry, false, gateway_rejection, retry},
                 row{close_action::retry, false, rejection, retry},
                 row{close_action::retry, true, protocol_disagreement, protocol_disagreement},
                 row{close_action::refresh_and_retry, true, retry, refresh_and_retry},
                 row{close_action::refresh_and_retry, true, end, refresh_and_retry},
                 row{close_action::refresh_and_retry, false, end, rejection});
    const close_verdict by_table{each.by_table, loss_reason::closed};

    CHECK(override_close(by_table, each.chosen, each.was_ready) ==
          close_verdict{each.what, loss_reason::closed});
}

} // namespace close_policy_test
