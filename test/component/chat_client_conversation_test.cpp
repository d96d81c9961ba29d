// The conversation continues by itself (doc/protocol.md 2.6).

#include "support/client_case.hpp"

#include <string>
#include <utility>
#include <vector>

namespace chat_client_conversation_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

std::string persisted(const std::string& id) {
    return frames::messages_persisted(std::nullopt, id);
}
std::string created(const std::string& id) { return frames::thread_created(id, "t", "/"); }
std::string finished(const std::string& id) { return frames::chat_finished(id); }

/// `content providerResId` of each chat_message that was written, and each stop_run.
lines said(client_case& test) {
    lines all;
    for (std::size_t i = 0; i < test.transports->made(); ++i)
        for (const auto& frame : test.transports->at(i).writes()) {
            const auto one = json_text::parse(frame);
            if (one.string_at("/type") == "chat_message")
                all.push_back(one.string_at("/content").value_or("?") + " " +
                              one.string_at("/providerResId").value_or("-"));
            else if (one.string_at("/type") == "stop_run")
                all.push_back("stop " + one.string_at("/conversationUuid").value_or("?"));
        }
    return all;
}

void send(client_case& test, chat_message message) {
    run(test.io, test.client->send_message(std::move(message)));
}
void send(client_case& test, const char* content) { send(test, chat_message(content)); }

} // namespace

TEST_CASE("chat_client: a message continues the conversation that the server named last",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    send(test, "first");
    peer.reply(created("c1"));
    poll(test.io);
    send(test, "second");
    peer.reply(persisted("c2"));
    poll(test.io);
    send(test, "third");
    peer.reply(finished("c3"));
    poll(test.io);
    send(test, "fourth");
    send(test, chat_message("its own").provider_res_id("mine"));
    send(test, "sixth");
    CHECK(said(test) ==
          lines{"first -", "second c1", "third c2", "fourth c3", "its own mine", "sixth c3"});
}

TEST_CASE("chat_client: of the two ids in chat_finished the uuid is the conversation to continue",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    send(test, "first");
    peer.reply(frames::chat_finished("u", "c"));
    poll(test.io);
    send(test, "second");
    peer.reply(R"({"type":"chat_finished","data":{"conversationId":17}})");
    poll(test.io);
    send(test, "third");
    peer.reply(R"({"type":"chat_finished","uuid":["u"],"data":"done"})");
    poll(test.io);
    send(test, "fourth");
    CHECK(said(test) == lines{"first -", "second u", "third 17", "fourth 17"});
}

TEST_CASE("chat_client: a conversation continues after a reconnect, and in the next session",
          "[component][chat_client]") {
    client_case test;
    test.make();
    test.expect_session().expect_write("first").reply(created("c")).reply(finished("c"));
    test.init();
    send(test, "first");
    poll(test.io);
    test.transports->at(0).fail_read(errc::connection_reset);
    test.expect_session();
    auto asked = start(test.io, test.client->ask("second")); // waits for the session
    test.pass(1s);
    REQUIRE(test.client->is_connected());
    auto closing = start(test.io, test.client->disconnect());
    test.pass(5s);
    test.expect_session();
    test.init();
    send(test, "third");
    CHECK(said(test) == lines{"first -", "second c", "third c"});
}

TEST_CASE("chat_client: a message may begin another conversation", "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    send(test, "first");
    peer.reply(created("old")).reply(finished("old"));
    poll(test.io);
    send(test, chat_message("new").new_conversation());
    peer.reply(persisted("old")); // late, of the run before
    poll(test.io);
    send(test, "at once");
    peer.reply(created("new")).reply(finished("new")).reply(persisted("new"));
    poll(test.io);
    send(test, "later");
    run(test.io, test.client->stop_run());
    CHECK(said(test) == lines{"first -", "new -", "at once -", "later new", "stop new"});
}

TEST_CASE("chat_client: a queued ask continues the conversation that was named meanwhile",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    peer.expect_write("one").reply(created("c")).reply(text_frame("1")).reply(finished("c"));
    peer.expect_write("two").reply(finished("d"));
    test.init();
    auto one = start(test.io, test.client->ask("one"));
    auto two = start(test.io, test.client->ask("two"));
    poll(test.io);
    CHECK(one.get().provider_res_id == "c");
    CHECK(two.done());
    CHECK(said(test) == lines{"one -", "two c"});
}

TEST_CASE("chat_client: stop_run names the conversation of the message, or the last one named",
          "[component][chat_client]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    run(test.io, test.client->stop_run());
    send(test, chat_message("its own").provider_res_id("mine"));
    run(test.io, test.client->stop_run());
    peer.reply(finished("f"));
    poll(test.io);
    run(test.io, test.client->stop_run());
    peer.reply(persisted("p"));
    poll(test.io);
    run(test.io, test.client->stop_run());
    run(test.io, test.client->stop_run("another"));
    CHECK(said(test) ==
          lines{"stop ", "its own mine", "stop mine", "stop f", "stop p", "stop another"});
}

TEST_CASE("chat_client: the number of unfinished runs is limited, and then a message is rejected",
          "[component][chat_client]") {
    client_case test;
    test.config.connection.limits.unfinished_runs = 3;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    const auto refused = [&test] {
        auto sending = start(test.io, test.client->send_message("more"));
        poll(test.io);
        REQUIRE(sending.done());
        if (!sending.failed()) return false;
        CHECK(sending.failed_with(errc::too_many_runs));
        CHECK(sending.failure()->details.retryable);
        return true;
    };
    for (int i = 0; i < 3; ++i)
        CHECK_FALSE(refused());
    for (int i = 0; i < 20; ++i)
        CHECK(refused());
    CHECK(peer.writes_with("more") == 3);
    peer.reply(finished_frame);
    poll(test.io);
    CHECK_FALSE(refused());
    CHECK(refused());

    // The next session begins without any.
    peer.fail_read(errc::connection_reset);
    test.expect_session();
    test.pass(1s);
    REQUIRE(test.client->is_connected());
    CHECK_FALSE(refused());
}

TEST_CASE("chat_client: messages that wait to be sent count as unfinished runs",
          "[component][chat_client][F75]") {
    client_case test;
    test.config.connection.limits.unfinished_runs = 3;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    peer.hold_writes();
    const auto begin = [&test] {
        auto sending = start(test.io, test.client->send_message("waits"));
        poll(test.io);
        return sending;
    };
    std::vector<started<void>> waiting;
    for (int i = 0; i < 3; ++i)
        waiting.push_back(begin());
    CHECK_FALSE(waiting.back().done());

    CHECK(begin().failed_with(errc::too_many_runs));

    waiting.back().cancel();
    poll(test.io);
    CHECK(waiting.back().aborted());
    auto accepted = begin();
    CHECK_FALSE(accepted.done());
    peer.let_go();
    poll(test.io);
    CHECK_NOTHROW(accepted.get());
    CHECK(peer.writes_with("waits") == 3);
}

} // namespace chat_client_conversation_test
