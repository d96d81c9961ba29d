#include "websocket/permessage_deflate.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>
#include <boost/beast/zlib/inflate_stream.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace parley {

namespace zlib = boost::beast::zlib;

namespace {

/// An empty stored block, but for its first byte: neither end of a message sends it.
constexpr std::string_view end_of_block("\0\0\xff\xff", 4);

zlib::z_params between(std::string_view in, std::span<char> out) {
    zlib::z_params ends;
    ends.next_in = in.data();
    ends.avail_in = in.size();
    ends.next_out = out.data();
    ends.avail_out = out.size();
    return ends;
}

} // namespace

class permessage_deflate::inflater {
public:
    inflater(int window, bool keeps_context) : keeps_context_(keeps_context) {
        stream_.reset(window);
    }

    outcome take(std::string_view& payload, bool last, std::span<char>& room) {
        if (std::exchange(broken_, true)) return outcome::malformed; // also after an exception
        const auto reached = go_on(payload, last, room);
        broken_ = reached == outcome::malformed;
        return reached;
    }

private:
    enum class stop { wants_input, wants_room, final_block, malformed };

    outcome go_on(std::string_view& payload, bool last, std::span<char>& room) {
        if (!tail_) {
            if (!take_blocks(payload, room)) return outcome::malformed;
            if (!payload.empty()) return outcome::out_of_room;
            if (!last) return outcome::done;
            tail_ = end_of_block;
        }
        return finish(room);
    }

    bool take_blocks(std::string_view& payload, std::span<char>& room) {
        // zlib may go back in its input by what it has ahead, which must not be of an earlier
        // buffer. It does not once it has asked for input, nor without room.
        std::string_view nothing;
        if (room_was_full_ && !take_past_final(nothing, room)) return false;
        if (!payload.empty() && !take_past_final(payload, room)) return false;
        room_was_full_ = room.empty();
        return true;
    }

    /// A final block ends no message (RFC 7692 section 7.2.3.4).
    bool take_past_final(std::string_view& in, std::span<char>& room) {
        auto stopped = feed(in, room);
        while (stopped == stop::final_block) {
            if (!start_anew(room)) return false;
            stopped = in.empty() ? stop::wants_input : feed(in, room);
        }
        return stopped != stop::malformed;
    }

    /// Beast's zlib may have read a byte past the final block; it is too little for any output.
    bool start_anew(std::span<char>& room) {
        const bool ahead = bits_ahead_ >= 8;
        stream_.reset();
        at_start_ = true;
        const char byte = latest_;
        std::string_view again(&byte, ahead ? 1 : 0);
        return !ahead || feed(again, room) != stop::malformed;
    }

    outcome finish(std::span<char>& room) {
        if (at_start_) return end_message();
        switch (feed(*tail_, room)) {
        case stop::malformed:
            return outcome::malformed;
        case stop::final_block: // without the byte that section 7.2.3.4 has behind it
            if (end_of_block.size() - tail_->size() > bits_ahead_ / 8) return outcome::malformed;
            stream_.reset();
            return end_message();
        case stop::wants_room:
            return between_blocks_ ? end_message() : outcome::out_of_room;
        case stop::wants_input:
            break;
        }
        return between_blocks_ ? end_message() : outcome::malformed;
    }

    outcome end_message() {
        if (!keeps_context_) stream_.reset(); // clear() would do nothing
        at_start_ = true;
        room_was_full_ = false;
        tail_.reset();
        return outcome::done;
    }

    stop feed(std::string_view& in, std::span<char>& room) {
        auto ends = between(in, room);
        boost::system::error_code failed;
        stream_.write(ends, zlib::Flush::sync, failed);
        const auto taken = in.size() - ends.avail_in;
        if (taken > 0) {
            latest_ = in[taken - 1];
            at_start_ = false;
        }
        in.remove_prefix(taken);
        room = room.last(ends.avail_out);
        bits_ahead_ = static_cast<unsigned>(ends.data_type) & 63u;
        between_blocks_ = (ends.data_type & 128) != 0 && bits_ahead_ == 0;
        if (failed == zlib::error::end_of_stream) return stop::final_block;
        // need_buffers: nothing was taken and nothing came out.
        if (failed && failed != zlib::error::need_buffers) return stop::malformed;
        return room.empty() ? stop::wants_room : stop::wants_input;
    }

    zlib::inflate_stream stream_;
    const bool keeps_context_;
    bool broken_ = false;
    bool at_start_ = true; ///< nothing taken of this message, or since its latest final block
    bool room_was_full_ = false;
    bool between_blocks_ = false;
    unsigned bits_ahead_ = 0;              ///< taken, but not used
    char latest_ = 0;                      ///< byte that was taken
    std::optional<std::string_view> tail_; ///< behind the payload, what is left of it
};

class permessage_deflate::deflater {
public:
    deflater(int window, bool keeps_context) : keeps_context_(keeps_context) {
        stream_.reset(8, window, 4, zlib::Strategy::normal);
    }

    void append(std::string_view message, std::string& to) {
        const auto before = to.size();
        try {
            append_flushed(message, to);
        } catch (...) {
            to.resize(before);
            stream_.reset();
            throw;
        }
        to.resize(to.size() - end_of_block.size());
        if (!keeps_context_) stream_.reset();
    }

private:
    void append_flushed(std::string_view message, std::string& to) {
        auto used = to.size();
        const auto room = stream_.upper_bound(message.size()) + 64;
        do {
            to.resize(used + room);
            used += feed(message, std::span(to).subspan(used));
        } while (used == to.size()); // the flush may not be complete
        to.resize(used);
    }

    std::size_t feed(std::string_view& message, std::span<char> room) {
        auto ends = between(message, room);
        boost::system::error_code failed; // need_buffers at most
        stream_.write(ends, zlib::Flush::sync, failed);
        message.remove_prefix(message.size() - ends.avail_in);
        return room.size() - ends.avail_out;
    }

    zlib::deflate_stream stream_;
    const bool keeps_context_;
};

permessage_deflate::permessage_deflate(const deflate_parameters& agreed) : agreed_(agreed) {}
permessage_deflate::~permessage_deflate() = default;

permessage_deflate::outcome permessage_deflate::inflate(std::string_view& payload, bool last,
                                                        std::span<char> into, std::size_t& count) {
    if (!inflater_)
        // A peer's zlib takes 9 bits where 8 were agreed.
        inflater_ = std::make_unique<inflater>(std::max(agreed_.server_window, least_deflated),
                                               !agreed_.server_no_context_takeover);
    auto room = into;
    const auto reached = inflater_->take(payload, last, room);
    count = into.size() - room.size();
    return reached;
}

void permessage_deflate::deflate(std::string_view message, std::string& to) {
    if (message.empty()) { // section 7.2.3.6
        to += '\0';
        return;
    }
    if (!deflater_)
        deflater_ =
            std::make_unique<deflater>(agreed_.client_window, !agreed_.client_no_context_takeover);
    deflater_->append(message, to);
}

} // namespace parley
