#pragma once

#include "simulation/world.hpp"
#include "transport/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::simulation {

/// The server's end of one simulated connection.
class peer {
public:
    virtual ~peer() = default;
    virtual std::uint64_t number() const = 0;
    /// False once either side or the network has ended it.
    virtual bool alive() const = 0;

    virtual void send(std::string text) = 0;
    virtual void send_binary(std::size_t size) = 0;
    virtual void close(unsigned code) = 0;
    virtual void begin_close() = 0; ///< the close frame, and then silence
    virtual void reset() = 0;
    /// Neither end receives anything from the other any more, without an error.
    virtual void freeze() = 0;
};

/// What the network asks of the server at the far end.
class far_end {
public:
    virtual ~far_end() = default;
    struct upgrade_answer {
        int status = 101;
        int retry_after = 0;
        bool valid = true; ///< false: a 101 that is none
    };
    virtual upgrade_answer upgrade(const std::string& target) = 0;
    virtual bool reachable() const = 0;
    virtual void opened(std::shared_ptr<peer> by) = 0;
    virtual void on_text(std::uint64_t connection, const std::string& text) = 0;
    virtual void gone(std::uint64_t connection) = 0;
};

/// Looked at by the invariants.
class wire_tap {
public:
    virtual ~wire_tap() = default;
    virtual void dialing(std::uint64_t connection, const std::string& target) = 0;
    virtual void dial_failed(std::uint64_t connection, const error_info& why) = 0;
    virtual void dial_done(std::uint64_t connection) = 0;
    /// Handed to the client. `ending`: it may ignore what comes.
    virtual void delivered(std::uint64_t connection, const std::string& text, bool ending) = 0;
    virtual void delivered_binary(std::uint64_t connection, bool ending) = 0;
    virtual void write_began(std::uint64_t connection, std::string_view text) = 0;
    virtual void written(std::uint64_t connection, std::string_view text) = 0;
    virtual void ended(std::uint64_t connection, const error_info& why) = 0;
};

/// A network that carries bytes with delays, in pieces, and not always to their end.
class network_of_seeds : public transport_factory {
public:
    network_of_seeds(world& in, far_end& server, wire_tap& tap);
    ~network_of_seeds() override;

    std::unique_ptr<transport> make(asio::any_io_executor executor, transport_listener& listener,
                                    bool secure) override;

    std::size_t alive() const noexcept; ///< transports that were not destroyed
    /// Of every connection, as when a server restarts.
    void reset_all();
    void freeze_all();

    struct socket;

private:
    world& world_;
    far_end& server_;
    wire_tap& tap_;
    std::shared_ptr<std::size_t> alive_ = std::make_shared<std::size_t>(0);
    std::vector<std::weak_ptr<socket>> sockets_;
    std::uint64_t last_ = 0;
};

} // namespace parley::simulation
