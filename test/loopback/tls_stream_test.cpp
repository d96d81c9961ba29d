#include "loopback/secure_end.hpp"
#include "net/tls_stream.hpp"
#include "support/run.hpp"

#include <boost/asio/ssl/error.hpp>
#include <openssl/ssl.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tls_stream_test {

using namespace parley;
using namespace parley::test;

namespace {

/// Bytes in which a lost, doubled or misplaced one shows.
std::string pattern(std::size_t size) {
    std::string made(size, '\0');
    unsigned state = 12345;
    for (char& each : made)
        each = static_cast<char>((state = state * 1103515245u + 12345u) >> 16);
    return made;
}

void echo(raw_peer& peer) {
    for (std::string heard = peer.read_some(); !heard.empty(); heard = peer.read_some())
        peer.send(heard);
}

constexpr int tls_1_2 = TLS1_2_VERSION;
constexpr int tls_1_3 = TLS1_3_VERSION;

raw_server::tls_setup only(int version) {
    return [version](SSL_CTX* context) {
        SSL_CTX_set_min_proto_version(context, version);
        SSL_CTX_set_max_proto_version(context, version);
    };
}

/// The server's half of a change of keys, before what it says next.
void change_keys(raw_peer& peer, int asked) {
    if (SSL_key_update(peer.tls(), asked) != 1) throw std::runtime_error("no change of keys");
}

const std::string large = pattern(3'000'000);

} // namespace

TEST_CASE("tls_stream: large transfers pass in both directions at once", "[loopback][tls_stream]") {
    const int version = GENERATE(tls_1_2, tls_1_3);
    secure_server server({echo}, only(version));
    secure_end here(server.port());
    REQUIRE_FALSE(here.handshake());
    auto writing = start(here.strand, here.writing(large));
    auto reading = start(here.strand, here.reading(large.size()));
    REQUIRE(here.until([&] { return reading.done() && writing.done(); }));
    CHECK(writing.get() == error_code());
    CHECK((reading.get() == large)); // not to be printed
}

TEST_CASE("tls_stream: one read takes several records, and a small one leaves the rest",
          "[loopback][tls_stream]") {
    const std::string record = pattern(1'000);
    secure_server server({[&record](raw_peer& peer) {
        peer.read_some();
        for (int count = 0; count < 20; ++count)
            peer.send(record);
        peer.hold();
    }});
    secure_end here(server.port());
    REQUIRE_FALSE(here.handshake());
    REQUIRE(here.run(here.writing("go")) == error_code());
    REQUIRE(here.until([&here] { return here.socket().available() > 20'000; }));

    std::vector<std::string> reads;
    for (std::size_t got = 0; got < 20'000; got += reads.back().size())
        reads.push_back(here.run(here.reading_some(16 * 1024)));
    CHECK(reads.size() <= 2);
    std::string all;
    for (const auto& each : reads)
        all += each;
    for (std::size_t at = 0; at < 20; ++at)
        REQUIRE(all.compare(at * 1'000, 1'000, record) == 0);
}

TEST_CASE("tls_stream: a record can be read byte by byte, and an end is permanent",
          "[loopback][tls_stream]") {
    secure_server server({[](raw_peer& peer) {
        peer.read_some();
        peer.send("0123456789");
        peer.read_some();
        peer.half_close();
        peer.hold();
    }});
    secure_end here(server.port());
    REQUIRE_FALSE(here.handshake());
    auto first = start(here.strand, here.reading(1));
    REQUIRE(here.run(here.writing("go")) == error_code());
    REQUIRE(here.until([&first] { return first.done(); }));
    CHECK(first.get() == "0");
    CHECK(here.run(here.reading(1)) == "1");
    CHECK(here.run(here.reading_some(4)) == "2345");
    CHECK(here.run(here.reading(4)) == "6789");
    REQUIRE(here.run(here.writing("go on")) == error_code());
    CHECK(here.read_error() == asio::error::eof);
    CHECK(here.read_error() == asio::error::eof);
}

TEST_CASE("tls_stream: a wait for bytes ends when they arrive, and takes none",
          "[loopback][tls_stream]") {
    secure_server server({[](raw_peer& peer) {
        peer.read_some();
        peer.send("here");
        peer.read_some();
        peer.half_close();
        peer.hold();
    }});
    secure_end here(server.port());
    REQUIRE_FALSE(here.handshake());
    auto readable = start(here.strand, here.waiting());
    REQUIRE(here.run(here.writing("go")) == error_code());
    REQUIRE(here.until([&readable] { return readable.done(); }));
    CHECK(readable.get() == error_code());
    CHECK(here.run(here.reading(2)) == "he");
    CHECK(here.run(here.waiting()) == error_code()); // for what is here already
    CHECK(here.run(here.reading(2)) == "re");
    REQUIRE(here.run(here.writing("go on")) == error_code());
    REQUIRE(here.run(here.waiting()) == error_code());
    CHECK(here.read_error() == asio::error::eof);
    REQUIRE(here.run(here.waiting()) == error_code()); // and it stays so
}

TEST_CASE(
    "tls_stream: an immediate write passes what the socket takes, and keeps the rest in order",
    "[loopback][tls_stream]") {
    std::atomic<bool> listen = false;
    std::string heard;
    secure_server server({[&](raw_peer& peer) {
        while (!listen)
            std::this_thread::yield();
        heard = peer.hold();
    }});
    secure_end here(server.port());
    REQUIRE_FALSE(here.handshake());
    std::string sent;
    error_code failed;
    const auto write = [&](std::string_view text) {
        const auto count = here.stream->write_some(asio::buffer(text), failed);
        sent.append(text, 0, count);
        return count;
    };
    do { // the kernels may still move something once they were full
        while (here.stream->flushed()) {
            write(std::string_view(large).substr(sent.size() % 100'000, 16'000));
            REQUIRE_FALSE(failed);
        }
    } while (write("more") > 0);
    CHECK(failed == asio::error::would_block);

    listen = true;
    REQUIRE(here.run(here.flushing()) == error_code());
    CHECK(here.stream->flushed());
    REQUIRE(here.run(here.parting()) == error_code());
    CHECK(server.problems().empty());
    CHECK((heard == sent));
}

TEST_CASE("tls_stream: an end counts only after a close_notify", "[loopback][tls_stream][D51]") {
    std::string after;
    secure_server server({[](raw_peer& peer) { peer.send("last"); },
                          [&after](raw_peer& peer) {
                              peer.send("last");
                              peer.half_close();
                              after = peer.hold();
                          },
                          [](raw_peer& peer) {
                              peer.send("last");
                              peer.reset();
                          }});
    {
        secure_end cut(server.port());
        REQUIRE_FALSE(cut.handshake());
        REQUIRE(cut.run(cut.reading(4)) == "last");
        CHECK(cut.read_error() == asio::ssl::error::stream_truncated);
        CHECK(cut.read_error() == asio::ssl::error::stream_truncated); // and again
        CHECK(cut.run(cut.writing("nobody is there")) == asio::ssl::error::stream_truncated);
    }
    {
        secure_end closed(server.port());
        REQUIRE_FALSE(closed.handshake());
        REQUIRE(closed.run(closed.reading(4)) == "last");
        CHECK(closed.read_error() == asio::error::eof);
        CHECK(closed.read_error() == asio::error::eof);
        CHECK(closed.run(closed.writing("half is open")) == error_code());
        CHECK(closed.run(closed.parting()) == error_code());
    }
    {
        secure_end reset(server.port());
        REQUIRE_FALSE(reset.handshake());
        CHECK(reset.read_error() == asio::error::connection_reset);
    }
    CHECK(server.problems().empty());
    CHECK(after == "half is open");
}

TEST_CASE("tls_stream: an alert of the server is reported", "[loopback][tls_stream]") {
    // TLS 1.3: it says so when this side has long finished.
    secure_server server({[](raw_peer&) {}}, [](SSL_CTX* context) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    });
    secure_end here(server.port());
    REQUIRE_FALSE(here.handshake());
    const auto failed = here.read_error();
    CHECK(failed.category() == asio::error::get_ssl_category());
    CHECK(failed.message().find("certificate required") != std::string::npos);
    CHECK(here.read_error() == failed);
    CHECK(here.run(here.writing("too late")) == failed);
    CHECK(here.run(here.parting()) == error_code()); // nothing more is said
}

TEST_CASE("tls_stream: keys can be updated in both directions", "[loopback][tls_stream][D52]") {
    secure_server server({[](raw_peer& peer) {
                             for (unsigned turn = 0;; ++turn) {
                                 const std::string heard = peer.read_some();
                                 if (heard.empty()) return;
                                 if (turn % 5 == 0)
                                     change_keys(peer, turn % 2 == 0
                                                           ? SSL_KEY_UPDATE_REQUESTED
                                                           : SSL_KEY_UPDATE_NOT_REQUESTED);
                                 peer.send(heard);
                             }
                         }},
                         only(tls_1_3));
    secure_end here(server.port());
    REQUIRE_FALSE(here.handshake());
    auto writing = start(here.strand, here.writing(large));
    auto reading = start(here.strand, here.reading(large.size()));
    REQUIRE(here.until([&] { return reading.done() && writing.done(); }));
    CHECK((reading.get() == large)); // not to be printed
    REQUIRE(SSL_key_update(here.stream->native_handle(), SSL_KEY_UPDATE_REQUESTED) == 1);
    auto again = start(here.strand, here.writing(large));
    auto back = start(here.strand, here.reading(large.size()));
    REQUIRE(here.until([&] { return again.done() && back.done(); }));
    CHECK(again.get() == error_code());
    CHECK((back.get() == large));
}

TEST_CASE("tls_stream: a server of TLS 1.2 may renegotiate", "[loopback][tls_stream][D52]") {
    // What reads drives it, what writes waits for it, and either may be the one that is there.
    const bool while_writing = GENERATE(true, false);
    CAPTURE(while_writing);
    std::string heard;
    secure_server server({[&](raw_peer& peer) {
                             peer.read_exactly(2);
                             if (SSL_renegotiate(peer.tls()) != 1)
                                 throw std::runtime_error("not again");
                             SSL_do_handshake(peer.tls()); // asks for it
                             peer.send("asked");
                             heard = peer.read_exactly(large.size());
                             if (SSL_renegotiate_pending(peer.tls()) == 1)
                                 throw std::runtime_error("not done");
                             peer.send("done");
                         }},
                         only(tls_1_2));
    secure_end here(server.port());
    REQUIRE_FALSE(here.handshake());
    REQUIRE(here.run(here.writing("go")) == error_code());
    if (!while_writing) {
        auto reading = start(here.strand, here.reading(9));
        REQUIRE(here.run(here.writing(large)) == error_code());
        REQUIRE(here.until([&reading] { return reading.done(); }));
        CHECK(reading.get() == "askeddone");
    } else {
        REQUIRE(here.until([&here] { return here.socket().available() > 0; }));
        CHECK(here.run(here.reading(5)) == "asked"); // and with it the beginning
        REQUIRE(here.run(here.writing(large)) == error_code());
        CHECK(here.run(here.reading(4)) == "done");
    }
    CHECK(server.problems().empty());
    CHECK((heard == large));
}

TEST_CASE("tls_stream: cancelling a read does not affect a write, and the reverse",
          "[loopback][tls_stream]") {
    const auto how = GENERATE(asio::cancellation_type::terminal, asio::cancellation_type::partial,
                              asio::cancellation_type::total);
    std::atomic<bool> listen = false;
    std::string heard;
    secure_server server({[&](raw_peer& peer) {
        while (!listen)
            std::this_thread::yield();
        for (std::string more = peer.read_some(); !more.empty(); more = peer.read_some()) {
            heard += more;
            if (heard.ends_with("echo")) peer.send("echo");
        }
    }});
    secure_end here(server.port());
    REQUIRE_FALSE(here.handshake());

    cancellable_read reading(here);
    auto writing = start(here.strand, here.writing(large));
    REQUIRE(here.until([&here] { return !here.stream->flushed(); })); // the write is stuck
    reading.cancel(how);
    REQUIRE(here.until([&reading] { return reading.done(); }));
    CHECK(reading.outcome() == asio::error::operation_aborted);
    CHECK_FALSE(writing.done());

    listen = true;
    REQUIRE(here.until([&writing] { return writing.done(); }));
    REQUIRE(writing.get() == error_code());
    REQUIRE(here.run(here.writing("echo")) == error_code());
    CHECK(here.run(here.reading(4)) == "echo");
    REQUIRE(here.run(here.parting()) == error_code());
    CHECK(server.problems().empty());
    CHECK((heard == large + "echo"));
}

TEST_CASE("tls_stream: a cancelled write leaves whole records", "[loopback][tls_stream]") {
    std::atomic<bool> listen = false;
    std::string heard;
    secure_server server({[&](raw_peer& peer) {
        while (!listen)
            std::this_thread::yield();
        peer.send("hello");
        heard = peer.hold();
    }});
    secure_end here(server.port());
    REQUIRE_FALSE(here.handshake());
    auto reading = start(here.strand, here.reading(5));
    auto writing = start(here.strand, here.writing(large));
    REQUIRE(here.until([&here] { return !here.stream->flushed(); }));
    writing.cancel();
    REQUIRE(here.until([&writing] { return writing.done(); }));
    CHECK(writing.get() == asio::error::operation_aborted);
    CHECK_FALSE(reading.done());

    listen = true;
    REQUIRE(here.until([&reading] { return reading.done(); }));
    CHECK(reading.get() == "hello");
    REQUIRE(here.run(here.writing("the end")) == error_code());
    REQUIRE(here.run(here.parting()) == error_code());
    CHECK(server.problems().empty());
    REQUIRE(heard.ends_with("the end"));
    heard.resize(heard.size() - 7);
    CHECK((heard == large.substr(0, heard.size())));
    CHECK(heard.size() < large.size());
}

TEST_CASE("tls_stream: a stalled handshake can be cancelled", "[loopback][tls_stream][D50]") {
    raw_server server([](raw_peer& peer) { peer.hold(); });
    secure_end here(server.port());
    auto shaking = start(here.strand, here.shaking());
    poll(here.io);
    shaking.cancel();
    REQUIRE(here.until([&shaking] { return shaking.done(); }));
    CHECK(shaking.get() == asio::error::operation_aborted);
}

TEST_CASE("tls_stream: a peer without TLS is reported", "[loopback][tls_stream]") {
    raw_server server([](raw_peer& peer) {
        peer.read_some();
        peer.send("220 mail.test ESMTP\r\n");
        peer.hold();
    });
    secure_end here(server.port());
    const auto failed = here.handshake();
    CHECK(failed.category() == asio::error::get_ssl_category());
    CHECK(here.handshake() == failed);
    CHECK(here.run(here.writing("x")) == failed);
    CHECK(here.run(here.parting()) == error_code());
}

TEST_CASE("tls_stream: destroying the context destroys its waits", "[loopback][tls_stream]") {
    secure_server server({[](raw_peer& peer) { peer.hold(); }});
    auto here = std::make_unique<secure_end>(server.port());
    REQUIRE_FALSE(here->handshake());
    const std::string more_than_fits(64'000'000, 'x'); // into the buffers of both kernels
    {
        const auto reading = start(here->strand, here->reading(1));
        const auto writing = start(here->strand, here->writing(more_than_fits));
        REQUIRE(here->until([&here] { return !here->stream->flushed(); }));
        CHECK_FALSE(reading.done());
        CHECK_FALSE(writing.done());
    } // nothing of the context's is held any longer (doc/pitfalls.md P18)
    here.reset();
}

TEST_CASE("tls_stream: a context that ends destroys a read that waits for the handshake",
          "[loopback][tls_stream]") {
    raw_server server([](raw_peer& peer) { peer.hold(); });
    auto here = std::make_unique<secure_end>(server.port());
    {
        const auto shaking = start(here->strand, here->shaking());
        const auto reading = start(here->strand, here->reading(1)); // behind it
        poll(here->io);
        CHECK_FALSE(shaking.done());
        CHECK_FALSE(reading.done());
    }
    here.reset();
}

TEST_CASE("tls_stream: a closed socket ends pending operations", "[loopback][tls_stream]") {
    const bool shaken = GENERATE(true, false);
    CAPTURE(shaken);
    raw_server silent([](raw_peer& peer) { peer.hold(); });
    secure_server server({[](raw_peer& peer) { peer.hold(); }});
    secure_end here(shaken ? server.port() : silent.port());
    if (shaken) REQUIRE_FALSE(here.handshake());
    std::optional<started<error_code>> shaking;
    if (!shaken) shaking.emplace(start(here.strand, here.shaking()));
    auto reading = start(here.strand, here.reading(1)); // behind the handshake
    poll(here.io);
    here.socket().close();
    REQUIRE(here.until([&] { return reading.done() && (!shaking || shaking->done()); }));
    CHECK(here.read_error() != error_code());
    CHECK(here.run(here.writing("x")) != error_code());
}

} // namespace tls_stream_test
