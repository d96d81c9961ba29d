// Every operation of a client, cancelled in every way at every moment (doc/test-catalogue.md J102,
// J103).

#include "support/catch.hpp"
#include "support/client_case.hpp"

#include <boost/asio/this_coro.hpp>

#include <functional>
#include <string>
#include <vector>

namespace chat_client_cancel_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

using operation = awaitable<void> (*)(chat_client&);

struct named_operation {
    const char* name;
    operation begin;
    bool needs_session;        // else it is begun on a client that has none
    bool ends_session = false; // and whatever is being written with it
};

awaitable<void> do_init(chat_client& client) { co_await client.init(); }
awaitable<void> do_send(chat_client& client) { co_await client.send_message("cancelled"); }
awaitable<void> do_ask(chat_client& client) { co_await client.ask("cancelled"); }
awaitable<void> do_next(chat_client& client) { co_await client.next_event(); }
awaitable<void> do_run(chat_client& client) {
    event_handlers none;
    co_await client.run(std::move(none));
}
awaitable<void> do_stop_run(chat_client& client) { co_await client.stop_run(); }
awaitable<void> do_add_tool(chat_client& client) {
    co_await client.add_client_tool(echo_tool("added"));
}
awaitable<void> do_remove_tool(chat_client& client) { co_await client.remove_client_tool("kept"); }
awaitable<void> do_helpers(chat_client& client) {
    auto merge = json_text::parse(R"({"a":1})");
    co_await client.update_context_helpers(std::move(merge));
}
awaitable<void> do_entity(chat_client& client) {
    co_await client.update_entity("thread", std::nullopt, std::nullopt);
}
awaitable<void> do_metadata(chat_client& client) {
    metadata_patch patch;
    patch.title("title");
    co_await client.update_metadata("thread", std::move(patch));
}
awaitable<void> do_reconnect(chat_client& client) { co_await client.reconnect(); }
awaitable<void> do_refresh(chat_client& client) { co_await client.refresh_ticket_and_reconnect(); }
awaitable<void> do_disconnect(chat_client& client) { co_await client.disconnect(); }

const std::vector<named_operation> operations{
    {"init", do_init, false},
    {"init on a ready client", do_init, true},
    {"send_message", do_send, true},
    {"ask", do_ask, true},
    {"next_event", do_next, true},
    {"run", do_run, true},
    {"stop_run", do_stop_run, true},
    {"add_client_tool", do_add_tool, true},
    {"remove_client_tool", do_remove_tool, true},
    {"update_context_helpers", do_helpers, true},
    {"update_entity", do_entity, true},
    {"update_metadata", do_metadata, true},
    {"reconnect", do_reconnect, true, true},
    {"refresh_ticket_and_reconnect", do_refresh, true, true},
    {"disconnect", do_disconnect, true, true},
    {"disconnect without a session", do_disconnect, false}};

/// A coroutine hears only terminal cancellation unless it asks for more.
awaitable<void> hearing_all(chat_client& client, operation begin, bool& begun) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    begun = true;
    auto one = begin(client);
    co_await std::move(one);
}

/// One operation that counts how often it completes.
class counted {
public:
    counted(asio::io_context& io, chat_client& client, operation begin) {
        auto finish = [this](std::exception_ptr error) {
            ++completions;
            failure = error;
        };
        asio::co_spawn(io, hearing_all(client, begin, begun),
                       asio::bind_cancellation_slot(signal_.slot(), std::move(finish)));
        io.restart();
        while (!begun) // before that the operation was not called (doc/pitfalls.md P9)
            io.poll_one();
    }

    void cancel(asio::cancellation_type type) { signal_.emit(type); }

    /// Its own outcome, a refusal because of another's, or its cancellation: nothing else.
    bool ended_well() const {
        if (!failure) return true;
        try {
            std::rethrow_exception(failure);
        } catch (const client_error&) {
            return true;
        } catch (const boost::system::system_error& thrown) {
            return thrown.code() == asio::error::operation_aborted;
        } catch (...) {
            return false;
        }
    }

    int completions = 0;
    bool begun = false;
    std::exception_ptr failure;

private:
    asio::cancellation_signal signal_;
};

/// Answers whatever is answered at once.
void serve(scripted_connection& peer) {
    peer.reply(session_established_frame);
    peer.expect_write("configure_tools").reply(tools_configured_frame);
}

} // namespace

TEST_CASE("chat_client: an operation cancelled in any way at any moment completes once and affects "
          "no other",
          "[component][chat_client][J102][J103]") {
    const auto type = GENERATE(asio::cancellation_type::terminal, asio::cancellation_type::partial,
                               asio::cancellation_type::total);
    const auto each = GENERATE(from_range(operations));
    const bool stalled = GENERATE(false, true); // the world answers nothing meanwhile
    CAPTURE(each.name, static_cast<int>(type), stalled);
    for (int turns = 0; turns < 40; turns += turns < 12 ? 1 : 7) {
        CAPTURE(turns);
        client_case test(0);
        test.config.client_tools.push_back(echo_tool("kept"));
        test.make();
        test.transports->otherwise(serve);
        scripted_connection* peer = nullptr;
        std::optional<started<void>> other;
        if (each.needs_session || !stalled) test.environment->http->answer_ticket("ticket", 1h);
        if (each.needs_session) {
            test.init();
            peer = &test.transports->at(0);
            if (stalled) peer->hold_writes();
            other = start(test.io, test.client->send_message("the other one"));
            poll(test.io);
        }
        if (!stalled)
            for (int n = 0; n < 3; ++n)
                test.environment->http->answer_ticket("ticket", 1h); // also a thread's update

        counted one(test.io, *test.client, each.begin);
        for (int n = 0; n < turns; ++n)
            test.io.poll_one();
        one.cancel(type);
        poll(test.io);
        CHECK(one.completions <= 1);
        // Nothing is being written of its own: then it ends at once.
        CHECK(one.completions == 1);
        CHECK(one.ended_well());

        if (peer) peer->let_go();
        poll(test.io);
        if (other && !each.ends_session) CHECK_NOTHROW(other->get());
        const auto written = peer ? peer->writes_with("\"cancelled\"") : 0;
        CHECK(written <= 1);
        if (each.begin == do_send && written == 1) CHECK_FALSE(one.failure);

        // And the client is as good as before.
        for (int n = 0; n < 3; ++n)
            test.environment->http->answer_ticket("ticket", 1h);
        test.pass(3s);
        auto again = start(test.io, test.client->init());
        test.pass(15s); // a request for a ticket that hangs takes 10
        CHECK_NOTHROW(again.get());
        auto after = start(test.io, test.client->send_message("after"));
        test.pass(1s);
        CHECK_NOTHROW(after.get());
        auto closing = start(test.io, test.client->disconnect());
        test.pass(3s);
        CHECK(closing.done());
        CHECK(one.completions == 1);
        CHECK(test.transports->violations().empty());
        CHECK(out_of_work(test.io));
    }
}

TEST_CASE("chat_client: a message that is being written is sent to its end, cancelled or not",
          "[component][chat_client][J102][F76]") {
    const auto type = GENERATE(asio::cancellation_type::terminal, asio::cancellation_type::partial,
                               asio::cancellation_type::total);
    const bool dies = GENERATE(false, true);
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.expect_session();
    test.init();
    peer.hold_writes();
    counted one(test.io, *test.client, do_send);
    poll(test.io);
    one.cancel(type);
    poll(test.io);
    CHECK(one.completions == 0);

    if (dies)
        peer.fail_read(errc::connection_reset);
    else
        peer.let_go();
    poll(test.io);

    CHECK(one.completions == 1);
    CHECK(static_cast<bool>(one.failure) == dies);
    CHECK(one.ended_well());
    CHECK(peer.writes_with("cancelled") == (dies ? 0 : 1));
}

TEST_CASE("chat_client: a sender that waits may leave, and the others keep their order",
          "[component][chat_client][F75][F76]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    peer.hold_writes();
    std::vector<started<void>> all;
    for (int n = 0; n < 8; ++n) {
        all.push_back(start(test.io, test.client->send_message("m" + std::to_string(n))));
        poll(test.io);
    }
    CHECK(test.client->status().websocket.queued_messages == 7);
    all[5].cancel();
    all[2].cancel();
    poll(test.io);
    CHECK(all[5].aborted());
    CHECK(all[2].aborted());
    peer.let_go();
    poll(test.io);
    REQUIRE(peer.writes().size() == 6);
    std::size_t at = 0;
    for (int n : {0, 1, 3, 4, 6, 7}) {
        CHECK_NOTHROW(all[static_cast<std::size_t>(n)].get());
        CHECK(peer.writes()[at++].find("\"m" + std::to_string(n) + '"') != std::string::npos);
    }
}

} // namespace chat_client_cancel_test
