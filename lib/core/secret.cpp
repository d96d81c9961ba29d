#include <parley/secret.hpp>

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

namespace parley {

// A unique_ptr and not a std::string: the small-string buffer would be copied about with the object
// and left behind (doc/pitfalls.md P53).

secret::secret(std::string_view text) : size_(text.size()) {
    if (text.empty()) return;
    data_ = std::make_unique<char[]>(text.size());
    std::copy(text.begin(), text.end(), data_.get());
}

secret::secret(const secret& other) : secret(other.expose()) {}

secret::secret(secret&& other) noexcept
    : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}

secret& secret::operator=(const secret& other) {
    if (this != &other) *this = secret(other);
    return *this;
}

secret& secret::operator=(secret&& other) noexcept {
    if (this == &other) return *this;
    wipe();
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
}

secret::~secret() { wipe(); }

bool operator==(const secret& left, const secret& right) noexcept {
    if (left.size_ != right.size_) return false;
    return left.size_ == 0 || CRYPTO_memcmp(left.data_.get(), right.data_.get(), left.size_) == 0;
}

void secret::wipe() noexcept {
    if (data_) OPENSSL_cleanse(data_.get(), size_);
    data_.reset();
    size_ = 0;
}

} // namespace parley
