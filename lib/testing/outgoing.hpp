#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace parley::testing {

/// One thing that a session's writer puts on the wire, in its turn.
class outgoing {
public:
    enum class kind { text, binary, bytes, ping, close, drop };

    static outgoing text(std::string data) { return {kind::text, std::move(data), 0}; }
    static outgoing binary(std::string data) { return {kind::binary, std::move(data), 0}; }
    /// Under the WebSocket layer.
    static outgoing bytes(std::string data) { return {kind::bytes, std::move(data), 0}; }
    static outgoing ping() { return {kind::ping, {}, 0}; }
    static outgoing close(std::uint16_t code, std::string reason) {
        return {kind::close, std::move(reason), code};
    }
    static outgoing drop() { return {kind::drop, {}, 0}; }

    kind what() const noexcept { return kind_; }
    const std::string& data() const noexcept { return data_; }
    std::uint16_t code() const noexcept { return code_; }

private:
    outgoing(kind what, std::string data, std::uint16_t code)
        : kind_(what), data_(std::move(data)), code_(code) {}

    kind kind_;
    std::string data_;
    std::uint16_t code_;
};

} // namespace parley::testing
