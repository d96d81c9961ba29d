#pragma once

#include "testing/outgoing.hpp"
#include "testing/peer.hpp"
#include "testing/server_protocol.hpp"
#include "testing/tasks.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace parley::testing {

/// One WebSocket: a reader, a writer and the answer that is on, around a `server_protocol`.
/// For the server's thread.
class session : public std::enable_shared_from_this<session> {
public:
    session(boost::asio::any_io_executor executor, std::shared_ptr<server_context> context,
            std::shared_ptr<peer> peer, std::unique_ptr<server_protocol> protocol);

    /// From after the 101 to the end of the connection.
    static boost::asio::awaitable<void> run(std::shared_ptr<session> self);

    void push(outgoing item);
    void drop();
    void drop_after(unsigned messages) { protocol_->drop_after(messages); }
    void close(std::uint16_t code, std::string reason);
    void silence();
    void stop_reading();
    void resume();
    void heartbeat_ping(const std::string& ping_time);

private:
    using time_point = std::chrono::steady_clock::time_point;

    static boost::asio::awaitable<void> read_loop(std::shared_ptr<session> self);
    static boost::asio::awaitable<void> write_loop(std::shared_ptr<session> self);
    static boost::asio::awaitable<void> script_loop(std::shared_ptr<session> self);
    static boost::asio::awaitable<void> close_watch(std::shared_ptr<session> self);

    boost::asio::awaitable<void> write(outgoing item);
    void push_all(std::vector<outgoing> items);
    void on_sign(peer_sign sign);
    void watch_close();
    void end();
    bool full() const noexcept;

    boost::asio::any_io_executor executor_;
    std::shared_ptr<server_context> context_;
    std::shared_ptr<peer> peer_;
    std::unique_ptr<server_protocol> protocol_;

    std::deque<outgoing> queue_;
    std::size_t queued_bytes_{0};
    bool ended_{false};
    bool silent_{false};
    bool closing_{false};
    wake_signal to_write_;
    wake_signal to_script_;
    wake_signal to_watch_;
};

} // namespace parley::testing
