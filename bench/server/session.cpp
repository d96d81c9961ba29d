#include "server/session.hpp"

#include "testing/frames.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <strings.h>

namespace bench {

namespace {

namespace frames = parley::testing::frames;

std::string text_delta(std::size_t) { return frames::text_delta(" hello world"); }

/// Padded to 120 bytes, the size of the message that it answers.
const std::string finished =
    frames::chat_finished("0123456789abcdef0123", "conversation-0001", 2) + "   ";

// One write of a turn: the others get theirs.
constexpr std::size_t turn_bytes = 256u << 10;

std::string http_date(std::time_t at) {
    std::tm parts{};
    gmtime_r(&at, &parts);
    char text[64];
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text;
}

std::string iso_date(std::time_t at) {
    std::tm parts{};
    gmtime_r(&at, &parts);
    char text[64];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

/// The value of a header field; empty without it.
std::string_view field_of(std::string_view head, std::string_view name) {
    for (std::size_t at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at)) {
        at += 2;
        const auto line = head.substr(at, head.find("\r\n", at) - at);
        if (line.size() <= name.size() || line[name.size()] != ':') continue;
        if (::strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
        auto value = line.substr(name.size() + 1);
        while (value.starts_with(' '))
            value.remove_prefix(1);
        return value;
    }
    return {};
}

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// As most servers send it: a number, of one length, changes before the text of each message.
std::string numbered_delta(std::size_t number) {
    return frames::chat_event("provider-event",
                              R"({"sequence":)" + std::to_string(100'000 + number % 900'000) +
                                  R"(,"type":"text-delta","textDelta":" hello world"})");
}

} // namespace

server_state::server_state()
    : plain(text_delta, false), varied(numbered_delta, false), compressed(text_delta, true) {}

bool session::serve(bool readable) {
    if (readable && !take_input()) return false;
    return flush();
}

bool session::take_input() {
    for (;;) {
        char bytes[16 * 1024];
        const long count = channel_.read(bytes, sizeof bytes);
        if (count < 0) return false;
        if (count == 0) return true;
        in_.append(bytes, static_cast<std::size_t>(count));
        while (upgraded_ ? take_frame() : take_request()) {
        }
    }
}

bool session::take_request() {
    const auto end = in_.find("\r\n\r\n");
    if (end == in_.npos) return false;
    const auto body = number(field_of(in_, "content-length"));
    if (in_.size() < end + 4 + body) return false;
    const std::string head = in_.substr(0, end + 2);
    in_.erase(0, end + 4 + static_cast<std::size_t>(body));
    answer_request(head);
    return true;
}

void session::answer_request(std::string_view head) {
    const auto first = head.find(' ');
    const auto target = head.substr(first + 1, head.find(' ', first + 1) - first - 1);
    if (head.starts_with("GET ")) return upgrade(head, target);
    const std::time_t now = std::time(nullptr);
    const std::string body = R"({"success":true,"ticket":"bench-ticket-)" +
                             std::to_string(++shared_.counted.tickets) + R"(","expiresAt":")" +
                             iso_date(now + 3600) + "\"}";
    const bool last = field_of(head, "connection") == "close";
    out_ += "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: " + http_date(now) +
            "\r\nContent-Length: " + std::to_string(body.size()) +
            (last ? "\r\nConnection: close" : "") + "\r\n\r\n" + body;
    closing_ = last;
}

void session::upgrade(std::string_view head, std::string_view target) {
    ++shared_.counted.upgrades;
    choose(target);
    const auto offered = field_of(head, "sec-websocket-extensions");
    compressed_ = compressed_ && offered.find("permessage-deflate") != offered.npos;
    out_ += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: " +
            accept_key(field_of(head, "sec-websocket-key")) +
            (compressed_ ? "\r\nSec-WebSocket-Extensions: permessage-deflate" : "") + "\r\n\r\n";
    out_ += frame(frames::session_established());
    upgraded_ = true;
}

void session::choose(std::string_view target) {
    const auto word = target.substr(1, target.find('/', 1) - 1);
    const auto dash = word.find('-');
    const auto name = word.substr(0, dash);
    if (dash != word.npos) count_ = number(word.substr(dash + 1));
    compressed_ = name == "deflate";
    varied_ = name == "varied";
    if (name == "stream" || name == "deflate" || varied_) mode_ = mode::stream;
    if (name == "echo") mode_ = mode::echo;
    if (name == "tool") mode_ = mode::tool;
    if (name == "restart") mode_ = mode::restart;
}

bool session::take_frame() {
    const auto found = parse_frame(in_);
    if (!found) return false;
    in_.erase(0, found->size);
    switch (found->opcode) {
    case 1:
        take_message(*found);
        break;
    case 8:
        out_ += frame(found->payload, 8);
        closing_ = true;
        break;
    case 9:
        out_ += frame(found->payload, 10);
        break;
    default:
        break;
    }
    return true;
}

void session::take_message(const client_frame& message) {
    ++shared_.counted.messages_in;
    shared_.counted.bytes_in += message.payload.size();
    const auto says = [&](std::string_view word) {
        return message.payload.find(word) != std::string::npos;
    };
    if (calls_ > 0) return take_tool_answer();
    if (message.compressed) return start_burst(); // there only a chat_message comes
    if (says("\"configure_tools\"")) {
        out_ += frame(frames::tools_acknowledged("tools_configured", 1));
        return;
    }
    if (!says("\"chat_message\"")) return;
    switch (mode_) {
    case mode::stream:
        return start_burst();
    case mode::echo:
        out_ += frame(finished);
        return;
    case mode::tool:
        return call_tool();
    case mode::restart:
        shared_.restart_ms = static_cast<unsigned>(count_);
        return;
    case mode::idle:
        return;
    }
}

void session::start_burst() {
    burst_ = compressed_ ? &shared_.compressed : varied_ ? &shared_.varied : &shared_.plain;
    const auto ahead = std::min<std::uint64_t>(burst_->head_messages(), count_);
    out_ += burst_->head();
    burst_left_ = (count_ - ahead) * burst_->frame_size();
    burst_at_ = 0;
}

void session::call_tool() {
    const std::string id = 'c' + std::to_string(100'000'000 + ++calls_);
    out_ += frame(frames::tool_call_request("echo", frames::quoted(id),
                                            R"({"text":"0123456789abcdef0123456"})"));
    called_ = clock::now();
}

void session::take_tool_answer() {
    const std::chrono::duration<double, std::micro> took = clock::now() - called_;
    shared_.counted.round_trips_us.push_back(took.count());
    if (calls_ < count_) return call_tool();
    calls_ = 0;
    out_ += frame(finished);
}

bool session::flush() {
    while (sent_ < out_.size()) {
        const long count = channel_.write(out_.data() + sent_, out_.size() - sent_);
        if (count < 0) return false;
        if (count == 0) return true;
        sent_ += static_cast<std::size_t>(count);
        shared_.counted.bytes_out += static_cast<std::uint64_t>(count);
    }
    out_.clear();
    sent_ = 0;
    if (burst_left_ > 0 && !flush_burst()) return false;
    if (closing_) channel_.say_goodbye();
    return !closing_;
}

bool session::flush_burst() {
    const std::string& period = burst_->period();
    for (std::size_t written = 0; burst_left_ > 0 && written < turn_bytes;) {
        const auto size = static_cast<std::size_t>(
            std::min<std::uint64_t>(period.size() - burst_at_, burst_left_));
        const long count = channel_.write(period.data() + burst_at_, size);
        if (count < 0) return false;
        if (count == 0) return true;
        written += static_cast<std::size_t>(count);
        burst_left_ -= static_cast<std::uint64_t>(count);
        burst_at_ = (burst_at_ + static_cast<std::size_t>(count)) % period.size();
        shared_.counted.bytes_out += static_cast<std::uint64_t>(count);
    }
    return true;
}

} // namespace bench
