#pragma once

#include <parley/chat_client.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace parley::load {

/// What a sender was told of a message.
enum class told : unsigned char { nothing, answered, sent, not_sent, unconfirmed };

/// What all users have seen. Any thread may add to it.
class findings {
public:
    void message(std::uint64_t number, told what);
    /// A broken promise; the first few are kept as text.
    void broke(std::string_view invariant, std::string what);

    std::atomic<std::size_t> operations{0};
    std::atomic<std::size_t> failures{0}; ///< of operations, with an error that says what is true
    std::atomic<std::size_t> losses{0};
    std::atomic<std::size_t> tools{0};
    std::atomic<std::size_t> broken{0};
    std::atomic<long> slowest_ms{0}; ///< of the operations

    std::unordered_map<std::uint64_t, told> messages() const;
    std::vector<std::string> first_broken() const;
    std::map<std::string, std::size_t> broken_by_invariant() const;

private:
    mutable std::mutex mutex_; // guards what is below
    std::unordered_map<std::uint64_t, told> messages_;
    std::vector<std::string> first_broken_;
    std::map<std::string, std::size_t> by_invariant_;
};

/// One client, with random calls of its user.
class user : public std::enable_shared_from_this<user> {
public:
    user(const asio::any_io_executor& executor, const std::string& url, std::uint32_t number,
         std::shared_ptr<findings> found);

    const asio::strand<asio::any_io_executor>& strand() const noexcept { return strand_; }

    /// Until the time is over and the client has disconnected.
    static awaitable<void> live(std::shared_ptr<user> self,
                                std::chrono::steady_clock::time_point until);

private:
    unsigned chance(unsigned of) { return static_cast<unsigned>(random_() % of); }
    std::uint64_t next_message() { return (static_cast<std::uint64_t>(number_) << 32) | ++sent_; }

    static awaitable<void> act(std::shared_ptr<user> self);
    static awaitable<void> say(std::shared_ptr<user> self, bool ask);
    static awaitable<void> other(std::shared_ptr<user> self, unsigned what);
    static awaitable<void> listen(std::shared_ptr<user> self);
    static awaitable<void> pause(std::shared_ptr<user> self, std::chrono::milliseconds how_long);
    static awaitable<json_text> echo(std::weak_ptr<user> whose, std::string call_id);

    void happened(const event& what);
    /// An operation that began then has ended, within that bound.
    void ended(std::chrono::steady_clock::time_point began, std::chrono::seconds bound,
               std::string_view what);

    const std::uint32_t number_;
    const std::shared_ptr<findings> found_;
    std::mt19937 random_;
    std::uint64_t sent_ = 0;
    asio::strand<asio::any_io_executor> strand_; ///< of the callers
    asio::steady_timer timer_;
    asio::steady_timer listening_done_;
    bool listening_ = false;
    bool lost_ = false;
    std::set<std::string> tools_run_;
    std::mutex tools_mutex_;
    std::unique_ptr<chat_client> client_;
};

} // namespace parley::load
