#pragma once

#include "support/raw_server.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

namespace parley::test {

/// A server's half of permessage-deflate, context kept.
class deflater {
public:
    deflater() { stream_.reset(8, 15, 4, boost::beast::zlib::Strategy::normal); }

    std::string message(std::string_view text) { return frame_of(deflated(text)); }

    /// One message of so many equal bytes.
    std::string bomb(std::size_t size) {
        const std::string piece(1u << 20, 'b');
        std::string out;
        while (size > piece.size()) {
            out += deflated(piece);
            out += std::string_view("\0\0\xff\xff", 4); // an empty block, within a message
            size -= piece.size();
        }
        return frame_of(out + deflated(std::string(size, 'b')));
    }

    static constexpr const char* header = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

private:
    static std::string frame_of(std::string_view payload) {
        return server_frame(1, payload, true, true);
    }

    /// RFC 7692 section 7.2.1: without the end of the last block.
    std::string deflated(std::string_view text) {
        std::string out(stream_.upper_bound(text.size()) + 64, '\0');
        boost::beast::zlib::z_params now;
        now.next_in = text.data();
        now.avail_in = text.size();
        now.next_out = out.data();
        now.avail_out = out.size();
        boost::system::error_code failed;
        stream_.write(now, boost::beast::zlib::Flush::sync, failed);
        out.resize(now.total_out);
        if (!out.ends_with(std::string_view("\0\0\xff\xff", 4)))
            throw std::runtime_error("not flushed"); // on a thread on which nothing is asserted
        out.resize(out.size() - 4);
        return out;
    }

    boost::beast::zlib::deflate_stream stream_;
};

} // namespace parley::test
