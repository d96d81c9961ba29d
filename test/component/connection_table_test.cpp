// What each end of an attempt or a session leads to (doc/protocol.md 3.1), and how a user changes
// that.

#include "support/catch.hpp"
#include "support/connection_case.hpp"

#include <stdexcept>

namespace connection_table_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using events = std::vector<std::string>;

namespace {

struct status_row {
    int status;
    bool foreign;
};

// doc/protocol.md 1.7 and 1.8, the table of what is worth a retry, and what is tried again slowly
// after a ready session; 401 and 403 are rejections.
const auto statuses = {status_row{200, true},  status_row{301, true},  status_row{302, true},
                       status_row{303, true},  status_row{307, true},  status_row{308, true},
                       status_row{400, true},  status_row{404, true},  status_row{408, false},
                       status_row{425, false}, status_row{426, true},  status_row{429, false},
                       status_row{500, false}, status_row{501, true},  status_row{502, false},
                       status_row{503, false}, status_row{504, false}, status_row{505, true}};

using classifier = std::optional<close_action> (*)(const error_info&, bool);

connection_config classified_by(classifier choose) {
    connection_config config;
    config.reconnect.classify = choose;
    return config;
}

} // namespace

TEST_CASE("connection: during init each status of the upgrade but a rejection is thrown at once",
          "[component][connection][B32]") {
    for (const auto& each : statuses) {
        CAPTURE(each.status);
        connection_case test;
        test.transports->expect_connect().refuse_status(each.status);

        const auto opening = test.begin_open();

        REQUIRE(opening.failed_with(errc::upgrade_failed));
        CHECK(opening.failure()->details.http_status == each.status);
        CHECK(opening.failure()->details.phase == phase::upgrade);
        test.pass(10min);
        CHECK(test.transports->made() == 1);
    }
}

TEST_CASE("connection: during a reconnect each status of the upgrade has the reaction of the table",
          "[component][connection][B32]") {
    for (const auto& each : statuses) {
        CAPTURE(each.status);
        connection_case test;
        auto& first = test.transports->expect_connect();
        test.transports->expect_connect().refuse_status(each.status);
        test.transports->expect_connect();
        test.open();

        first.fail_read(errc::connection_reset);
        test.pass(250ms);
        CHECK(test.layer->events == events{"lost(reset)", "reconnecting(1)", "reconnecting(2)"});
        test.pass(500ms);
        CHECK(test.socket->ready() != each.foreign);
        test.pass(2s);

        CHECK(test.layer->events ==
              events{"lost(reset)", "reconnecting(1)", "reconnecting(2)", "restored"});
    }
}

TEST_CASE("connection: every other end of a ready session has the reaction of the table",
          "[component][connection][I91]") {
    struct row {
        errc why;
        const char* lost;
        bool comes_back;
    };
    const auto each = GENERATE(row{errc::connection_reset, "lost(reset)", true},
                               row{errc::connection_silent, "lost(silent)", true},
                               row{errc::connection_closed, "lost(closed)", true}, // without a code
                               row{errc::protocol_violation, "lost(protocol)", true},
                               row{errc::message_too_large, "lost(protocol)", true},
                               row{errc::message_timeout, "lost(protocol)", true},
                               row{errc::ticket_rejected, "lost(rejected)", true},
                               row{errc::session_refused, "lost(rejected, final)", false});
    connection_case test;
    auto& first = test.transports->expect_connect();
    if (each.comes_back) test.transports->expect_connect();
    test.open();

    first.fail_read(each.why);
    test.pass(1s);

    CHECK(test.layer->events.front() == each.lost);
    CHECK(test.socket->ready() == each.comes_back);
    CHECK(test.layer->fresh_asked.back() == (each.why == errc::ticket_rejected));
}

TEST_CASE("connection: the user's classifier takes precedence over the table",
          "[component][connection][I91]") {
    SECTION("it continues where the table ends") {
        connection_case test(classified_by([](const error_info& why, bool was_ready) {
            CHECK(was_ready);
            CHECK(why.details.close_code == 1000u);
            return std::optional(close_action::retry);
        }));
        test.transports->expect_connect().close(1000);
        test.transports->expect_connect();
        test.open();
        test.pass(1s);
        CHECK(test.layer->events == events{"lost(closed)", "reconnecting(1)", "restored"});
        CHECK_FALSE(test.layer->fresh_asked.back());
    }
    SECTION("it ends where the table retries") {
        connection_case test(classified_by([](const error_info& why, bool) {
            return why.details.close_code == 4000u ? std::optional(close_action::finish)
                                                   : std::nullopt;
        }));
        test.transports->expect_connect().close(1001); // left to the table
        test.transports->expect_connect().close(4000);
        test.open();
        test.pass(10s);
        CHECK(test.layer->events == events{"lost(closed)", "reconnecting(1)", "restored",
                                           "lost(closed, final)", "failed(connection_closed)"});
    }
    SECTION("it asks for a fresh ticket for a code of the server") {
        connection_case test(classified_by([](const error_info& why, bool) {
            return why.details.close_code == 4444u ? std::optional(close_action::refresh_and_retry)
                                                   : std::nullopt;
        }));
        test.transports->expect_connect().close(4444);
        test.transports->expect_connect();
        test.open();
        test.pass(1s);
        CHECK(test.socket->ready());
        CHECK(test.layer->fresh_asked.back());
    }
    SECTION("its rejections are counted like the table's") {
        connection_case test(classified_by([](const error_info& why, bool) {
            return why.details.http_status == 404 ? std::optional(close_action::refresh_and_retry)
                                                  : std::nullopt;
        }));
        test.transports->otherwise([](auto& each) { each.refuse_status(404); });
        const auto opening = test.begin_open();
        CHECK(opening.failed_with(errc::ticket_rejected));
        CHECK(test.transports->made() == 2);
    }
    SECTION("its exception is logged, and the table decides") {
        connection_case test(
            classified_by([](const error_info&, bool) -> std::optional<close_action> {
                throw std::runtime_error("classifier trouble");
            }));
        test.transports->expect_connect().close(1001);
        test.transports->expect_connect();
        test.open();
        test.pass(1s);
        CHECK(test.socket->ready());
        CHECK(test.log.text().find("classifier trouble") != std::string::npos);
    }
}

TEST_CASE("connection: max_elapsed limits the whole reconnecting, and is reported to each waiter",
          "[component][connection][I95]") {
    connection_config config;
    config.reconnect.max_elapsed = 20s;
    connection_case test(config);
    test.environment->seed_jitter(7);
    test.transports->expect_connect().fail_read(errc::connection_reset);
    test.transports->otherwise([](auto& each) { each.refuse(errc::connect_failed); });
    test.open();
    const auto sending = test.begin_send("a", 1h);
    const auto again = start(test.executor, test.socket->open(test.now() + 1h));

    test.pass(20s);

    CHECK(test.layer->events.back() == "failed(reconnect_exhausted)");
    CHECK(sending.failed_with(errc::not_sent));
    CHECK(again.failed_with(errc::reconnect_exhausted));
    const auto told = test.layer->events.size();
    test.pass(1h);
    CHECK(test.layer->events.size() == told);
    test.transports->otherwise([](auto&) {});
    test.open();
    CHECK(test.socket->ready());
}

TEST_CASE("connection: the status has attempt, error, next try, phase and queue sizes",
          "[component][connection][I94]") {
    connection_case test;
    auto& first = test.transports->expect_connect();
    test.transports->expect_connect().refuse_in(phase::tls, errc::session_refused);
    test.open();
    first.reply("four");
    poll(test.io);
    const auto ready = test.socket->status();
    CHECK(ready.state == websocket_state::ready);
    CHECK(ready.phase == phase::ready);
    CHECK(ready.attempt == 0);
    CHECK_FALSE(ready.last_error);
    CHECK_FALSE(ready.retry_at);
    CHECK(ready.messages_received == 1);
    CHECK(ready.bytes_received >= 4);
    test.begin_send("seven77").get();
    CHECK(test.socket->status().messages_sent == 1);
    CHECK(test.socket->status().bytes_sent == 7);

    first.close(1013);
    poll(test.io);
    const auto sending = test.begin_send("queued");
    const auto waiting = test.socket->status();
    CHECK(waiting.state == websocket_state::waiting);
    CHECK(waiting.attempt == 1);
    REQUIRE(waiting.last_error);
    CHECK(waiting.last_error->details.close_code == 1013u);
    CHECK(error_kind(*waiting.last_error) == "CONNECTION_ERROR");
    CHECK(waiting.retry_at == test.now() + 250ms);
    CHECK(waiting.queued_bytes == 6);
    test.pass(250ms);

    const auto failed = test.socket->status();
    CHECK(failed.state == websocket_state::failed);
    REQUIRE(failed.last_error);
    CHECK(failed.last_error->is(errc::session_refused));
    CHECK_FALSE(failed.retry_at);
    CHECK(failed.queued_bytes == 0);
    CHECK(sending.failed_with(errc::not_sent));
}

} // namespace connection_table_test
