#pragma once

#include "support/raw_server.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace parley::test {

/// A server's half of permessage-deflate, context kept.
class deflater {
public:
    deflater() { stream_.reset(8, 15, 4, boost::beast::zlib::Strategy::normal); }

    /// A compressed text message, in one frame.
    std::string message(std::string_view text) {
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
        out.resize(out.size() - 4);                  // RFC 7692 section 7.2.1
        return server_frame(1, out, true, true);
    }

private:
    boost::beast::zlib::deflate_stream stream_;
};

} // namespace parley::test
