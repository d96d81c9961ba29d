#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace parley {

/// A FIFO queue in chunks of `Count` elements: one allocation per chunk, none while one chunk is
/// enough, and elements never move. `std::deque` would allocate a chunk for each large
/// element.
template <class T, std::size_t Count>
class chunked_queue {
public:
    chunked_queue() = default;
    chunked_queue(const chunked_queue&) = delete;
    chunked_queue& operator=(const chunked_queue&) = delete;

    void swap(chunked_queue& other) noexcept {
        std::swap(first_, other.first_);
        std::swap(last_, other.last_);
        std::swap(begin_, other.begin_);
        std::swap(end_, other.end_);
        std::swap(size_, other.size_);
    }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    template <class... Arguments>
    void emplace_back(Arguments&&... arguments) {
        if (!last_ || end_ == Count) grow();
        last_->places[end_++].emplace(std::forward<Arguments>(arguments)...);
        ++size_;
    }

    /// The oldest and the newest element. Precondition: not empty.
    T& front() noexcept { return *first_->places[begin_]; }
    T& back() noexcept { return *last_->places[end_ - 1]; }
    void pop_front() noexcept {
        first_->places[begin_++].reset();
        if (--size_ == 0) {
            begin_ = end_ = 0; // the chunk is kept
        } else if (begin_ == Count) {
            first_ = std::move(first_->next);
            begin_ = 0;
        }
    }

private:
    struct chunk {
        chunk() = default;
        chunk(const chunk&) = delete;
        chunk& operator=(const chunk&) = delete;
        ~chunk() { // iterative
            while (next)
                next = std::move(next->next);
        }

        std::array<std::optional<T>, Count> places;
        std::unique_ptr<chunk> next;
    };

    void grow() {
        auto added = std::make_unique<chunk>();
        chunk* const next = added.get();
        (last_ ? last_->next : first_) = std::move(added);
        last_ = next;
        end_ = 0;
    }

    std::unique_ptr<chunk> first_;
    chunk* last_ = nullptr;
    std::size_t begin_ = 0; // in the first chunk
    std::size_t end_ = 0;   // in the last
    std::size_t size_ = 0;
};

} // namespace parley
