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
        done,        ///< the payload is used up, and with `last` the whole message is there
        out_of_room, ///< there is more: call again, with what is left of the payload and more room
        malformed,   ///< for good
    };

    /// Inflates `payload`, from whose front it takes what it has used; `count` bytes were written
    /// into `into`. With `last` it is the end of a message's payload, to which the four bytes of
    /// section 7.2.2 are added here; `last` stays as it was after `out_of_room`. Never out of room
    /// is what fits exactly. What a piece had no room for before it was used up, comes first in the
    /// next call.
    outcome inflate(std::string_view& payload, bool last, std::span<char> into, std::size_t& count);

    /// Appends the payload of one whole message (section 7.2.1).
    void deflate(std::string_view message, std::string& to);

private:
    class inflater;
    class deflater;

    const deflate_parameters agreed_;
    // A session that has nothing to inflate or deflate pays for neither.
    std::unique_ptr<inflater> inflater_;
    std::unique_ptr<deflater> deflater_;
};

} // namespace parley
