#include "core/wipe.hpp"

#include <openssl/crypto.h>

namespace parley {

void wipe(std::string& text) noexcept { OPENSSL_cleanse(text.data(), text.size()); }

} // namespace parley
