// What a server sends, as bytes that the frame reader hears twice: as much at a time as there is
// room for, and in pieces. Both times it hands out the same and refuses the same. Or, as the first
// byte says, the head of an answer, that is picked out of its bytes and judged.
//
// The first byte says how, the second one the size of the pieces; what the server sends comes
// behind them, after the head of a 101.

#include "fuzz/target.hpp"
#include "websocket/frame_reader.hpp"
#include "websocket/permessage_deflate.hpp"
#include "websocket/upgrade_check.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::fuzz {

namespace {

using item_kind = frame_reader::kind;

constexpr std::string_view head_of_101 = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n";
constexpr std::size_t all_there_is = std::numeric_limits<std::size_t>::max();
constexpr unsigned small_window = 3;

struct setting {
    unsigned compression; ///< 0: none, 1: agreed, 2: without context, 3: with the smallest window
    std::size_t longest;
    bool much;
    bool wavers; ///< the second time it expects now much and now little, and rests
    bool head;
    std::size_t piece;
};

setting setting_of(unsigned char how, unsigned char piece) {
    constexpr std::array<std::size_t, 4> limits{64, 1'000, 70'000, 5'000};
    return {how & 3u,         limits[how >> 2 & 3u], (how & 16u) != 0,
            (how & 32u) != 0, (how & 64u) != 0,      piece + std::size_t{1}};
}

std::optional<deflate_parameters> agreed_in(const setting& how) {
    if (how.compression == 0) return std::nullopt;
    deflate_parameters agreed;
    agreed.server_no_context_takeover = how.compression == 2;
    if (how.compression == small_window) agreed.server_window = 9;
    return agreed;
}

/// RFC 3629 section 4, by the value of each character.
bool sound_text(std::string_view text) {
    while (!text.empty()) {
        const unsigned first = static_cast<unsigned char>(text.front());
        if (first >= 0x80 && first < 0xc0) return false;
        const std::size_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if (first >= 0xf8 || text.size() <= more) return false;
        unsigned value = more == 0 ? first : first & (0x3fu >> more);
        for (std::size_t at = 1; at <= more; ++at) {
            const unsigned next = static_cast<unsigned char>(text[at]);
            if ((next & 0xc0u) != 0x80) return false;
            value = value << 6 | (next & 0x3fu);
        }
        constexpr std::array<unsigned, 4> least{0, 0x80, 0x800, 0x1'0000};
        if (value < least[more] || value > 0x10'ffff || (value >= 0xd800 && value <= 0xdfff))
            return false;
        text.remove_prefix(more + 1);
    }
    return true;
}

/// Where reading beyond is seen.
void read_behind(std::string_view payload) {
    volatile unsigned sum = 0;
    for (std::size_t at = 0; at < message_padding; ++at)
        sum = sum + static_cast<unsigned char>(payload.data()[payload.size() + at]);
}

void check_item(const frame_reader::item& one, std::size_t longest) {
    if (one.what == item_kind::text || one.what == item_kind::binary) {
        require(one.payload.size() <= longest, "no message is longer than the longest");
        require(one.what == item_kind::binary || sound_text(one.payload), "a text is UTF-8");
        return read_behind(one.payload);
    }
    require(one.payload.size() <= 125, "a control frame is small");
    if (one.what != item_kind::close || one.payload.empty()) return;
    require(one.payload.size() >= 2, "a close frame has a code or nothing");
    require(sound_text(one.payload.substr(2)), "the reason of a close is UTF-8");
}

void check_objection(const frame_reader::complaint& one) {
    constexpr std::array<unsigned, 4> known{1002, 1007, 1008, 1009};
    require(std::find(known.begin(), known.end(), one.close_code) != known.end(),
            "an objection has a code that says why");
    require(!one.reason.empty() && sound_text(one.reason) && one.reason.size() <= 123,
            "and a reason that fits a close frame");
}

/// One session, from its head to the end of what the server sends, or to the objection.
class hearing {
public:
    hearing(const setting& how, bool wavers)
        : longest_(how.longest), much_(how.much), wavers_(wavers), reader_(how.longest) {
        if (const auto agreed = agreed_in(how)) inflater_.emplace(*agreed);
        reader_.expect(much_);
    }

    void hear(std::string_view bytes, std::size_t piece) {
        while (!bytes.empty() && !reader_.objection()) {
            const auto room = reader_.space();
            require(room.size() > 0, "there is room for more when nothing can be taken");
            const auto count = std::min({room.size(), bytes.size(), piece});
            std::memcpy(room.data(), bytes.data(), count);
            bytes.remove_prefix(count);
            reader_.commit(count, now_);
            if (begun_ || begin()) take_all();
        }
    }

    const std::vector<std::pair<item_kind, std::string>>& heard() const { return heard_; }
    const std::optional<frame_reader::complaint>& objection() const { return reader_.objection(); }
    bool open() const { return reader_.message_open(); }

private:
    bool begin() {
        if (reader_.head().current() != response_head::state::complete) return false;
        require(reader_.head().text() == head_of_101, "the head ends where it ends");
        reader_.begin(inflater_ ? &*inflater_ : nullptr, now_);
        return begun_ = true;
    }

    void take_all() {
        for (;;) {
            const auto one = reader_.next(now_);
            if (one.what == item_kind::nothing) break;
            check_item(one, longest_);
            heard_.emplace_back(one.what, one.payload);
        }
        if (reader_.objection()) return check_end();
        if (!wavers_) return;
        reader_.expect(much_ = !much_);
        reader_.rest();
    }

    void check_end() {
        check_objection(*reader_.objection());
        require(reader_.next(now_).what == item_kind::nothing, "and hands out nothing more");
    }

    const std::size_t longest_;
    bool much_;
    const bool wavers_;
    const time_point now_{};
    std::optional<permessage_deflate> inflater_;
    frame_reader reader_;
    bool begun_ = false;
    std::vector<std::pair<item_kind, std::string>> heard_;
};

bool same_objection(const hearing& one, const hearing& other) {
    if (!one.objection() || !other.objection()) return !one.objection() && !other.objection();
    return one.objection()->close_code == other.objection()->close_code &&
           one.objection()->reason == other.objection()->reason;
}

bool refuses_a_message(const hearing& one) {
    return one.objection() &&
           (one.objection()->close_code == 1007 || one.objection()->close_code == 1009);
}

/// Up to there both heard the same.
void check_earlier(const hearing& earlier, const hearing& later) {
    require(refuses_a_message(earlier), "only a message can be refused earlier");
    const auto& before = earlier.heard();
    require(std::equal(before.begin(), before.end(), later.heard().begin()),
            "what came before is heard the same");
}

/// The same message was refused, or has not come to its end.
void check_later(const hearing& later, std::size_t before) {
    for (std::size_t at = before; at < later.heard().size(); ++at)
        require(later.heard()[at].first >= item_kind::ping, "and no message after it");
    require(later.objection() || later.open(), "the message is not handed out");
}

/// The pieces change nothing but how early a message is refused: text in one frame is looked at
/// before its end where it does not fit into the present buffer; and what a piece of compressed
/// data had no room for, comes with the next. So of a message with two faults either may be met,
/// and what comes within the message may be heard before.
void compare(const setting& how, const hearing& one, const hearing& other) {
    if (same_objection(one, other) && one.heard() == other.heard())
        return require(one.objection() || one.open() == other.open(), "the same message is open");
    require(how.compression != 0 || how.wavers, "the same is heard, in whatever pieces");
    const auto of = [](const hearing& each) { return each.heard().size(); };
    const bool first = of(one) != of(other) ? of(one) < of(other) : refuses_a_message(one);
    const auto& earlier = first ? one : other;
    const auto& later = first ? other : one;
    check_earlier(earlier, later);
    // A server that reaches back beyond its small window is noticed only between two pieces.
    if (how.compression != small_window) check_later(later, of(earlier));
}

void take_session(const setting& how, std::string_view sent) {
    const std::string bytes = std::string(head_of_101).append(sent);
    hearing at_once(how, false);
    at_once.hear(bytes, all_there_is);
    hearing in_pieces(how, how.wavers);
    in_pieces.hear(bytes, how.piece);
    compare(how, at_once, in_pieces);
}

/// How many bytes it took.
std::size_t feed(response_head& head, std::string_view bytes, std::size_t piece) {
    std::size_t fed = 0;
    while (fed < bytes.size() && head.current() == response_head::state::incomplete)
        fed += head.feed(bytes.substr(fed, piece));
    return fed;
}

void take_response_head(const setting& how, std::string_view text) {
    response_head at_once;
    response_head in_pieces;
    const auto taken = feed(at_once, text, all_there_is);
    const auto also_taken = feed(in_pieces, text, how.piece);
    require(at_once.current() == in_pieces.current(), "the pieces do not change what it is");
    require(at_once.text().size() <= response_head::max_size, "a head is bounded");
    using state = response_head::state;
    if (at_once.current() == state::not_http || at_once.current() == state::tls)
        return; // seen where a piece ends
    require(taken == also_taken, "nor where it ends");
    require(at_once.text() == in_pieces.text(), "nor its text");
    require(at_once.status() == in_pieces.status(), "nor its status");
    for (const std::string_view offered :
         {"permessage-deflate; client_max_window_bits=12", "permessage-deflate", ""}) {
        const auto verdict = judge_upgrade(at_once.text(), "right", offered);
        const auto again = judge_upgrade(in_pieces.text(), "right", offered);
        require(verdict.complaint == again.complaint, "nor what is wrong with it");
        if (!verdict.complaint)
            require(headers_of(at_once.text()).has_value(), "what is accepted can be read");
    }
}

} // namespace

void take_frame_reader(std::string_view input) {
    if (input.size() < 2) return;
    const auto how =
        setting_of(static_cast<unsigned char>(input[0]), static_cast<unsigned char>(input[1]));
    if (how.head)
        take_response_head(how, input.substr(2));
    else
        take_session(how, input.substr(2));
}

} // namespace parley::fuzz
