// Floods that a limit ends: what they cost us. Small here; `test/long.sh` has them at full size.

#include "support/deflater.hpp"
#include "support/long_run.hpp"
#include "support/raw_server.hpp"
#include "support/wire_fixture.hpp"

#include <ctime>
#include <fstream>
#include <iostream>
#include <string>

namespace frame_limits_test {

using namespace parley;
using namespace parley::test;

namespace {

/// The largest resident set since `begin`, in bytes beyond what there was then.
class peak {
public:
    peak() {
        std::ofstream("/proc/self/clear_refs") << 5; // VmHWM begins anew, see proc(5)
        before_ = in_status("VmHWM:");
    }
    std::size_t bytes() const {
        const auto now = in_status("VmHWM:");
        return now > before_ ? now - before_ : 0;
    }

private:
    static std::size_t in_status(std::string_view name) {
        std::ifstream status("/proc/self/status");
        for (std::string line; std::getline(status, line);)
            if (line.starts_with(name)) return std::stoul(line.substr(name.size())) * 1024;
        return 0;
    }
    std::size_t before_ = 0;
};

/// Processor time of this thread, which runs the client, in milliseconds.
long cpu_time() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1'000 + now.tv_nsec / 1'000'000;
}

/// Sends it all, or as much as the client takes before it goes.
raw_server::script flood(const std::string& bytes, const std::string& headers) {
    return [&bytes, headers](raw_peer& peer) {
        peer.upgrade(headers);
        try {
            peer.send(bytes);
            peer.hold();
        } catch (const std::exception&) {
            // It has gone: that is what it is meant to do.
        }
    };
}

} // namespace

TEST_CASE("frames: a deflate bomb costs no more memory than the limit of a message",
          "[loopback][frames][E62][long]") {
    const std::size_t inflated = (long_run() ? 200u : 20u) << 20;
    const auto bytes = deflater().bomb(inflated);
    raw_server server(flood(bytes, deflater::header));
    wire here;
    here.config.limits.message_bytes = 1u << 20;
    REQUIRE(here.connect(server.port()));
    const peak memory;
    const auto begun = cpu_time();
    CHECK(here.read_to_end().is(errc::message_too_large));
    const auto took = cpu_time() - begun;
    const auto held = memory.bytes();
    CHECK(here.seen.texts.empty());
    CHECK(held < 8u << 20);
    if (long_run())
        std::cout << "a bomb of " << inflated << " bytes, " << bytes.size()
                  << " on the wire: " << held << " bytes, " << took << " ms of processor\n";
}

TEST_CASE("frames: endless empty fragments cost no more memory than the limit of fragments",
          "[loopback][frames][E58][long]") {
    const std::size_t count = long_run() ? 1'000'000 : 20'000;
    std::string bytes = server_frame(1, "", false);
    const std::string empty = server_frame(0, "", false);
    for (std::size_t n = 0; n < count; ++n)
        bytes += empty;
    raw_server server(flood(bytes, ""));
    wire here;
    REQUIRE(here.connect(server.port()));
    const peak memory;
    const auto begun = cpu_time();
    const auto ended = here.read_to_end();
    const auto took = cpu_time() - begun;
    CHECK(ended.is(errc::protocol_violation));
    CHECK(ended.details.close_code == 1008u);
    CHECK(here.seen.bytes < 2 * 10'001 + (64u << 10)); // what follows is not even read
    const auto held = memory.bytes();
    CHECK(held < 8u << 20);
    if (long_run())
        std::cout << count << " empty fragments: " << here.seen.bytes << " bytes read, " << held
                  << " bytes, " << took << " ms of processor\n";
}

} // namespace frame_limits_test
