// Whether the peer lives (doc/pitfalls.md P33 to P35).

#include "support/catch.hpp"
#include "support/connection_case.hpp"

namespace connection_heartbeat_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

TEST_CASE("connection: after 25 s of silence both heartbeats are sent", "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.layer->beat = "heartbeat_ping";
    test.open();

    test.pass(25s - 1ms);
    CHECK(peer.pings() == 0);
    test.pass(1ms);

    CHECK(peer.pings() == 1);
    CHECK(peer.writes() == std::vector<std::string>{"heartbeat_ping"});
    CHECK(test.socket->ready());
    CHECK(test.socket->status().round_trip.has_value());
}

TEST_CASE("connection: a peer that is silent for another 10 s is dead",
          "[component][connection][H87]") {
    connection_case test;
    test.transports->expect_connect().ignore_pings();
    test.transports->expect_connect();
    test.open();

    test.pass(35s - 1ms);
    CHECK(test.socket->ready());
    test.pass(1ms);

    CHECK_FALSE(test.socket->ready());
    CHECK(test.layer->events.front() == "lost(silent)");
    test.pass(1s);
    CHECK(test.socket->ready());
}

TEST_CASE("connection: any byte keeps it alive", "[component][connection][H88]") {
    connection_case test;
    auto& peer = test.transports->expect_connect().ignore_pings();
    test.open();
    test.pass(30s);

    peer.bytes(1, false);
    test.pass(30s);

    CHECK(test.socket->ready());
    CHECK(peer.pings() == 2);
}

TEST_CASE("connection: an interval of 0 disables the heartbeat", "[component][connection]") {
    connection_config config;
    config.heartbeat.interval = 0ms;
    connection_case test(config);
    auto& peer = test.transports->expect_connect();
    test.open();

    test.pass(24h);

    CHECK(peer.pings() == 0);
    CHECK(test.socket->ready());
}

TEST_CASE("connection: a change of the network probes a ready session at once",
          "[component][connection][I101]") {
    connection_case test;
    auto& peer = test.transports->expect_connect().ignore_pings();
    test.open();
    test.pass(1s);

    test.socket->notify_network_change();
    poll(test.io);
    CHECK(peer.pings() == 1);
    test.pass(10s);

    CHECK(test.layer->events.front() == "lost(silent)");
}

TEST_CASE("connection: a message that arrives too slowly ends the connection",
          "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.transports->expect_connect();
    for (int n = 0; n < 100; ++n)
        peer.bytes(1, true).after(1s);
    test.open();

    test.pass(30s - 1ms);
    CHECK(test.socket->ready());
    test.pass(1ms);

    CHECK(test.layer->events.front() == "lost(protocol)");
}

TEST_CASE("connection: a peer that begins a close and stays is cut after two seconds",
          "[component][connection]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    peer.begin_close();

    test.pass(2s - 1ms);
    CHECK(test.socket->ready());
    test.pass(1ms);

    CHECK_FALSE(test.socket->ready());
    CHECK(test.layer->events.front() == "lost(closed)");
}

TEST_CASE("connection: a peer that reads nothing is detected", "[component][connection][F75]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.transports->expect_connect();
    test.open();
    peer.hold_writes();
    const auto sending = test.begin_send("a", 60s);
    for (int n = 0; n < 60; ++n)
        peer.after(1s).reply("something");

    test.pass(36s);

    CHECK(sending.failed_with(errc::sent_unconfirmed));
    CHECK(test.layer->events.front() == "lost(silent)");
}

TEST_CASE("connection: after a stall of the loop the peer is probed before the verdict",
          "[component][connection][H89]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    test.open();
    test.pass(10s);

    test.environment->time->advance(1h); // in one step: nothing ran in between
    poll(test.io);

    CHECK(test.socket->ready());
    CHECK(peer.pings() == 1);
    CHECK(test.layer->events.empty());
}

TEST_CASE("connection: after a system sleep the peer is probed at the first tick",
          "[component][connection][H89]") {
    connection_case test;
    auto& peer = test.transports->expect_connect();
    peer.after(20s).bytes(1, false);
    test.open();

    test.environment->time->step_wall(12h); // the steady clock stood still
    test.pass(25s);

    CHECK(peer.pings() == 1); // without the sleep it would be due at 45 s
    CHECK(test.socket->ready());
}

} // namespace connection_heartbeat_test
