#include "http/answer_reader.hpp"

#include "core/answer_head.hpp"
#include "net/network_error.hpp"
#include "net/tls.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

namespace {

namespace http = boost::beast::http;

constexpr std::size_t max_buffer = 64 * 1024;
constexpr std::size_t max_body = 64 * 1024;
constexpr std::size_t least_room = 2 * 1024; // an answer that brings a ticket is shorter

error_info malformed(std::string reason) {
    return network_error(errc::ticket_malformed, phase::ticket, false,
                         "The server's answer is not valid HTTP", std::move(reason));
}

error_info hung_up(const std::string& host, std::string reason) {
    return network_error(errc::ticket_request_failed, phase::ticket, true,
                         "The connection to " + host + " broke before the answer was complete",
                         std::move(reason));
}

/// A coding that is none of HTTP's, as `utf-8`, is taken for identity.
bool is_coding(std::string_view name) {
    constexpr std::array<std::string_view, 7> codings{"gzip", "x-gzip",     "deflate", "br",
                                                      "zstd", "x-compress", "compress"};
    return std::ranges::any_of(codings, [name](auto each) { return same_name(each, name); });
}

/// Content-Encoding is a list.
bool is_coded(const http::fields::value_type& header) {
    std::string_view list(header.value().data(), header.value().size());
    for (;;) {
        const auto comma = std::min(list.find(','), list.size());
        if (is_coding(trimmed(list.substr(0, comma)))) return true;
        if (comma == list.size()) return false;
        list.remove_prefix(comma + 1);
    }
}

/// What a server must not send (doc/pitfalls.md P27, P29), known once the head is there.
template <class Answer>
std::optional<error_info> head_complaint(const Answer& answer) {
    const auto coding = answer[http::field::transfer_encoding];
    if (!coding.empty() && answer.count(http::field::content_length) != 0)
        return malformed("both Content-Length and Transfer-Encoding");
    if (!coding.empty() && !boost::beast::iequals(coding, "chunked"))
        return malformed("an unknown transfer coding");
    const auto content = answer.equal_range(http::field::content_encoding);
    if (std::any_of(content.first, content.second, is_coded))
        return malformed("a coded body, which was not asked for");
    if (answer.result_int() == 101) return malformed("a switch of protocols");
    return std::nullopt;
}

bool has_bare_line_feed(std::string_view text) {
    for (auto at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
        if (at == 0 || text[at - 1] != '\r') return true;
    return false;
}

template <class Answer>
http_response to_response(Answer answer) {
    http_response out;
    out.status = static_cast<int>(answer.result_int());
    const auto date = answer.find(http::field::date);
    if (date != answer.end()) out.date = std::string(date->value());
    const auto retry_after = answer.find(http::field::retry_after);
    if (retry_after != answer.end()) out.retry_after = std::string(retry_after->value());
    const auto cookies = answer.equal_range(http::field::set_cookie);
    for (auto each = cookies.first; each != cookies.second; ++each)
        out.set_cookies.emplace_back(each->value());
    out.body = std::move(answer.body());
    return out;
}

} // namespace

struct answer_reader::state {
    state() {
        parser.header_limit(2 * answer_head::max_size); // the head's own is the one that counts
        parser.body_limit(max_body);
        parser.eager(false);
    }

    answer_head head;
    boost::beast::flat_buffer buffer{max_buffer};
    http::response_parser<http::string_body> parser;
    bool in_chunks = false; ///< one has begun
};

answer_reader::answer_reader(const server_url& from)
    : from_(from), state_(std::make_unique<state>()) {}

answer_reader::~answer_reader() = default;

boost::asio::mutable_buffer answer_reader::room() {
    const auto wanted = std::max(state_->buffer.capacity() - state_->buffer.size(), least_room);
    return state_->buffer.prepare(
        std::min(wanted, state_->buffer.max_size() - state_->buffer.size()));
}

std::optional<result<http_response>> answer_reader::took(boost::system::error_code failed,
                                                         std::size_t size) {
    state_->buffer.commit(size);
    if (failed == boost::asio::error::eof)
        failed = end();
    else if (!failed)
        failed = parse();
    if (complaint_) return std::move(*complaint_);
    if (failed == http::error::need_more) return std::nullopt;
    if (failed) return failure(failed);
    if (!state_->parser.is_done()) return std::nullopt;
    return to_response(state_->parser.release());
}

boost::system::error_code answer_reader::parse() {
    boost::system::error_code failed;
    auto& [head, buffer, parser, in_chunks] = *state_;
    if (!parser.is_header_done() && (failed = read_head())) return failed;
    while (!failed && !complaint_ && !parser.is_done() && buffer.size() > 0) {
        // Beast asserts that a first chunk which is the last one is there with all its five bytes.
        if (parser.chunked() && !in_chunks && buffer.size() < 5) {
            failed = http::error::need_more;
            break;
        }
        const auto taken = parser.put(buffer.data(), failed);
        buffer.consume(taken);
        in_chunks = in_chunks || taken > 0;
    }
    if (failed != http::error::need_more) return failed;
    // What is left is a line of the chunked framing, whose end Beast waits for.
    const auto rest = buffer.data();
    if (has_bare_line_feed({static_cast<const char*>(rest.data()), rest.size()}))
        complaint_ = malformed("a line of the answer ends in a bare line feed");
    else if (rest.size() == buffer.max_size())
        failed = http::error::buffer_overflow;
    return failed;
}

/// Beast is given the head when it is whole, and its first line as Beast wants it: with a space
/// behind the status.
boost::system::error_code answer_reader::read_head() {
    auto& [head, buffer, parser, in_chunks] = *state_;
    const auto bytes = buffer.data();
    buffer.consume(head.feed({static_cast<const char*>(bytes.data()), bytes.size()}));
    if (head.current() == answer_head::state::incomplete) return http::error::need_more;
    if (head.current() != answer_head::state::complete) {
        complaint_ = malformed(std::string(head.complaint()));
        return {};
    }
    constexpr std::size_t status_end = 12; // HTTP/1.x NNN
    const std::string_view whole = head.text();
    std::string text(whole.substr(0, status_end));
    text.append(" ").append(whole.substr(whole.find("\r\n")));
    head.drop_text();
    boost::system::error_code failed;
    parser.put(boost::asio::buffer(text), failed);
    if (!failed) judge_head();
    return failed;
}

void answer_reader::judge_head() {
    complaint_ = head_complaint(state_->parser.get());
    state_->parser.eager(true);
}

/// The server has sent all that it will send.
boost::system::error_code answer_reader::end() {
    if (!state_->parser.is_header_done())
        return state_->head.untouched() ? http::error::end_of_stream : http::error::partial_message;
    boost::system::error_code failed;
    state_->parser.put_eof(failed);
    return failed;
}

error_info answer_reader::failure(const boost::system::error_code& why) const {
    const auto& host = from_.host();
    const http::error ended = http::error::end_of_stream;
    const bool silent = state_->head.untouched();
    if (why == ended || why == http::error::partial_message)
        return hung_up(host, hang_up_reason(boost::asio::error::eof, from_, silent));
    if (why.category() == http::make_error_code(ended).category()) return malformed(why.message());
    if (why.category() == boost::asio::error::get_ssl_category()) return tls_error(why, 0, host);
    return hung_up(host, hang_up_reason(why, from_, silent));
}

} // namespace parley
