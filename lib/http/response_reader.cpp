#include "http/response_reader.hpp"

#include "core/text.hpp"
#include "net/network_error.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>

namespace parley {

namespace {

constexpr auto unbounded = static_cast<std::size_t>(-1);
constexpr std::string_view bare_line_feed = "a line of the answer ends in a bare line feed";
constexpr std::string_view body_too_large = "the body of the answer is longer than 64 KiB";

/// The whole text as a number.
std::optional<std::size_t> number_in(std::string_view digits, int base) noexcept {
    std::size_t number = 0;
    const auto* const last = digits.data() + digits.size();
    const auto [end, fault] = std::from_chars(digits.data(), last, number, base);
    return fault == std::errc{} && end == last ? std::optional(number) : std::nullopt;
}

/// Some servers name a charset here, such as `utf-8`: no coding of HTTP, and ignored.
bool is_coding(std::string_view name) {
    constexpr std::array<std::string_view, 7> codings{"gzip", "x-gzip",     "deflate", "br",
                                                      "zstd", "x-compress", "compress"};
    return std::ranges::any_of(codings, [name](auto each) { return same_name(each, name); });
}

} // namespace

std::optional<result<http_response>>
response_reader::feed(std::string_view bytes, const boost::system::error_code& failed) {
    while (!bytes.empty() && state_ != state::done && state_ != state::refused)
        bytes.remove_prefix(step(bytes));
    const bool body_ends = state_ == state::content && framing_ == framing::until_close;
    if (state_ == state::refused)
        return network_error(errc::protocol_violation, phase::none, false,
                             "The server's answer is not valid HTTP", std::string(reason_));
    if (state_ == state::done || (body_ends && failed == boost::asio::error::eof))
        return std::move(response_);
    if (failed) return broken_exchange(failed, phase::none, from_, head_.untouched());
    return std::nullopt;
}

std::size_t response_reader::step(std::string_view bytes) {
    if (state_ == state::head) return read_head(bytes);
    return state_ == state::content ? read_content(bytes) : read_line(bytes);
}

std::size_t response_reader::read_head(std::string_view bytes) {
    const auto taken = head_.feed(bytes);
    if (head_.current() == response_head::state::complete)
        begin_body();
    else if (head_.current() != response_head::state::incomplete)
        refuse(head_.fault());
    return taken;
}

void response_reader::begin_body() {
    const auto headers = headers_of(head_.text());
    if (!headers) return void(refuse("a header line that HTTP forbids"));
    for (const auto& [name, value] : *headers)
        if (!take_header(name, value)) return;
    response_.status = head_.status();
    head_.drop_text();
    const bool chunked = framing_ == framing::chunked;
    if (response_.status == 101) return void(refuse("a switch of protocols"));
    if (chunked && length_) return void(refuse("both Content-Length and Transfer-Encoding"));
    if (length_ > max_body) return void(refuse(body_too_large));
    if (length_) framing_ = framing::length;
    left_ = length_.value_or(unbounded);
    line_budget_ = response_head::max_size;
    const bool empty = response_.status == 204 || response_.status == 304 || left_ == 0;
    state_ = empty ? state::done : chunked ? state::chunk_size : state::content;
}

/// False when the response is refused for it.
bool response_reader::take_header(std::string_view name, std::string_view value) {
    if (same_name(name, "Transfer-Encoding")) {
        if (framing_ == framing::chunked || !same_name(value, "chunked"))
            return refuse("an unknown transfer coding");
        framing_ = framing::chunked;
    } else if (same_name(name, "Content-Length")) {
        // RFC 9112 section 6.3: one number, that two layers of a server may both have written.
        for (const auto each : split_list(value, ',')) {
            const auto given = number_in(each, 10);
            if (!given || length_.value_or(*given) != *given)
                return refuse("a Content-Length that is not one number");
            length_ = given;
        }
    } else if (same_name(name, "Content-Encoding")) {
        if (std::ranges::any_of(split_list(value, ','), is_coding))
            return refuse("an encoded body, which was not requested");
    } else if (same_name(name, "Date") && !response_.date) {
        response_.date = value;
    } else if (same_name(name, "Retry-After") && !response_.retry_after) {
        response_.retry_after = value;
    } else if (same_name(name, "Set-Cookie")) {
        response_.set_cookies.emplace_back(value);
    }
    return true;
}

std::size_t response_reader::read_content(std::string_view bytes) {
    const auto taken = std::min(left_, bytes.size());
    if (taken > max_body - response_.body.size()) {
        refuse(body_too_large);
        return taken;
    }
    response_.body.append(bytes, 0, taken);
    left_ -= taken;
    if (left_ == 0) state_ = framing_ == framing::chunked ? state::chunk_end : state::done;
    return taken;
}

std::size_t response_reader::read_line(std::string_view bytes) {
    const auto taken = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
    if (taken > line_budget_) {
        refuse("the chunks' lines are longer than 16 KiB");
        return taken;
    }
    line_budget_ -= taken;
    line_.append(bytes, 0, taken);
    if (!line_.ends_with('\n')) return taken;
    if (!line_.ends_with("\r\n")) {
        refuse(bare_line_feed);
        return taken;
    }
    line_.resize(line_.size() - 2);
    if (state_ == state::chunk_size)
        begin_chunk();
    else if (state_ == state::trailers && line_.empty())
        state_ = state::done;
    else if (state_ == state::chunk_end && line_.empty())
        state_ = state::chunk_size;
    else if (state_ == state::chunk_end)
        refuse("a chunk that is longer than its size");
    line_.clear();
    return taken;
}

/// RFC 9112 section 7.1: the size, and extensions that are ignored.
void response_reader::begin_chunk() {
    const std::string_view line = line_;
    const auto size = number_in(trimmed(line.substr(0, line.find(';'))), 16);
    if (!size) return void(refuse("a chunk without a size"));
    if (*size > max_body) return void(refuse(body_too_large));
    left_ = *size;
    state_ = left_ == 0 ? state::trailers : state::content;
    line_budget_ = response_head::max_size;
}

bool response_reader::refuse(std::string_view reason) {
    state_ = state::refused;
    reason_ = reason;
    return false;
}

} // namespace parley
