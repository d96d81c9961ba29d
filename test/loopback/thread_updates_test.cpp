// The change of a conversation, over a real connection (doc/protocol.md 1.6).

#include <parley/chat_message.hpp>

#include "dialect/parley/thread_updates.hpp"
#include "dialect/parley/ticket_wire.hpp"
#include "support/ticket_exchange.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace thread_updates_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

/// Updates on the test's time.
class updates : public ticket_exchange {
public:
    started<void> begin(const raw_server& server, const metadata_patch& patch,
                        const std::string& id = "a/b") {
        const auto url =
            server_url::parse("http://127.0.0.1:" + std::to_string(server.port()), false);
        auto updating = update_thread(io.get_executor(), http_, url, auth, id,
                                      metadata_update_body(patch), clock->now() + 10s);
        return start(io, std::move(updating));
    }

    started<void> finish(const raw_server& server, const metadata_patch& patch,
                         const std::string& id = "a/b") {
        auto one = begin(server, patch, id);
        if (!until([&one] { return one.done(); })) FAIL("the operation did not complete");
        return one;
    }

    bool drains() {
        io.restart();
        io.run_for(patience);
        return io.stopped();
    }

private:
    std::shared_ptr<http_client> http_ =
        environment->make_http(std::make_shared<const connection_config>());
};

} // namespace

TEST_CASE("thread_updates: null is sent and absent fields are omitted, byte for byte",
          "[loopback][thread_updates][A30]") {
    struct row {
        metadata_patch patch;
        const char* body;
    };
    const std::vector<row> rows{
        {metadata_patch(), "{}"},
        {metadata_patch().title("a\"b"), R"({"title":"a\"b"})"},
        {metadata_patch().title(std::nullopt), R"({"title":null})"},
        {metadata_patch().tag(std::nullopt).title("t"), R"({"title":"t","tag":null})"},
        {metadata_patch().metadata(json_text()), R"({"metadata":null})"},
        {metadata_patch().metadata(json_text::parse(R"({"n": 1.0})")),
         R"({"metadata":{"n": 1.0}})"},
    };
    std::string said;
    raw_server server([&said](raw_peer& peer) {
        said = read_request(peer);
        peer.send(http_text("200 OK", R"({"success":true,"data":{}})"));
        peer.hold();
    });
    updates u;
    for (const auto& each : rows) {
        CAPTURE(each.body);
        CHECK_NOTHROW(u.finish(server, each.patch).get());
        CHECK(said.starts_with("PATCH /api/v1/threads/a%2Fb HTTP/1.1\r\n"));
        CHECK(said.ends_with("\r\n\r\n" + std::string(each.body)));
        CHECK(header_value(said, "x-oddle-mp-auth-token") == secret_token);
    }
    CHECK(u.drains());
    CHECK(server.problems().empty());
}

TEST_CASE("thread_updates: no id changes the path", "[loopback][thread_updates]") {
    std::string said;
    raw_server server([&said](raw_peer& peer) {
        said = read_request(peer);
        peer.send(http_text("200 OK", R"({"success":true,"data":{}})"));
        peer.hold();
    });
    updates u;
    for (const auto* refused : {"", ".", "..", "%2e%2E", "../tickets", "a/../../b", "a%2F..%2Fb"}) {
        CAPTURE(refused);
        try {
            u.begin(server, metadata_patch(), refused);
            FAIL_CHECK("it was begun");
        } catch (const client_error& thrown) {
            CHECK(thrown.info().is(errc::invalid_configuration));
        }
    }
    CHECK(u.drains());
    CHECK(server.connections() == 0);

    struct row {
        const char* id;
        const char* segment;
    };
    for (const row& each : {row{"...", "..."}, row{".a", ".a"}, row{"a?b#c", "a%3Fb%23c"},
                            row{"%252e", "%25252e"}, row{"a b\r\nX: y", "a%20b%0D%0AX%3A%20y"}}) {
        CAPTURE(each.id);
        CHECK_NOTHROW(u.finish(server, metadata_patch(), each.id).get());
        CHECK(said.starts_with("PATCH /api/v1/threads/" + std::string(each.segment) +
                               " HTTP/1.1\r\n"));
    }
    CHECK(u.drains());
    CHECK(server.problems().empty());
}

TEST_CASE("thread_updates: each status has its error, and none is retried",
          "[loopback][thread_updates][A30]") {
    struct row {
        const char* status;
        errc code;
        bool retryable;
    };
    const std::vector<row> rows{
        {"400 Bad Request", errc::thread_update_rejected, false},
        {"401 Unauthorized", errc::authentication_failed, false},
        {"403 Forbidden", errc::authentication_failed, false},
        {"404 Not Found", errc::thread_update_rejected, false},
        {"409 Conflict", errc::thread_update_rejected, false},
        {"429 Too Many", errc::thread_update_rejected, true},
        {"500 Oops", errc::thread_update_rejected, true},
        {"501 Not Implemented", errc::thread_update_rejected, false},
        {"503 Busy", errc::thread_update_rejected, true},
        {"307 Elsewhere", errc::thread_update_rejected, false},
        {"200 OK", errc::thread_update_rejected, false}, // success is not said
    };
    std::vector<raw_server::script> scripts;
    for (const auto& each : rows)
        scripts.push_back(
            answering(http_text(each.status, R"({"error":"no","code":"C"})", "Location: /x\r\n")));
    raw_server server(std::move(scripts));
    updates u;
    unsigned asked = 0;
    for (const auto& each : rows) {
        CAPTURE(each.status);
        const auto caller = u.finish(server, metadata_patch());
        REQUIRE(caller.failed_with(each.code));
        const auto why = caller.failure().value();
        CHECK(why.details.retryable == each.retryable);
        CHECK(why.details.http_status == std::stoi(each.status));
        CHECK(why.details.server_text == "no");
        CHECK(why.details.server_code == "C");
        CHECK(server.connections() == ++asked);
    }
    CHECK(u.drains());
}

TEST_CASE("thread_updates: one cancelled within its request leaves no connection to reuse",
          "[loopback][thread_updates][A30]") {
    std::string first, second;
    std::atomic<bool> begun = false, gone = false;
    raw_server server({[&](raw_peer& peer) {
                           first = peer.read_head();
                           begun = true;
                           while (!gone) // it takes no more of the body
                               std::this_thread::yield();
                           first += peer.hold();
                       },
                       [&second](raw_peer& peer) {
                           second = read_request(peer);
                           peer.send(http_text("200 OK", R"({"success":true})"));
                           peer.hold();
                       }});
    updates u;
    // More than the buffers of both kernels take: it is cancelled with a part of it written.
    const auto large = metadata_patch().title(std::string(20'000'000, 'x'));
    auto cancelled = u.begin(server, large);
    const bool came = u.until([&begun] { return begun.load(); });
    cancelled.cancel();
    const bool left = u.until([&cancelled] { return cancelled.done(); });
    gone = true;
    REQUIRE(came);
    REQUIRE(left);
    CHECK(cancelled.aborted());
    CHECK_NOTHROW(u.finish(server, metadata_patch().title("small")).get());
    CHECK(server.connections() == 2);
    CHECK(u.drains());
    CHECK(server.problems().empty());
    CHECK(first.size() < 20'000'000);
    CHECK(second.ends_with(R"({"title":"small"})"));
}

TEST_CASE("thread_updates: one can be cancelled at each step, and a silent server ends it in time",
          "[loopback][thread_updates][A30]") {
    bool finished = false;
    for (int n = 0; !finished; ++n) {
        CAPTURE(n);
        REQUIRE(n < 1'000);
        raw_server server(answering(http_text("200 OK", R"({"success":true})")));
        updates u;
        auto caller = u.begin(server, metadata_patch());
        for (int i = 0; i < n && !caller.done(); ++i)
            u.io.run_one_for(updates::patience);
        finished = caller.done();
        caller.cancel();
        REQUIRE(u.until([&caller] { return caller.done(); }));
        CHECK((caller.aborted() || !caller.failed()));
        CHECK(u.drains());
    }
    std::atomic<bool> asked = false;
    raw_server server([&asked](raw_peer& peer) {
        read_request(peer);
        asked = true;
        peer.hold();
    });
    updates u;
    auto caller = u.begin(server, metadata_patch());
    REQUIRE(u.until([&asked] { return asked.load(); }));
    u.clock->advance(10s);
    REQUIRE(u.until([&caller] { return caller.done(); }));
    CHECK(caller.failed_with(errc::timed_out));
    CHECK(u.drains());
}

} // namespace thread_updates_test
