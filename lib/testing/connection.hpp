#pragma once

#include "testing/http_api.hpp"
#include "testing/peer.hpp"
#include "testing/session.hpp"
#include "testing/tasks.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace parley::testing {

/// One connection of a client: its HTTP requests and, after an upgrade, its session.
/// For the server's thread.
class connection : public std::enable_shared_from_this<connection> {
public:
    connection(boost::asio::any_io_executor executor, std::shared_ptr<server_context> context,
               std::unique_ptr<peer> peer, std::uint64_t& sessions);

    /// To the end of the connection.
    static boost::asio::awaitable<void> run(std::shared_ptr<connection> self);

    /// Null before the upgrade.
    const std::shared_ptr<session>& live() const noexcept { return session_; }
    void drop();
    /// Ends it; `run` returns soon.
    void shut();

private:
    boost::asio::awaitable<void> handshake();
    boost::asio::awaitable<void> serve();
    /// These return whether another request may follow.
    boost::asio::awaitable<bool> handle(received_request request);
    boost::asio::awaitable<bool> suffer(endpoint where, http_fault fault);
    boost::asio::awaitable<bool> answer(http_reply reply);
    boost::asio::awaitable<bool> upgrade(received_request request);
    boost::asio::awaitable<void> pass(std::chrono::milliseconds duration);

    void count(endpoint where);
    void count_refusal(endpoint where);
    std::unique_ptr<server_protocol> admitted(const http_api::admission& admission);

    boost::asio::any_io_executor executor_;
    std::shared_ptr<server_context> context_;
    std::shared_ptr<peer> peer_;
    std::uint64_t& sessions_; ///< the number of the last session of the server
    http_api api_;
    std::shared_ptr<session> session_;
    wake_signal to_wait_;
    std::string origin_; ///< of the request that is answered; empty without
    bool ended_{false};
};

} // namespace parley::testing
