#include <parley/as_result.hpp>
#include <parley/with_timeout.hpp>

#include "support/catch.hpp"
#include "support/client_case.hpp"

#include <stdexcept>
#include <string>

namespace as_result_test {

using namespace parley;
using namespace parley::test;

namespace {

awaitable<std::string> say(std::string word) { co_return word; }
awaitable<void> do_nothing() { co_return; }
awaitable<std::string> fail(errc why) {
    throw_error(error_info(why, "It failed."));
    co_return "";
}
awaitable<void> fail_to_do(errc why) {
    throw_error(error_info(why, "It failed."));
    co_return;
}
awaitable<void> throw_something_else() {
    throw std::runtime_error("not ours");
    co_return;
}
awaitable<answer> fail_halfway() {
    answer part;
    part.text = "Once upon";
    throw answer_error(error_info(errc::chat_failed, "It failed."), part);
    co_return part;
}

/// Sends until it is sent, as the documentation of send_message has it.
awaitable<int> insist(chat_client& client) {
    for (int tries = 1;; ++tries) {
        const auto sent = co_await as_result(client.send_message("hi"));
        if (sent) co_return tries;
        if (!sent.error().is(errc::not_sent)) sent.value();
    }
}

} // namespace

TEST_CASE("as_result: the result of an operation is the value", "[component][as_result]") {
    asio::io_context io;
    const auto said = run(io, as_result(say("hello")));
    REQUIRE(said);
    CHECK(*said == "hello");
    CHECK(run(io, as_result(do_nothing())));
}

TEST_CASE("as_result: an exception of an operation is the error, and value() throws it again",
          "[component][as_result]") {
    asio::io_context io;
    const auto said = run(io, as_result(fail(errc::ticket_timeout)));
    CHECK_FALSE(said);
    CHECK(said.error().is(errc::ticket_timeout));
    CHECK(said.error().message == "It failed.");
    CHECK_THROWS_AS(said.value(), ticket_error);
    const auto done = run(io, as_result(fail_to_do(errc::not_sent)));
    CHECK(done.error().is(errc::not_sent));
    CHECK_THROWS_AS(done.value(), connection_error);
}

TEST_CASE("as_result: value throws the operation's own exception, with a partial answer",
          "[component][as_result]") {
    asio::io_context io;
    const auto said = run(io, as_result(fail_halfway()));
    CHECK(said.error().is(errc::chat_failed));
    for (int times = 0; times < 2; ++times) {
        try {
            said.value();
            FAIL("it threw nothing");
        } catch (const answer_error& failed) {
            CHECK(failed.partial().text == "Once upon");
        }
    }
}

TEST_CASE("as_result: an exception that is not an error of the library is rethrown",
          "[component][as_result]") {
    asio::io_context io;
    CHECK_THROWS_AS(run(io, as_result(throw_something_else())), std::runtime_error);
}

TEST_CASE("as_result: the operations of a client put their errors into it",
          "[component][as_result][chat_client]") {
    client_case test;
    test.make();
    const auto early = run(test.io, as_result(test.client->ask("hi")));
    CHECK(early.error().is(errc::not_connected));
    test.expect_session();
    CHECK(run(test.io, as_result(test.client->init())));

    SECTION("cancelled") {
        auto asked = start(test.io, as_result(test.client->ask("hi")));
        poll(test.io);
        asked.cancel();
        poll(test.io);
        CHECK(asked.get().error().code == asio::error::operation_aborted);
        CHECK_THROWS_AS(asked.get().value(), boost::system::system_error);
    }
    SECTION("tested in a loop") {
        test.transports->otherwise([](auto& peer) { peer.refuse(errc::connect_failed); });
        test.transports->at(0).fail_read(errc::connection_reset);
        poll(test.io);
        auto insisting = start(test.io, insist(*test.client));
        test.pass(std::chrono::seconds(40)); // the first time it was not sent
        CHECK_FALSE(insisting.done());
        test.transports->otherwise([](auto& peer) { peer.reply(session_established_frame); });
        test.pass(std::chrono::seconds(30));
        REQUIRE(insisting.done());
        CHECK(insisting.get() >= 2);
    }
    SECTION("the end, which is not an error") {
        auto next = start(test.io, as_result(test.client->next_event()));
        auto closing = start(test.io, as_result(test.client->disconnect()));
        test.pass(std::chrono::seconds(5));
        REQUIRE(next.get());
        CHECK_FALSE(*next.get());
        CHECK(closing.get());
    }
}

} // namespace as_result_test
