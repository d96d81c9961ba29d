#pragma once

#include "net/resolve.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace parley::test {

/// Lookups that block until the test lets them go, and no longer than the test.
class gated_lookups {
public:
    gated_lookups() = default;
    gated_lookups(const gated_lookups&) = delete;
    gated_lookups& operator=(const gated_lookups&) = delete;
    ~gated_lookups() { open(); }

    lookup_function function() {
        return [shared = shared_](const std::string& host, std::uint16_t port) {
            std::unique_lock lock(shared->mutex);
            ++shared->begun[host];
            shared->changed.notify_all();
            shared->changed.wait(lock, [&] { return shared->open; });
            return lookup_answer(tcp_endpoints(1, {asio::ip::make_address("192.0.2.1"), port}));
        };
    }

    void open() {
        const std::lock_guard lock(shared_->mutex);
        shared_->open = true;
        shared_->changed.notify_all();
    }
    /// Until lookups of so many hosts have begun.
    void await_hosts(std::size_t count) {
        std::unique_lock lock(shared_->mutex);
        shared_->changed.wait(lock, [&] { return shared_->begun.size() >= count; });
    }
    unsigned begun(const std::string& host) {
        const std::lock_guard lock(shared_->mutex);
        return shared_->begun[host];
    }

private:
    struct state { // the threads' too, which outlive the test
        std::mutex mutex;
        std::condition_variable changed;
        bool open = false;
        std::map<std::string, unsigned> begun;
    };
    std::shared_ptr<state> shared_ = std::make_shared<state>();
};

} // namespace parley::test
