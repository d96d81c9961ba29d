// Changes of the identity during a refresh: an answer for one identity never serves another.

#include <parley/ticket_manager.hpp>

#include "support/catch.hpp"
#include "support/ticket_world.hpp"

#include <optional>
#include <string>

namespace ticket_identity_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

auth_data_patch entity(std::string id) {
    auth_data_patch patch;
    patch.entity_id = std::move(id);
    return patch;
}

} // namespace

TEST_CASE("ticket_manager: a new identity drops the ticket at once, and requests its own",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    run(w.io, tickets.get_valid_ticket());
    tickets.update_auth_data(entity("e2"));
    CHECK_FALSE(tickets.is_valid());
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-2");
    const auto asked = w.source->requests().back();
    CHECK(asked.auth().entity_id == "e2");
    CHECK(asked.auth().user_mp_auth_token == secret(secret_token));
    CHECK(asked.reason() == ticket_reason::first);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: an identity changes field by field", "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    auth_data_patch patch;
    patch.user_mp_auth_token = secret("other");
    patch.user_id = "u";
    patch.entity_type = "t";
    patch.provider_res_id = "p";
    tickets.update_auth_data(patch);
    auth_data_patch second;
    second.entity_type = std::optional<std::string>();
    second.chat_server_key = secret();
    tickets.update_auth_data(second);
    run(w.io, tickets.get_valid_ticket());
    const auto request = w.source->requests().back();
    const auto& auth = request.auth();
    CHECK(auth.user_mp_auth_token == secret("other"));
    CHECK(auth.chat_server_key.empty());
    CHECK(auth.user_id == "u");
    CHECK(auth.entity_type == std::nullopt);
    CHECK(auth.provider_res_id == "p");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: an identity that changes during a refresh discards the old answer",
          "[component][ticket_manager]") {
    const bool deaf = GENERATE(false, true);
    ticket_world w;
    auto& tickets = w.manage();
    w.source->deaf(deaf);
    w.source->give(w.source->make("of the old identity", 1h));
    w.source->give(w.source->make("of the new identity", 1h));
    w.source->hold();
    auto before = w.start(tickets.get_valid_ticket());
    auto fresh = w.start(tickets.refresh_ticket());

    tickets.update_auth_data(entity("e2"));
    auto behind = w.start(tickets.get_valid_ticket());
    CHECK(w.source->calls() == (deaf ? 1 : 2)); // one at a time
    w.pass(250ms);                              // but one that ignores it delays no caller
    CHECK(w.source->calls() == 2);
    CHECK(w.source->requests().back().auth().entity_id == "e2");
    CHECK(tickets.snapshot().waiters == 3);

    w.source->release();
    w.poll();
    CHECK(value_of(before) == "of the new identity");
    CHECK(value_of(fresh) == "of the new identity");
    CHECK(value_of(behind) == "of the new identity");
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "of the new identity");
    CHECK(w.source->calls() == 2);
    CHECK(tickets.snapshot().refreshes == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a caller behind an endless request leaves at its deadline",
          "[component][ticket_manager]") {
    const bool joins_before = GENERATE(true, false);
    ticket_world w;
    auto& tickets = w.manage();
    w.source->deaf(true);
    w.source->hold();
    auto patient = w.start(tickets.get_valid_ticket());
    const auto ask = [&] { return w.start(tickets.get_valid_ticket(w.clock->now() + 100ms)); };
    std::optional<started<ticket>> hurried;
    if (joins_before) hurried = ask();
    tickets.update_auth_data(entity("e2"));
    w.poll();
    if (!joins_before) hurried = ask();
    w.pass(99ms);
    CHECK_FALSE(hurried->done());
    w.pass(1ms);
    CHECK(hurried->failed_with(errc::ticket_timeout));
    CHECK(w.source->calls() == 1); // the old one, which holds up the next for 250 ms
    w.pass(150ms);
    CHECK(w.source->calls() == 2);
    w.source->release();
    w.poll();
    CHECK(patient.done());
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a request begins when the previous one has ended, and not later",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->deaf(true);
    w.source->hold();
    auto caller = w.start(tickets.get_valid_ticket());
    tickets.update_auth_data(entity("e2"));
    w.poll();
    CHECK(w.source->calls() == 1);
    w.pass(10ms);
    w.source->release_one();
    w.poll();
    CHECK(w.source->calls() == 2);
    w.source->release();
    w.poll();
    CHECK(value_of(caller) == "ticket-2");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: an old answer that arrives after the new one changes nothing",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->deaf(true);
    w.source->give(w.source->make("old", 1h));
    w.source->give(w.source->make("new", 1h));
    w.source->hold();
    auto caller = w.start(tickets.get_valid_ticket());
    tickets.update_auth_data(entity("e2"));
    w.pass(250ms);
    REQUIRE(w.source->calls() == 2);
    w.source->release_one();
    w.poll();
    CHECK_FALSE(caller.done()); // that was the old one
    w.source->release_one();
    w.poll();
    CHECK(value_of(caller) == "new");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: an answer that arrives as the identity changes is discarded",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->hold();
    auto caller = w.start(tickets.get_valid_ticket());
    w.source->release(); // it will be taken in before anybody is told of the change
    tickets.update_auth_data(entity("e2"));
    w.poll();
    CHECK(value_of(caller) == "ticket-2");
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-2");
    CHECK(w.source->requests().back().auth().entity_id == "e2");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: the failure of an old identity reaches no caller",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->deaf(true);
    w.source->fail(error_info(errc::authentication_failed, "not you"));
    w.source->hold();
    auto caller = w.start(tickets.get_valid_ticket());
    tickets.update_auth_data(entity("e2"));
    w.source->release();
    w.poll();
    CHECK(value_of(caller) == "ticket-1");
    CHECK(tickets.snapshot().failures == 0);
    CHECK_FALSE(tickets.snapshot().last_error);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: an identity that changes during the backoff does not wait for its end",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->fail_retryable(100s);
    auto caller = w.start(tickets.get_valid_ticket());
    CHECK_FALSE(caller.done());
    tickets.update_auth_data(entity("e2"));
    w.poll();
    CHECK(value_of(caller) == "ticket-1");
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: an identity that HTTP cannot carry is rejected, and nothing changes",
          "[component][ticket_manager][A22][A24]") {
    ticket_world w;
    auto& tickets = w.manage();
    run(w.io, tickets.get_valid_ticket());
    const std::string bad =
        GENERATE(as<std::string>(), "SENTINEL\r\nEvil: 1", "SENTINEL\x7f", "SENTINEL\xc3\xbc");
    auth_data_patch patch;
    patch.chat_server_key = secret(bad);
    try {
        tickets.update_auth_data(patch);
        FAIL("nothing was thrown");
    } catch (const client_error& error) {
        CHECK(error.info().is(errc::invalid_header));
        CHECK(error.message().find("chat_server_key") != std::string::npos);
        CHECK_FALSE(w.leaks(error.what()));
    }
    CHECK(value_of(run(w.io, tickets.get_valid_ticket())) == "ticket-1");
    auth_data auth;
    auth.user_mp_auth_token = secret(bad);
    CHECK_THROWS_AS(ticket_manager(w.io.get_executor(), auth, w.source, {}, {}, w.environment),
                    client_error);
    auth = {};
    auth.entity_id = "\xff";
    CHECK_THROWS_AS(ticket_manager(w.io.get_executor(), auth, w.source, {}, {}, w.environment),
                    client_error);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: clear drops the ticket, and waiting callers get ticket_cleared",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    run(w.io, tickets.get_valid_ticket());
    w.source->hold();
    auto waiting = w.start(tickets.refresh_ticket());
    tickets.clear();
    CHECK_FALSE(tickets.is_valid());
    auto behind = w.start(tickets.get_valid_ticket());
    CHECK(waiting.failed_with(errc::ticket_cleared));
    CHECK_FALSE(behind.done());
    w.source->release();
    w.poll();
    CHECK(value_of(behind) == "ticket-3"); // ticket-2 belonged to the old identity
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a caller from before clear gets ticket_cleared at any step",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    auto on_its_way = test::start(w.io, tickets.get_valid_ticket());
    w.io.restart();
    w.io.poll_one(); // the caller has begun, and is on its way to the strand
    tickets.clear();
    w.poll();
    CHECK(on_its_way.failed_with(errc::ticket_cleared));
    CHECK(w.source->calls() == 0);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: clear after a change of identity still clears",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    w.source->hold();
    auto caller = w.start(tickets.get_valid_ticket());
    tickets.clear();
    tickets.update_auth_data(entity("e2"));
    w.poll();
    CHECK(caller.failed_with(errc::ticket_cleared));
    w.source->release();
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a custom source's cookies that no header can carry are malformed",
          "[component][ticket_manager]") {
    ticket_world w;
    auto& tickets = w.manage();
    const auto cookies = GENERATE(as<std::string>(), "a=1\r\nX: y", "a=\x01", "a=\xC3\xBC",
                                  std::string(8 * 1024 + 1, 'x'));
    auto made = w.source->make("t", 1h);
    made.set_cookies(secret(cookies));
    w.source->give(std::move(made));
    CHECK(w.start(tickets.get_valid_ticket()).failed_with(errc::ticket_malformed));
    CHECK(w.source->calls() == 1);
    CHECK(w.ends());
}

TEST_CASE("ticket_manager: a custom source that rejects credentials is not a gateway",
          "[component][ticket_manager][O139]") {
    struct word {
        std::optional<int> status;
        bool said;
        bool from_server;
    };
    const auto one = GENERATE(word{std::nullopt, false, true}, word{std::nullopt, true, true},
                              word{403, false, false}, word{403, true, true});
    ticket_world w;
    auto& tickets = w.manage();
    error_details details;
    details.http_status = one.status;
    details.from_server = one.said;
    w.source->fail(error_info(errc::authentication_failed, "No.", details));
    auto caller = w.start(tickets.get_valid_ticket());
    CHECK(caller.failed_with(errc::authentication_failed));
    CHECK(caller.failure()->details.from_server == one.from_server);
    CHECK(w.ends());
}

} // namespace ticket_identity_test
