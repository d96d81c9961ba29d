#pragma once

#include <parley/testing/server_record.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::testing {

/// What the server saw, for any thread to read and to wait for.
class record_book {
public:
    explicit record_book(std::size_t max_kept);

    void count(std::size_t counters::* which);
    void discount(std::size_t counters::* which);
    void add(received_frame frame);
    void add(received_request request);
    /// Counts and describes violations of the protocol by a client.
    void violation(std::string what);
    void internal_error(std::string what);

    counters seen() const;
    std::vector<received_frame> frames() const;
    std::vector<received_frame> frames(std::string_view type) const;
    std::vector<received_request> requests() const;
    std::vector<std::string> violations() const;
    std::vector<std::string> internal_errors() const;
    bool wait_until(const std::function<bool(const counters&)>& predicate,
                    std::chrono::milliseconds timeout) const;

private:
    template <class T>
    void keep(std::deque<T>& kept, T item) {
        kept.push_back(std::move(item));
        if (kept.size() > max_kept_) {
            kept.pop_front();
        }
    }

    const std::size_t max_kept_;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    counters counters_;
    std::deque<received_frame> frames_;
    std::deque<received_request> requests_;
    std::deque<std::string> violations_;
    std::deque<std::string> internal_errors_;
};

} // namespace parley::testing
