#pragma once

#include <parley/chat_client.hpp>
#include <parley/message_handler.hpp>
#include <parley/testing/chat_server.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/websocket_manager.hpp>

#include <boost/asio/io_context.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

namespace parley::stress {

/// Samples of one user or thread.
class dice {
public:
    explicit dice(std::uint64_t seed) : engine_(seed) {}
    std::size_t below(std::size_t bound) {
        return std::uniform_int_distribution<std::size_t>(0, bound - 1)(engine_);
    }
    bool one_in(std::size_t bound) { return below(bound) == 0; }
    template <class Unit>
    Unit up_to(Unit most) {
        return Unit(
            static_cast<typename Unit::rep>(below(static_cast<std::size_t>(most.count()) + 1)));
    }

private:
    std::mt19937_64 engine_;
};

/// A place for one object, which anybody exchanges at any time.
template <class T>
class place {
public:
    std::shared_ptr<T> get() const {
        const std::lock_guard lock(mutex_);
        return held_;
    }
    void put(std::shared_ptr<T> next) { // the old one goes without the lock
        const std::lock_guard lock(mutex_);
        held_.swap(next);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<T> held_;
};

/// The servers, and what is used of them.
class owners {
public:
    owners(const std::vector<std::unique_ptr<asio::io_context>>& contexts, std::uint64_t seed);

    /// Exchanges objects for new ones.
    void exchange_until(std::chrono::steady_clock::time_point end);
    /// Makes the servers fail, in every way there is, and serve again.
    void fail_until(std::chrono::steady_clock::time_point end);

    std::shared_ptr<chat_client> any_client(dice& by) { return any(clients_, by); }
    std::shared_ptr<ticket_manager> any_manager(dice& by) { return any(managers_, by); }
    std::shared_ptr<websocket_manager> any_socket(dice& by) { return any(sockets_, by); }
    std::shared_ptr<message_handler> any_handler(dice& by) { return any(handlers_, by); }
    ticket a_ticket();

    std::shared_ptr<chat_client> make_client(asio::io_context& on, dice& by);
    std::shared_ptr<ticket_manager> make_manager(asio::io_context& on, dice& by);
    std::shared_ptr<websocket_manager> make_socket(asio::io_context& on, dice& by);

private:
    template <class T, std::size_t Count>
    static std::shared_ptr<T> any(const std::array<place<T>, Count>& of, dice& by) {
        return of[by.below(Count)].get();
    }
    const testing::chat_server& any_server(dice& by) const {
        return by.one_in(3) ? secure_ : plain_;
    }
    chat_client_config config_for(const testing::chat_server& server, dice& by) const;
    asio::io_context& any_context(dice& by) { return *contexts_[by.below(contexts_.size())]; }
    void exchange_one(dice& by);

    const std::vector<std::unique_ptr<asio::io_context>>& contexts_;
    const std::uint64_t seed_;
    testing::chat_server plain_;
    testing::chat_server secure_;
    std::array<place<ticket_manager>, 2> managers_;
    std::array<place<chat_client>, 6> clients_;
    std::array<place<websocket_manager>, 2> sockets_;
    std::array<place<message_handler>, 2> handlers_;
};

} // namespace parley::stress
