#pragma once

#include "async/condition.hpp"
#include "simulation/network.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace parley::simulation {

/// Something on its way to the client.
struct inbound_item {
    enum class kind { text, binary, pong, close, close_started };
    explicit inbound_item(kind of) : what(of) {}

    kind what;
    std::string text;
    std::size_t size = 2; // bytes on the wire
    std::size_t got = 0;  // of these
    std::size_t piece = std::numeric_limits<std::size_t>::max();
    std::chrono::milliseconds pause{0}; // between two pieces
    unsigned code = 0;
    time_point at{};
};

/// A frame of the client that is to be flushed.
struct outbound_frame {
    enum class kind { message, ping, close };
    kind what = kind::message;
    std::string text;
};

/// Both ends of a simulated connection, and what lies between them.
struct network_of_seeds::socket : std::enable_shared_from_this<network_of_seeds::socket> {
    static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

    socket(world& of, far_end& to, wire_tap& by, std::uint64_t n)
        : in(of), server(to), tap(by), number(n) {}

    /// What will happen to it, from the beginning.
    void plan_faults();

    // towards the client
    void arrive(inbound_item one, std::chrono::milliseconds latency);
    bool take_one(); // true for a message
    void hand_over(inbound_item one);

    // towards the server
    void send_off(std::string text);
    void send_close();
    void deliver_to_server();

    void break_off(); // a reset that both ends see
    void abort();
    void let_go(); // the client's end is gone
    void notify() {
        if (changed) changed->notify_all();
    }

    world& in;
    far_end& server;
    wire_tap& tap;
    const std::uint64_t number;
    transport_listener* listener = nullptr;
    std::unique_ptr<condition> changed;
    std::shared_ptr<peer> far;

    bool open = false;
    bool broken = false;
    bool aborted = false;
    bool frozen = false;
    bool closing = false; // we have sent our close
    bool told = false;    // the server knows that it is over
    std::optional<error_info> end;
    bool connecting = false;
    bool reading = false;
    bool writing = false;

    outbound_frame begun;
    std::deque<inbound_item> inbound;
    time_point inbound_free{}; // nothing overtakes
    std::uint64_t inbound_left = unlimited;
    std::uint64_t outbound_left = unlimited;

    struct outbound_item {
        time_point at{};
        std::optional<std::string> text; // none: a close
    };
    std::deque<outbound_item> outbound;
    time_point outbound_free{};
};

std::shared_ptr<peer> make_peer(const std::shared_ptr<network_of_seeds::socket>& of);

/// Marks an operation as being on, however it ends, and sees that there is one of its kind.
class operation_mark {
public:
    operation_mark(network_of_seeds::socket& of, bool& which, std::string_view name);
    operation_mark(const operation_mark&) = delete;
    operation_mark& operator=(const operation_mark&) = delete;
    ~operation_mark() { which_ = false; }

private:
    bool& which_;
};

} // namespace parley::simulation
