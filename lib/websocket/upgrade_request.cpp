#include "websocket/upgrade_request.hpp"

#include "core/answer_head.hpp"
#include "core/random_bytes.hpp"
#include "core/request_headers.hpp"
#include "websocket/connect_request.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace parley {

namespace {

struct context_deleter {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

using sha1_bytes = std::array<unsigned char, 20>;

std::string base64(std::span<const unsigned char> bytes) {
    std::string text((bytes.size() + 2) / 3 * 4, '\0');
    // It writes the zero behind them too.
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                    static_cast<int>(bytes.size()));
    return text;
}

/// Of the two, one behind the other. False: OpenSSL has no SHA-1, or no memory.
bool hash(std::string_view first, std::string_view second, sha1_bytes& to) {
    // To look for it costs more than to hash, and so does a new context. It is never freed: a
    // thread may outlive what is static.
    static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
    thread_local const std::unique_ptr<EVP_MD_CTX, context_deleter> context(EVP_MD_CTX_new());
    return sha1 && context && EVP_DigestInit_ex(context.get(), sha1, nullptr) == 1 &&
           EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1 &&
           EVP_DigestUpdate(context.get(), second.data(), second.size()) == 1 &&
           EVP_DigestFinal_ex(context.get(), to.data(), nullptr) == 1;
}

std::size_t size_of(const request_headers& headers) {
    std::size_t size = headers.user_agent().size();
    for (const auto& [name, value] : headers.extra())
        size += name.size() + value.size() + 4;
    return size;
}

void append_field(std::string& to, std::string_view name, std::string_view value) {
    to.append(name).append(": ").append(value).append("\r\n");
}

} // namespace

std::string new_upgrade_key() {
    std::array<unsigned char, 16> nonce{};
    return draw_random(nonce) ? base64(nonce) : std::string();
}

std::string upgrade_request_text(const connect_request& request, const request_headers& headers,
                                 std::string_view key, std::string_view extensions) {
    const std::string host = request.server.host_header();
    std::string text;
    // Enough for all: what it grew out of would not be wiped.
    text.reserve(192 + request.target.size() + request.cookies.size() + host.size() + key.size() +
                 extensions.size() + size_of(headers));
    text.append("GET ").append(request.target).append(" HTTP/1.1\r\nHost: ").append(host);
    text.append("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ").append(key);
    text.append("\r\nSec-WebSocket-Version: 13\r\n");
    if (!extensions.empty()) append_field(text, "Sec-WebSocket-Extensions", extensions);
    append_field(text, "User-Agent", headers.user_agent());
    auto cookies = request.cookies.expose();
    for (const auto& [name, value] : headers.extra()) {
        text.append(name).append(": ").append(value);
        if (!cookies.empty() && same_name(name, "Cookie")) // RFC 6265 section 5.4: one header
            text.append("; ").append(std::exchange(cookies, {}));
        text.append("\r\n");
    }
    if (!cookies.empty()) append_field(text, "Cookie", cookies);
    text.append("\r\n");
    return text;
}

std::string expected_accept(std::string_view key) {
    sha1_bytes hashed{};
    return hash(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", hashed) ? base64(hashed)
                                                                     : std::string();
}

} // namespace parley
