#pragma once

#include "stress/owners.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <string>

namespace parley::stress {

/// What has become of the operations. Any thread.
class findings {
public:
    void began();
    void ended(const std::exception_ptr& thrown);
    std::size_t under_way() const;
    bool broken() const;
    void print() const;

private:
    mutable std::mutex mutex_;
    std::size_t under_way_ = 0;
    std::map<std::string, std::size_t> outcomes_;
    std::map<std::string, std::size_t> wrong_;
};

/// Uses every public member, one operation after the other, and cancels some in every way.
void start_user(asio::io_context& on, owners& world, findings& found, std::uint64_t seed,
                std::chrono::steady_clock::time_point until);

/// Contexts of callers that go while operations of other contexts are waited for.
void pass_by_until(std::chrono::steady_clock::time_point end, owners& world, findings& found,
                   std::uint64_t seed);

/// Contexts of clients and managers that are destroyed while a caller in `callers` waits for them.
void leave_until(std::chrono::steady_clock::time_point end, owners& world,
                 asio::io_context& callers, findings& found, std::uint64_t seed);

} // namespace parley::stress
