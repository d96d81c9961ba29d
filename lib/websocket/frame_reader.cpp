#include "websocket/frame_reader.hpp"

#include "websocket/masked_frame.hpp"
#include "websocket/permessage_deflate.hpp"
#include "websocket/utf8.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace parley {

namespace {

constexpr std::uint8_t code_of(frame_opcode one) noexcept { return static_cast<std::uint8_t>(one); }

constexpr auto continuation_opcode = code_of(frame_opcode::continuation);
constexpr auto text_opcode = code_of(frame_opcode::text);
constexpr auto binary_opcode = code_of(frame_opcode::binary);
constexpr auto close_opcode = code_of(frame_opcode::close);
constexpr auto ping_opcode = code_of(frame_opcode::ping);
constexpr auto pong_opcode = code_of(frame_opcode::pong);

constexpr unsigned protocol_error = 1002;
constexpr unsigned bad_payload = 1007;
constexpr unsigned policy_error = 1008;

constexpr std::size_t direct_from = 4096; // less is not worth a read of its own
constexpr std::size_t inflated_at_once = 4096;

/// One that a close frame may have (RFC 6455 section 7.4, and what is registered since).
bool may_be_sent(unsigned code) noexcept {
    if (code >= 3000 && code <= 4999) return true;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

unsigned code_in(std::string_view payload) noexcept {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(payload.data());
    return static_cast<unsigned>(bytes[0] << 8 | bytes[1]);
}

} // namespace

frame_reader::close_reason::close_reason(std::string_view payload) {
    if (payload.size() < 2) return;
    code = code_in(payload);
    text = payload.substr(2);
}

void frame_reader::object(unsigned code, std::string_view reason) {
    objection_ = complaint{code, reason};
}

std::string_view frame_reader::held_text(std::size_t count) const noexcept {
    return {reinterpret_cast<const char*>(first()), count};
}

asio::mutable_buffer frame_reader::space() {
    direct_ = in_frame() && !is_control() && !compressed_ && held() == 0 && left_ >= direct_from &&
              !fits_in_place();
    if (direct_) {
        const auto rest = static_cast<std::size_t>(left_); // not above the longest message
        return asio::buffer(message_.space(rest), rest);
    }
    if (!bytes_) bytes_.reset(new unsigned char[capacity_ + message_padding]); // touched as used
    if (begin_ > 0) {
        std::memmove(bytes_.get(), first(), held());
        end_ = held();
        begin_ = 0;
    }
    return asio::buffer(bytes_.get() + end_, capacity_ - end_);
}

void frame_reader::expect(bool much) {
    const std::size_t wanted = much ? capacity : small_capacity;
    if (capacity_ == wanted || (held() > 0 && !much)) return;
    std::unique_ptr<unsigned char[]> larger;
    if (held() > 0) {
        larger.reset(new unsigned char[wanted + message_padding]);
        std::memcpy(larger.get(), first(), held());
    }
    end_ = held();
    begin_ = 0;
    capacity_ = wanted;
    bytes_ = std::move(larger);
}

bool frame_reader::rest() noexcept {
    if (held() > 0 || in_frame() || in_message_) return false;
    bytes_.reset();
    message_.release();
    return true;
}

void frame_reader::commit(std::size_t count, time_point now) {
    if (direct_) {
        message_.add(count);
        left_ -= count;
        return;
    }
    end_ += count;
    std::memset(bytes_.get() + end_, 0, message_padding); // a decoder may look at it
    if (state_ == state::head)
        read_head();
    else if (state_ == state::header)
        next_frame(now);
}

void frame_reader::read_head() {
    if (head_.current() == response_head::state::incomplete)
        begin_ += head_.feed(held_text(held()));
}

void frame_reader::begin(permessage_deflate* inflater, time_point now) {
    head_.drop_text();
    inflater_ = inflater;
    state_ = state::header;
    if (held() > 0) next_frame(now);
}

void frame_reader::next_frame(time_point now) {
    const auto one = parse_header();
    if (!one || !admit(*one, now)) return;
    begin_ += one->size;
    frame_ = *one;
    left_ = one->payload;
    state_ = state::payload;
}

/// Nothing while it is incomplete, or wrong in itself.
std::optional<frame_reader::header> frame_reader::parse_header() {
    if (held() < 2) return std::nullopt;
    const unsigned char* const at = first();
    header one;
    one.opcode = at[0] & 0x0fu;
    one.fin = (at[0] & 0x80u) != 0;
    one.compressed = (at[0] & 0x40u) != 0;
    one.payload = at[1] & 0x7fu;
    one.size = 2;
    if ((at[0] & 0x30u) != 0 || (one.compressed && !inflater_)) {
        object(protocol_error, "a reserved bit is set");
        return std::nullopt;
    }
    if ((at[1] & 0x80u) != 0) {
        object(protocol_error, "a masked frame");
        return std::nullopt;
    }
    if (one.payload < 126 || one.opcode >= close_opcode) return one;
    const std::size_t digits = one.payload == 126 ? 2 : 8;
    one.size += digits;
    if (held() < one.size) return std::nullopt;
    one.payload = 0;
    for (const unsigned char digit : std::span(at + 2, digits))
        one.payload = one.payload << 8 | digit;
    if (one.payload < 126 || (digits == 8 && one.payload <= 0xffff) || one.payload >> 63 != 0) {
        object(protocol_error, "a length that is not in its shortest form, or too long for any");
        return std::nullopt;
    }
    return one;
}

bool frame_reader::admit(const header& one, time_point now) {
    if (one.opcode >= close_opcode) {
        if (one.opcode > pong_opcode)
            object(protocol_error, "an unknown opcode");
        else if (!one.fin || one.compressed || one.payload > 125) // RFC 6455 section 5.5
            object(protocol_error, "a control frame that is fragmented or too long");
        else
            count_control(now);
    } else if (one.opcode > binary_opcode) {
        object(protocol_error, "an unknown opcode");
    } else if ((one.opcode == continuation_opcode) != in_message_) {
        object(protocol_error,
               in_message_ ? "a message within a message" : "a continuation of no message");
    } else if (one.opcode == continuation_opcode && one.compressed) { // RFC 7692 section 6
        object(protocol_error, "a continuation that is marked as compressed");
    } else {
        admit_data(one);
    }
    return !objection_;
}

void frame_reader::admit_data(const header& one) {
    if (one.opcode != continuation_opcode) {
        text_ = one.opcode == text_opcode;
        compressed_ = one.compressed;
        checked_ = 0;
    }
    if (!compressed_ && one.payload > longest_ - message_.size())
        return object(too_large, "above the limit of a message");
    count_fragment(one.payload < small_fragment, one.fin);
}

void frame_reader::count_fragment(bool small, bool last) {
    if (!in_message_) small_fragments_ = 0;
    if (small) ++small_fragments_;
    in_message_ = !last;
    if (small_fragments_ > max_small_fragments)
        object(policy_error, "too many small fragments in one message");
}

void frame_reader::count_control(time_point now) {
    if (now - controls_since_ >= std::chrono::seconds(1)) {
        controls_since_ = now;
        controls_ = 0;
    }
    if (++controls_ > max_controls_per_second) object(policy_error, "too many control frames");
}

frame_reader::item frame_reader::next(time_point now) {
    if (message_.size() == 0) message_.release_large();
    while (in_frame() && !objection_) {
        if (is_control()) {
            if (left_ > held()) break;
            return take_control(now);
        }
        if (fits_in_place()) {
            if (left_ > held()) break;
            return take_in_place(now);
        }
        if (!take_piece()) break;
        if (frame_.fin) return take_message(now);
        frame_over(now);
    }
    return {};
}

/// A message of one frame, that needs nothing done to it.
bool frame_reader::fits_in_place() const noexcept {
    return frame_.fin && frame_.opcode != continuation_opcode && !compressed_ && !is_control() &&
           left_ <= capacity_ && message_.size() == 0;
}

frame_reader::item frame_reader::take_in_place(time_point now) {
    const auto payload = held_text(static_cast<std::size_t>(left_));
    if (text_ && !is_utf8(payload)) {
        object(bad_payload, "text that is not UTF-8");
        return {};
    }
    begin_ += payload.size();
    const auto what = text_ ? kind::text : kind::binary;
    frame_over(now);
    return {what, payload};
}

frame_reader::item frame_reader::take_control(time_point now) {
    const auto payload = held_text(static_cast<std::size_t>(left_));
    const auto opcode = frame_.opcode;
    if (opcode == close_opcode && !close_is_sound(payload)) {
        object(protocol_error, "a close frame that the protocol forbids");
        return {};
    }
    begin_ += payload.size();
    frame_over(now);
    if (opcode == close_opcode) return {kind::close, payload};
    return {opcode == ping_opcode ? kind::ping : kind::pong, payload};
}

/// RFC 6455 sections 5.5.1 and 7.4.
bool frame_reader::close_is_sound(std::string_view payload) {
    if (payload.empty()) return true;
    if (payload.size() == 1) return false;
    return may_be_sent(code_in(payload)) && is_utf8(payload.substr(2));
}

/// What is there of the present frame goes to its message. True when that was all of it.
bool frame_reader::take_piece() {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, held()));
    const auto piece = held_text(count);
    left_ -= count;
    begin_ += count;
    const bool last = left_ == 0 && frame_.fin;
    if (!compressed_)
        message_.append(piece);
    else if (!inflate_piece(piece, last))
        return false;
    if (text_ && !text_is_sound(last)) {
        object(bad_payload, "text that is not UTF-8");
        return false;
    }
    return left_ == 0;
}

bool frame_reader::inflate_piece(std::string_view piece, bool last) {
    using outcome = permessage_deflate::outcome;
    for (;;) {
        const auto room = message_.space(inflated_at_once);
        std::size_t count = 0;
        const auto done = inflater_->inflate(
            piece, last, std::span(static_cast<char*>(room.data()), room.size()), count);
        message_.add(count);
        if (message_.size() > longest_) {
            object(too_large, "above the limit of a message");
            return false;
        }
        if (done == outcome::malformed) object(bad_payload, "invalid compressed data");
        if (done != outcome::out_of_room) return done == outcome::done;
    }
}

/// As far as it has come; a character that is cut off there is only begun.
bool frame_reader::text_is_sound(bool whole) {
    const auto rest = message_.view().substr(checked_);
    const std::size_t sound = whole ? rest.size() : whole_characters(rest);
    if (!is_utf8(rest.substr(0, sound)) || !may_begin_a_character(rest.substr(sound))) return false;
    checked_ += sound;
    return true;
}

frame_reader::item frame_reader::take_message(time_point now) {
    const auto what = text_ ? kind::text : kind::binary;
    const auto payload = message_.take();
    frame_over(now);
    return {what, payload};
}

void frame_reader::frame_over(time_point now) {
    state_ = state::header;
    left_ = 0;
    if (held() > 0) next_frame(now);
}

bool frame_reader::message_open() const noexcept {
    return in_message_ || (in_frame() && !is_control() && left_ > held());
}

} // namespace parley
