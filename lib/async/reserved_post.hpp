#pragma once

#include <parley/detail/strand.hpp>

#include <boost/asio/bind_allocator.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <new>
#include <utility>

namespace parley {

/// A post whose memory is allocated beforehand: for destructors, which must not fail.
class reserved_post {
public:
    reserved_post() : memory_(std::make_shared<block>()) {}

    /// Posts `last` to the strand, once, from any thread. On a strand of an io_context this cannot
    /// fail. Another executor may allocate more: when it cannot, `last` is destroyed.
    template <class Function>
    void operator()(const detail::strand& where, Function last) noexcept {
        try {
            where.post(asio::bind_allocator(allocator<void>(memory_), std::move(last)));
        } catch (const std::bad_alloc&) { // see above
        }
    }

private:
    struct block {
        alignas(std::max_align_t) std::array<std::byte, 320> buffer; // two operations
        std::pmr::monotonic_buffer_resource memory{buffer.data(), buffer.size()};
    };

    /// Allocates from the block while there is room, and from the heap otherwise. Each copy keeps
    /// the block, which frees all of it at once.
    template <class T>
    class allocator {
    public:
        using value_type = T;

        explicit allocator(std::shared_ptr<block> from) noexcept : from_(std::move(from)) {}
        template <class U>
        allocator(const allocator<U>& other) noexcept : from_(other.from()) {}

        T* allocate(std::size_t count) {
            return static_cast<T*>(from_->memory.allocate(count * sizeof(T), alignof(T)));
        }
        void deallocate(T*, std::size_t) noexcept {}

        const std::shared_ptr<block>& from() const noexcept { return from_; }
        template <class U>
        bool operator==(const allocator<U>& other) const noexcept {
            return from_ == other.from();
        }

    private:
        std::shared_ptr<block> from_;
    };

    const std::shared_ptr<block> memory_;
};

} // namespace parley
