#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace parley::testing {

/// A map by text that forgets its oldest entries, for data that clients make the server keep.
template <class T>
class bounded_map {
public:
    explicit bounded_map(std::size_t max_size) : max_size_(max_size) {}

    /// Null when there is none.
    T* find(std::string_view key) {
        const auto found = entries_.find(key);
        return found == entries_.end() ? nullptr : &found->second;
    }
    /// The entry, which is made when there is none.
    T& operator[](std::string_view key) {
        if (T* known = find(key)) {
            return *known;
        }
        if (order_.size() >= max_size_) {
            entries_.erase(order_.front());
            order_.pop_front();
        }
        order_.emplace_back(key);
        return entries_[order_.back()];
    }
    template <class F>
    void for_each(F function) {
        for (auto& entry : entries_) {
            function(entry.second);
        }
    }
    void clear() {
        entries_.clear();
        order_.clear();
    }

private:
    std::size_t max_size_;
    std::map<std::string, T, std::less<>> entries_;
    std::deque<std::string> order_; ///< every key of `entries_`, oldest first
};

} // namespace parley::testing
