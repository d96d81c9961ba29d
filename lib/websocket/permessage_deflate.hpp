#pragma once

#include "websocket/deflate_parameters.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace parley {

/// permessage-deflate (RFC 7692), this side being the client. No I/O.
class permessage_deflate {
public:
    explicit permessage_deflate(const deflate_parameters& agreed);
    ~permessage_deflate();
    permessage_deflate(const permessage_deflate&) = delete;
    permessage_deflate& operator=(const permessage_deflate&) = delete;

    enum class outcome {
        done,        ///< the payload is consumed; with `last` the message is complete
        out_of_room, ///< call again with the rest of the payload and more space
        malformed,   ///< permanent
    };

    /// Inflates `payload`, from whose front it removes what it has consumed, and writes `count`
    /// bytes into `into`. `last` marks the end of a message's payload; the four bytes of
    /// section 7.2.2 are added here. After `out_of_room` the next call has the same `last`. Output
    /// that fits exactly is not out of room.
    outcome inflate(std::string_view& payload, bool last, std::span<char> into, std::size_t& count);

    /// Appends the payload of one whole message (section 7.2.1).
    void deflate(std::string_view message, std::string& to);

private:
    class inflater;
    class deflater;

    const deflate_parameters agreed_;
    // Made at their first use.
    std::unique_ptr<inflater> inflater_;
    std::unique_ptr<deflater> deflater_;
};

} // namespace parley
