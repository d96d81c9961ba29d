// Why a session was ended reaches a peer that still sends: the close frame is not lost with the
// socket.

#include "loopback/secure_wire.hpp"
#include "transport/discard_input.hpp"

#include <atomic>
#include <string>
#include <vector>

namespace last_words_test {

using namespace parley;
using namespace parley::test;

namespace {

constexpr unsigned text_frame = 1;
constexpr unsigned close_frame = 8;
constexpr unsigned ping_frame = 9;

std::string pings(std::size_t count) {
    const std::string one = server_frame(ping_frame, std::string(125, 'p'));
    std::string all;
    all.reserve(count * one.size());
    for (std::size_t at = 0; at < count; ++at)
        all += one;
    return all;
}

/// A server with or without TLS, and a wire to it.
class pair {
public:
    pair(bool secure, raw_server::script script)
        : server_(secure ? std::make_unique<raw_server>(
                               good_identity().certificate_pem, good_identity().key_pem,
                               std::vector<raw_server::script>(1, std::move(script)))
                         : std::make_unique<raw_server>(std::move(script))),
          url_((secure ? "wss://good.test:" : "ws://good.test:") +
               std::to_string(server_->port())) {
        here.config.limits.message_bytes = 1u << 20;
    }

    result<void> connect() { return here.connect(url_); }
    raw_server& server() { return *server_; }

    secure_wire here{good_identity().ca_pem};

private:
    const std::unique_ptr<raw_server> server_;
    const std::string url_;
};

} // namespace

TEST_CASE("frames: a peer that keeps sending can read why the session was ended",
          "[loopback][frames]") {
    struct row {
        const char* what;
        unsigned code;
        errc error;
        std::string bytes;
    };
    const std::string more = server_frame(text_frame, std::string(8u << 20, 'x'));
    const std::vector<row> rows{
        {"pings", 1008, errc::protocol_violation, pings(100'000)},
        {"an opcode that is reserved", 1002, errc::protocol_violation, server_frame(3, "") + more},
        {"text that is not", 1007, errc::protocol_violation,
         server_frame(text_frame, "\xFF") + more},
        {"a message beyond the limit", 1009, errc::message_too_large, more},
    };
    const bool secure = GENERATE(false, true);
    for (const row& each : rows) {
        CAPTURE(each.what, secure);
        raw_peer::frame last;
        pair both(secure, [&](raw_peer& peer) {
            peer.upgrade();
            peer.send(each.bytes); // all of it, before anything is read
            do
                last = peer.read_frame();
            while (last.opcode != close_frame);
        });
        REQUIRE(both.connect());
        const auto ended = both.here.read_to_end();
        both.here.link.reset();
        CHECK(both.server().problems().empty());
        CHECK(ended.is(each.error));
        CHECK(ended.details.close_code == each.code);
        CHECK(last.payload.substr(0, 2) == close_payload(each.code));
    }
}

TEST_CASE("frames: a peer that reads nothing before it has sent everything can read it too",
          "[loopback][frames]") {
    const bool secure = GENERATE(false, true);
    CAPTURE(secure);
    const std::string large(24u << 20, 'x'); // no two kernels keep as much
    raw_peer::frame last;
    pair both(secure, [&](raw_peer& peer) {
        peer.upgrade();
        peer.send(pings(100'000));
        do
            last = peer.read_frame();
        while (last.opcode != close_frame);
    });
    REQUIRE(both.connect());
    const auto whole = both.here.link->write(large);
    REQUIRE(whole);
    REQUIRE_FALSE(*whole);
    auto flushing = start(both.here.strand, both.here.link->flush());
    poll(both.here.io);
    CHECK_FALSE(flushing.done());
    const auto ended = both.here.read_to_end();
    REQUIRE(both.here.until([&flushing] { return flushing.done(); }));
    CHECK(flushing.get());
    both.here.link.reset();
    CHECK(both.server().problems().empty());
    CHECK(ended.is(errc::protocol_violation));
    CHECK(ended.details.close_code == 1008u);
    CHECK(last.payload.substr(0, 2) == close_payload(1008));
}

TEST_CASE("frames: a peer that never stops sending is disconnected all the same",
          "[loopback][frames]") {
    const bool secure = GENERATE(false, true);
    CAPTURE(secure);
    std::atomic<std::size_t> sent = 0;
    const std::string chunk = pings(1'000);
    pair both(secure, [&](raw_peer& peer) {
        peer.upgrade();
        try {
            for (;; sent += chunk.size())
                peer.send(chunk);
        } catch (const std::exception&) { // it has gone
        }
    });
    REQUIRE(both.connect());
    const auto ended = both.here.read_to_end();
    both.here.link.reset();
    both.server().problems();
    CHECK(ended.is(errc::protocol_violation));
    CHECK(ended.details.close_code == 1008u);
    CHECK(sent > most_discarded - chunk.size());
    CHECK(sent < most_discarded + (32u << 20)); // what two kernels keep
}

TEST_CASE("frames: a peer that neither ends nor sends is disconnected by the abort, for its fault",
          "[loopback][frames]") {
    const bool secure = GENERATE(false, true);
    CAPTURE(secure);
    std::atomic<bool> done = false;
    pair both(secure, [&](raw_peer& peer) {
        peer.upgrade();
        peer.send(server_frame(3, ""));
        while (!done)
            std::this_thread::yield();
    });
    REQUIRE(both.connect());
    auto reading = start(both.here.strand, both.here.link->read());
    REQUIRE(both.here.until([&] { return both.here.seen.closes == 1; }));
    poll(both.here.io);
    CHECK_FALSE(reading.done()); // the owner was notified, and keeps the time
    both.here.link->abort();
    REQUIRE(both.here.until([&] { return reading.done(); }));
    CHECK(reading.get().error().is(errc::protocol_violation));
    CHECK(reading.get().error().details.close_code == 1002u);
    both.here.link.reset();
    done = true;
    CHECK(both.here.drains());
}

} // namespace last_words_test
