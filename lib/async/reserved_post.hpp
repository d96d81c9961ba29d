#pragma once

#include <parley/detail/strand.hpp>

#include <boost/asio/bind_allocator.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
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
        void* take(std::size_t size) noexcept {
            const std::size_t rounded = (size + grain - 1) / grain * grain;
            if (rounded > room.size() - used) return nullptr;
            void* const taken = room.data() + used;
            used += rounded;
            return taken;
        }
        bool has(const void* memory) const noexcept {
            const auto* const one = static_cast<const std::byte*>(memory);
            return !std::less<>()(one, room.data()) &&
                   std::less<>()(one, room.data() + room.size());
        }

        static constexpr std::size_t grain = alignof(std::max_align_t);
        alignas(std::max_align_t) std::array<std::byte, 768> room;
        std::size_t used = 0;
    };

    /// Allocates from the block while there is room, and from the heap otherwise.
    template <class T>
    class allocator {
    public:
        using value_type = T;

        explicit allocator(std::shared_ptr<block> from) noexcept : from_(std::move(from)) {}
        template <class U>
        allocator(const allocator<U>& other) noexcept : from_(other.from()) {}

        T* allocate(std::size_t count) {
            void* memory = from_->take(count * sizeof(T));
            if (!memory) memory = ::operator new(count * sizeof(T));
            return static_cast<T*>(memory);
        }
        void deallocate(T* memory, std::size_t) noexcept {
            if (!from_->has(memory)) ::operator delete(memory);
        }

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
