#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/ticket_world.hpp"

#include <string>

namespace ticket_validation_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* yes = R"({"valid":true})";
constexpr const char* no =
    R"({"valid":false,"error":"gone","code":"TICKET_REVOKED","retryable":false,)"
    R"("details":{"revoked":true,"reason":"logout"}})";

/// A manager over HTTP that holds the ticket SENTINEL-1.
struct validating : ticket_world {
    explicit validating(std::chrono::seconds lifetime = 1h) {
        auto& managed = manage_http();
        http->answer_ticket("SENTINEL-1", lifetime);
        run(io, managed.get_valid_ticket());
    }
};

} // namespace

TEST_CASE("validation: asks the server about the held ticket", "[component][validation]") {
    validating w;
    w.http->answer(200, yes);
    CHECK(run(w.io, w.tickets->validate_with_server()).valid);
    CHECK(w.tickets->is_valid());
    const auto request = w.http->requests().back();
    CHECK(request->method == http_method::post);
    CHECK(request->target == "/api/v1/tickets/validate");
    CHECK(request->body == R"({"ticket":"SENTINEL-1"})");
    CHECK(header_of(*request, "x-oddle-mp-auth-token") == secret_token);
    CHECK(request->deadline == w.clock->now() + 10s);
    CHECK(w.ends());
}

TEST_CASE("validation: an invalid ticket is dropped", "[component][validation][A29]") {
    validating w;
    w.http->answer(200, no);
    const auto said = run(w.io, w.tickets->validate_with_server());
    CHECK_FALSE(said.valid);
    CHECK(said.error == "gone");
    CHECK(said.code == "TICKET_REVOKED");
    CHECK(said.revoked);
    CHECK_FALSE(said.expired);
    CHECK(said.reason == "logout");
    CHECK_FALSE(w.tickets->is_valid());
    CHECK(w.start(w.tickets->validate_with_server()).failed_with(errc::ticket_absent));
    CHECK(w.ends());
}

TEST_CASE("validation: a failed request says nothing about the ticket",
          "[component][validation][A29]") {
    validating w;
    SECTION("of the server") {
        w.http->answer(503);
        auto caller = w.start(w.tickets->validate_with_server());
        CHECK(caller.failed_with(errc::ticket_http_status));
        CHECK_THROWS_AS(caller.get(), ticket_error);
    }
    SECTION("of the network") {
        w.http->fail(error_info(errc::connection_reset, "Reset."));
        CHECK(w.start(w.tickets->validate_with_server()).failed_with(errc::ticket_request_failed));
    }
    SECTION("a timeout") {
        w.http->hang();
        auto caller = w.start(w.tickets->validate_with_server());
        w.pass(10s);
        CHECK(caller.failed_with(errc::ticket_timeout));
    }
    SECTION("a local one") {
        w.http->answer(401);
        CHECK_THROWS_AS(run(w.io, w.tickets->validate_with_server()), authentication_error);
    }
    CHECK(w.tickets->is_valid());
    // Nor is it remembered, nor was it tried again.
    CHECK(w.http->count() == 2);
    w.http->answer(200, yes);
    CHECK(run(w.io, w.tickets->validate_with_server()).valid);
    CHECK(w.ends());
}

TEST_CASE("validation: a definitive answer is cached for 30 s, whatever the wall clock says",
          "[component][validation][A29]") {
    validating w;
    w.http->answer(200, yes);
    run(w.io, w.tickets->validate_with_server());
    w.clock->step_wall(-1h);
    w.pass(29'999ms);
    CHECK(run(w.io, w.tickets->validate_with_server()).valid);
    CHECK(w.http->count() == 2);
    w.pass(1ms);
    w.http->answer(200, no);
    CHECK_FALSE(run(w.io, w.tickets->validate_with_server()).valid);
    CHECK(w.ends());
}

TEST_CASE("validation: a ticket that was rejected and returns is rejected again",
          "[component][validation]") {
    validating w;
    w.http->answer(200, no);
    run(w.io, w.tickets->validate_with_server());
    w.http->answer_ticket("SENTINEL-1", 1h);
    run(w.io, w.tickets->get_valid_ticket());
    CHECK_FALSE(run(w.io, w.tickets->validate_with_server()).valid);
    CHECK(w.http->count() == 3);
    CHECK_FALSE(w.tickets->is_valid());
    CHECK(w.ends());
}

TEST_CASE("validation: concurrent callers share one request, and leave independently",
          "[component][validation]") {
    validating w;
    w.http->hang();
    auto one = w.start(w.tickets->validate_with_server());
    auto other = w.start(w.tickets->validate_with_server());
    auto third = w.start(w.tickets->validate_with_server());
    CHECK(w.http->count() == 2);
    one.cancel();
    w.poll();
    CHECK(one.aborted());
    CHECK(w.http->cancelled() == 0);
    w.pass(10s);
    CHECK(other.failed_with(errc::ticket_timeout));
    CHECK(third.failed_with(errc::ticket_timeout));
    CHECK(w.ends());
}

TEST_CASE("validation: without a ticket there is no request", "[component][validation]") {
    ticket_world w;
    auto& tickets = w.manage_http();
    auto caller = w.start(tickets.validate_with_server());
    CHECK(caller.failed_with(errc::ticket_absent));
    CHECK_THROWS_AS(caller.get(), ticket_error);
    CHECK(w.http->count() == 0);
    CHECK(w.ends());
}

TEST_CASE("validation: a custom source has no server to ask", "[component][validation]") {
    ticket_world w;
    auto& tickets = w.manage();
    run(w.io, tickets.get_valid_ticket());
    CHECK(w.start(tickets.validate_with_server()).failed_with(errc::ticket_source_failed));
    CHECK(w.ends());
}

TEST_CASE("validation: an answer about a dropped ticket reaches no caller",
          "[component][validation]") {
    validating w;
    w.http->hang();
    auto caller = w.start(w.tickets->validate_with_server());
    SECTION("cleared") {
        w.tickets->clear();
        w.poll();
        CHECK(caller.failed_with(errc::ticket_cleared));
    }
    SECTION("another identity") {
        w.tickets->update_auth_data({});
        w.poll();
        CHECK(caller.failed_with(errc::ticket_absent));
    }
    SECTION("stopped") {
        run(w.io, w.tickets->stop());
        CHECK(caller.aborted());
    }
    SECTION("destroyed") {
        w.tickets.reset();
        w.poll();
        CHECK(caller.aborted());
    }
    CHECK(w.http->cancelled() == 1);
    CHECK(w.ends());
}

TEST_CASE(
    "validation: a caller whose ticket is renewed meanwhile gets the answer about the new one",
    "[component][validation]") {
    validating w;
    w.http->hang();
    auto first = w.start(w.tickets->validate_with_server());
    w.http->answer_ticket("SENTINEL-2", 1h);
    run(w.io, w.tickets->refresh_ticket());
    w.http->answer(200, yes);
    auto second = w.start(w.tickets->validate_with_server());
    CHECK(second.get().valid);
    CHECK(first.get().valid);
    CHECK(w.http->requests().back()->body == R"({"ticket":"SENTINEL-2"})");
    CHECK(w.http->count() == 4);
    CHECK(w.ends());
}

} // namespace ticket_validation_test
