#pragma once

#include <parley/export.hpp>

#include <cstddef>
#include <iosfwd>
#include <memory>
#include <string_view>

namespace parley {

/// Text that must never be printed: a ticket, a token, a server key.
///
/// It cannot be formatted or converted, is compared in constant time, and is wiped when destroyed.
/// The wiping is best effort: TLS, the kernel and a serialised request hold copies of their own.
class PARLEY_EXPORT secret {
public:
    secret() noexcept = default;
    /// Copies the text; the caller wipes the original.
    explicit secret(std::string_view text);
    /// Copies; each copy is wiped separately.
    secret(const secret& other);
    /// Takes it over; `other` is empty afterwards.
    secret(secret&& other) noexcept;
    /// Copies; the old text is wiped.
    secret& operator=(const secret& other);
    /// Moves; the old text is wiped.
    secret& operator=(secret&& other) noexcept;
    ~secret();

    /// Whether the text is empty.
    bool empty() const noexcept { return size_ == 0; }
    /// In bytes.
    std::size_t size() const noexcept { return size_; }

    /// The text itself, for the one place that must send it. Valid as long as this object.
    std::string_view expose() const noexcept { return {data_.get(), size_}; }

    /// Takes the same time wherever the first difference is (CWE-208).
    friend bool operator==(const secret& left, const secret& right) noexcept;

private:
    void wipe() noexcept;

    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
};

std::ostream& operator<<(std::ostream&, const secret&) = delete;

} // namespace parley
