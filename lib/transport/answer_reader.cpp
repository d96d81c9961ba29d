#include "transport/answer_reader.hpp"

#include "transport/network_error.hpp"
#include "transport/tls.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace parley {

namespace {

namespace http = boost::beast::http;

constexpr std::size_t max_buffer = 64 * 1024;
constexpr std::size_t max_body = 64 * 1024;
constexpr std::uint32_t max_head = 8 * 1024;
constexpr std::size_t least_room = 2 * 1024; // an answer that brings a ticket is shorter
constexpr int max_informational = 8;
constexpr unsigned no_status = 0; // while the first line of an answer is not there

error_info malformed(std::string reason) {
    return network_error(errc::ticket_malformed, phase::ticket, false,
                         "The server's answer is not valid HTTP", std::move(reason));
}

error_info hung_up(const std::string& host, std::string reason) {
    return network_error(errc::ticket_request_failed, phase::ticket, true,
                         "The connection to " + host + " broke before the answer was complete",
                         std::move(reason));
}

/// What a server must not send (PITFALLS P27, P29), known once the head is there.
template <class Answer>
std::optional<error_info> head_complaint(const Answer& answer) {
    const auto coding = answer[http::field::transfer_encoding];
    if (!coding.empty() && answer.count(http::field::content_length) != 0)
        return malformed("both Content-Length and Transfer-Encoding");
    if (!coding.empty() && !boost::beast::iequals(coding, "chunked"))
        return malformed("an unknown transfer coding");
    const auto content = answer[http::field::content_encoding];
    if (!content.empty() && !boost::beast::iequals(content, "identity"))
        return malformed("a coded body, which was not asked for");
    if (answer.result_int() == 101) return malformed("a switch of protocols");
    return std::nullopt;
}

template <class Answer>
http_response to_response(Answer answer) {
    http_response out;
    out.status = static_cast<int>(answer.result_int());
    const auto date = answer.find(http::field::date);
    if (date != answer.end()) out.date = std::string(date->value());
    const auto retry_after = answer.find(http::field::retry_after);
    if (retry_after != answer.end()) out.retry_after = std::string(retry_after->value());
    out.body = std::move(answer.body());
    return out;
}

} // namespace

struct answer_reader::state {
    boost::beast::flat_buffer buffer{max_buffer};
    std::optional<http::response_parser<http::string_body>> parser;
};

answer_reader::answer_reader(std::string host)
    : host_(std::move(host)), state_(std::make_unique<state>()) {
    begin();
}

answer_reader::~answer_reader() = default;

void answer_reader::begin() {
    state_->parser.emplace();
    state_->parser->header_limit(max_head);
    state_->parser->body_limit(max_body);
    state_->parser->eager(false);
    state_->parser->get().result(no_status);
}

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
    if (!state_->parser->is_done()) return std::nullopt;
    return to_response(state_->parser->release());
}

boost::system::error_code answer_reader::parse() {
    boost::system::error_code failed;
    while (!failed && !complaint_ && !state_->parser->is_done() && state_->buffer.size() > 0) {
        state_->buffer.consume(state_->parser->put(state_->buffer.data(), failed));
        if (!failed && state_->parser->is_header_done() && !state_->parser->eager()) judge_head();
    }
    if (failed == http::error::need_more && state_->buffer.size() == state_->buffer.max_size())
        failed = http::error::buffer_overflow;
    return failed;
}

void answer_reader::judge_head() {
    complaint_ = head_complaint(state_->parser->get());
    if (complaint_) return;
    if (state_->parser->get().result_int() / 100 != 1) return state_->parser->eager(true);
    if (++informational_ > max_informational)
        complaint_ = malformed("too many informational answers");
    else
        begin();
}

/// The server has sent all that it will send.
boost::system::error_code answer_reader::end() {
    if (!state_->parser->got_some()) return http::error::end_of_stream;
    boost::system::error_code failed;
    state_->parser->put_eof(failed);
    return failed;
}

/// Beast calls a line that is no HTTP incomplete when the server hangs up after it. Of an answer
/// whose status is known the start is no longer in the buffer.
bool answer_reader::is_not_http() const {
    constexpr std::string_view start = "HTTP/1.";
    if (state_->parser->get().result_int() != no_status) return false;
    const auto bytes = state_->buffer.data();
    const std::string_view got(static_cast<const char*>(bytes.data()), bytes.size());
    return got.substr(0, start.size()) != start.substr(0, got.size());
}

error_info answer_reader::failure(const boost::system::error_code& why) const {
    if (is_not_http()) return malformed("the answer is no HTTP answer");
    const http::error ended = http::error::end_of_stream;
    if (why == ended || why == http::error::partial_message)
        return hung_up(host_, "the server hung up");
    if (why.category() == http::make_error_code(ended).category()) return malformed(why.message());
    if (why.category() == boost::asio::error::get_ssl_category()) return tls_error(why, 0, host_);
    return hung_up(host_, why.message());
}

} // namespace parley
