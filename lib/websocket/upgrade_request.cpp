#include "websocket/upgrade_request.hpp"

#include "core/random_bytes.hpp"
#include "core/request_headers.hpp"
#include "core/response_head.hpp"
#include "core/text.hpp"
#include "core/wipe.hpp"
#include "websocket/connect_request.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace parley {

namespace {

template <std::size_t Size>
std::string base64_of(const std::array<unsigned char, Size>& bytes) {
    return base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

} // namespace

std::string new_upgrade_key() {
    std::array<unsigned char, 16> nonce{};
    return draw_random(nonce) ? base64_of(nonce) : std::string();
}

std::string upgrade_request_text(const connect_request& request, const request_headers& headers,
                                 std::string_view key, std::string_view extensions) {
    const std::string host = request.server.host_header();
    header_list fields{{"Host", host},
                       {"Upgrade", "websocket"},
                       {"Connection", "Upgrade"},
                       {"Sec-WebSocket-Key", key},
                       {"Sec-WebSocket-Version", "13"}};
    if (!extensions.empty()) fields.emplace_back("Sec-WebSocket-Extensions", extensions);
    headers.add_to(fields);

    const auto cookies = request.cookies.expose();
    const auto own = std::ranges::find_if(
        fields, [](const auto& each) { return same_name(each.first, "Cookie"); });
    std::string joined; // RFC 6265 section 5.4: one header
    if (own != fields.end() && !cookies.empty()) {
        joined.reserve(own->second.size() + 2 + cookies.size());
        own->second = joined.append(own->second).append("; ").append(cookies);
    } else if (!cookies.empty()) {
        fields.emplace_back("Cookie", cookies);
    }
    auto text = write_request("GET", request.target, fields);
    wipe(joined);
    return text;
}

std::string expected_accept(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> hashed{};
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    return SHA1(bytes, text.size(), hashed.data()) ? base64_of(hashed) : std::string();
}

} // namespace parley
