#pragma once

#include <parley/testing/server_fault.hpp>

#include <array>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace parley::testing {

/// The faults that are switched on, in the order in which they are used up. For any thread.
class fault_plan {
public:
    void add(endpoint where, http_fault fault, unsigned count) {
        const std::lock_guard lock(mutex_);
        requests_.at(static_cast<std::size_t>(where)).add(std::move(fault), count);
    }
    void add(session_fault fault, unsigned count) {
        const std::lock_guard lock(mutex_);
        sessions_.add(std::move(fault), count);
    }
    void clear() {
        const std::lock_guard lock(mutex_);
        requests_ = {};
        sessions_ = {};
    }
    std::optional<http_fault> take(endpoint where) {
        const std::lock_guard lock(mutex_);
        return requests_.at(static_cast<std::size_t>(where)).take();
    }
    std::optional<session_fault> take_session() {
        const std::lock_guard lock(mutex_);
        return sessions_.take();
    }

private:
    template <class T>
    class line {
    public:
        void add(T fault, unsigned count) {
            if (count > 0) {
                faults_.emplace_back(std::move(fault), count);
            }
        }
        std::optional<T> take() {
            if (faults_.empty()) {
                return std::nullopt;
            }
            auto& [fault, left] = faults_.front();
            if (left == always) {
                return fault;
            }
            std::optional<T> result = fault;
            if (--left == 0) {
                faults_.pop_front();
            }
            return result;
        }

    private:
        std::deque<std::pair<T, unsigned>> faults_;
    };

    std::mutex mutex_;
    std::array<line<http_fault>, 4> requests_; ///< by `endpoint`
    line<session_fault> sessions_;
};

} // namespace parley::testing
