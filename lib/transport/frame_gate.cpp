#include "transport/frame_gate.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace parley {

namespace {

struct frame_header {
    std::uint8_t opcode;
    bool fin;
    std::uint64_t payload;
    std::uint64_t total; ///< header and payload
    bool plain;          ///< a whole text message, and nothing to find fault with
};

using wire_bytes = std::span<const unsigned char>;

constexpr std::uint8_t first_control_opcode = 0x8;
constexpr std::uint8_t close_opcode = 0x8;
constexpr unsigned char final_text = 0x81; // FIN, no RSV bit, opcode 1

/// RFC 6455 section 5.2; nothing while the header is incomplete.
std::optional<frame_header> parse_header(wire_bytes bytes) {
    if (bytes.size() < 2) return std::nullopt;
    std::uint64_t payload = bytes[1] & 0x7fu;
    std::size_t size = 2;
    if (payload >= 126) {
        const std::size_t digits = payload == 126 ? 2 : 8;
        size += digits;
        if (bytes.size() < size) return std::nullopt;
        payload = 0;
        for (const unsigned char digit : bytes.subspan(2, digits))
            payload = payload << 8 | digit;
    }
    if ((bytes[1] & 0x80u) != 0) size += 4; // masked, which the WebSocket will refuse
    if (bytes.size() < size) return std::nullopt;
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() / 2;
    // Unmasked, and the length in its shortest form; one of eight bytes is larger than the gate.
    const bool plain =
        bytes[0] == final_text && (size == 2 || (bytes[1] == 126 && payload >= 126 && size == 4));
    return frame_header{static_cast<std::uint8_t>(bytes[0] & 0x0fu), (bytes[0] & 0x80u) != 0,
                        payload, std::min(payload, most) + size, plain};
}

/// A close that says why; any other form of it is for the WebSocket to refuse.
bool has_close_code(const frame_header& header) {
    return header.opcode == close_opcode && header.payload >= 2 &&
           header.total == header.payload + 2;
}

} // namespace

asio::mutable_buffer frame_gate::space() {
    if (!bytes_) bytes_.reset(new unsigned char[capacity_ + padding]); // touched only as used
    if (begin_ == end_) {
        begin_ = end_ = 0;
    } else if (end_ == capacity_) {
        std::memmove(bytes_.get(), bytes_.get() + begin_, held());
        end_ = held();
        begin_ = 0;
    }
    return asio::buffer(bytes_.get() + end_, capacity_ - end_);
}

void frame_gate::expect(bool much) noexcept {
    const std::size_t wanted = much ? capacity : small_capacity;
    if (capacity_ == wanted || held() > 0) return;
    capacity_ = wanted;
    bytes_.reset();
}

void frame_gate::rest() noexcept {
    if (held() == 0) bytes_.reset();
}

void frame_gate::commit(std::size_t count, time_point now) {
    end_ += count;
    if (head_.current() != answer_head::state::complete) {
        read_head();
    } else if (frame_left_ == 0) {
        next_frame(now);
    }
}

void frame_gate::read_head() {
    const auto* first = reinterpret_cast<const char*>(bytes_.get() + begin_);
    begin_ += head_.feed(std::string_view(first, held()));
    const auto now = head_.current();
    if (now == answer_head::state::incomplete) return;
    if (now != answer_head::state::complete || head_.status() != 101)
        fault_ = fault::answer_refused;
}

void frame_gate::next_frame(time_point now) {
    const wire_bytes bytes(bytes_.get() + begin_, held());
    const auto header = parse_header(bytes);
    if (!header) return;
    if (has_close_code(*header)) {
        if (bytes.size() < 4) return; // the code comes first in it
        if ((bytes[2] << 8 | bytes[3]) > static_cast<int>(last_close_code))
            fault_ = fault::bad_close_code;
    }
    frame_left_ = header->total;
    plain_header_ = 0;
    if (header->plain && !fragmented_)
        plain_header_ = static_cast<std::uint8_t>(header->total - header->payload);
    data_ = header->opcode < first_control_opcode;
    // The WebSocket swallows an empty frame that ends nothing and waits for the next.
    data_frame_ = data_ && (header->payload > 0 || header->fin);
    if (data_)
        count_fragment(header->payload < small_fragment, header->fin);
    else
        count_control(now);
}

void frame_gate::count_fragment(bool small, bool last) {
    if (!fragmented_) small_fragments_ = 0;
    if (small) ++small_fragments_;
    fragmented_ = !last;
    if (small_fragments_ > max_small_fragments) fault_ = fault::too_many_fragments;
}

void frame_gate::count_control(time_point now) {
    if (now - controls_since_ >= std::chrono::seconds(1)) {
        controls_since_ = now;
        controls_ = 0;
    }
    if (++controls_ > max_controls_per_second) fault_ = fault::too_many_controls;
}

std::optional<frame_gate::complaint> frame_gate::objection() const noexcept {
    switch (fault_) {
    case fault::too_many_fragments:
        return complaint{1008, "too many small fragments in one message"};
    case fault::too_many_controls:
        return complaint{1008, "too many control frames"};
    case fault::bad_close_code:
        return complaint{1002, "bad close code"};
    default:
        return std::nullopt;
    }
}

bool frame_gate::ready() const noexcept {
    if (fault_ != fault::none) return false;
    if (head_.current() != answer_head::state::complete) return false;
    return head_taken_ < head_.text().size() || (frame_left_ > 0 && held() > 0);
}

std::size_t frame_gate::take(asio::mutable_buffer into, time_point now) {
    if (head_taken_ < head_.text().size()) {
        const std::size_t count = std::min(into.size(), head_.text().size() - head_taken_);
        std::memcpy(into.data(), head_.text().data() + head_taken_, count);
        head_taken_ += count;
        if (head_taken_ == head_.text().size()) {
            head_taken_ = 0;
            head_.drop_text();
            if (held() > 0) next_frame(now);
        }
        return count;
    }
    const auto count = static_cast<std::size_t>(
        std::min<std::uint64_t>(std::min(into.size(), held()), frame_left_));
    std::memcpy(into.data(), bytes_.get() + begin_, count);
    begin_ += count;
    plain_header_ = 0;
    skip(count, now);
    return count;
}

std::optional<std::string_view> frame_gate::take_text(std::size_t longest, time_point now) {
    if (plain_header_ == 0 || frame_left_ > held() || fault_ != fault::none) return std::nullopt;
    const auto size = static_cast<std::size_t>(frame_left_) - plain_header_;
    if (size > longest) return std::nullopt;
    const auto* first = reinterpret_cast<const char*>(bytes_.get() + begin_ + plain_header_);
    if (!simdjson::validate_utf8(first, size)) return std::nullopt;
    begin_ += plain_header_ + size;
    plain_header_ = 0;
    skip(frame_left_, now);
    return std::string_view(first, size);
}

bool frame_gate::between_messages() const noexcept {
    return head_.current() == answer_head::state::complete && head_.text().empty() && held() == 0 &&
           frame_left_ == 0 && !fragmented_;
}

std::size_t frame_gate::direct_limit() const noexcept {
    if (held() > 0 || frame_left_ == 0) return 0;
    return static_cast<std::size_t>(
        std::min<std::uint64_t>(frame_left_, std::numeric_limits<std::size_t>::max()));
}

void frame_gate::skip(std::size_t count, time_point now) {
    frame_left_ -= count;
    if (frame_left_ == 0 && held() > 0) next_frame(now);
}

bool frame_gate::whole_data_frame() const noexcept {
    return ready() && data_frame_ && frame_left_ <= held();
}

bool frame_gate::message_open() const noexcept {
    return fragmented_ || (data_ && frame_left_ > held());
}

} // namespace parley
