#include "transport/beast_http.hpp"

#include "async/flight.hpp"
#include "transport/network.hpp"
#include "transport/network_error.hpp"
#include "transport/wipe.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <exception>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace parley {

namespace {

namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

// Everything that is read is bounded; the buffer's bound holds for what Beast's own limits leave
// out, trailers and chunk extensions (PITFALLS P25).
constexpr std::size_t max_buffer = 64 * 1024;
constexpr std::size_t max_body = 64 * 1024;
constexpr std::uint32_t max_head = 8 * 1024;
constexpr int max_informational = 8;
constexpr unsigned no_status = 0; // while the first line of an answer is not there

using answer_parser = http::response_parser<http::string_body>;

error_info malformed(std::string reason) {
    return network_error(errc::ticket_malformed, phase::ticket, false,
                         "The server's answer is not valid HTTP", std::move(reason));
}

error_info hung_up(const std::string& host, std::string reason) {
    return network_error(errc::ticket_request_failed, phase::ticket, true,
                         "The connection to " + host + " broke before the answer was complete",
                         std::move(reason));
}

error_info read_error(const boost::system::error_code& failed, const std::string& host) {
    const http::error ended = http::error::end_of_stream;
    if (failed == ended || failed == http::error::partial_message)
        return hung_up(host, "the server hung up");
    if (failed.category() == http::make_error_code(ended).category())
        return malformed(failed.message());
    if (failed.category() == asio::error::get_ssl_category()) return tls_error(failed, 0, host);
    return hung_up(host, failed.message());
}

/// Beast calls a line that is no HTTP incomplete when the server hangs up after it. Of an answer
/// whose status is known the start is no longer in the buffer.
bool is_not_http(const answer_parser& parser, const boost::beast::flat_buffer& begun) {
    constexpr std::string_view start = "HTTP/1.";
    if (parser.get().result_int() != no_status) return false;
    const auto bytes = begun.data();
    const std::string_view got(static_cast<const char*>(bytes.data()), bytes.size());
    return got.substr(0, start.size()) != start.substr(0, got.size());
}

/// What a server must not send (PITFALLS P27, P29), known once the head is there.
std::optional<error_info> head_complaint(const answer_parser::value_type& answer) {
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

http_response to_response(answer_parser::value_type answer) {
    http_response out;
    out.status = static_cast<int>(answer.result_int());
    const auto date = answer.find(http::field::date);
    if (date != answer.end()) out.date = std::string(date->value());
    const auto retry_after = answer.find(http::field::retry_after);
    if (retry_after != answer.end()) out.retry_after = std::string(retry_after->value());
    out.body = std::move(answer.body());
    return out;
}

/// The body may hold a ticket. What Beast and the TLS engine copied is theirs.
class wiped_request : public http::request<http::string_body> {
    using base = http::request<http::string_body>;

public:
    wiped_request(const http_request& from, const request_headers& headers)
        : base(from.method == http_method::patch ? http::verb::patch : http::verb::post,
               from.server.http_target(from.target), 11) {
        set(http::field::host, from.server.host_header());
        set(http::field::user_agent, headers.user_agent());
        set(http::field::content_type, "application/json");
        for (const auto& [name, value] : headers.extra())
            insert(name, value);
        for (const auto& [name, value] : from.headers)
            set(name, value);
        body() = from.body;
        keep_alive(false);
        prepare_payload();
    }
    wiped_request(const wiped_request&) = delete;
    wiped_request& operator=(const wiped_request&) = delete;
    ~wiped_request() { wipe(body()); }
};

/// One exchange under way: kept by its own coroutine.
class exchange {
public:
    exchange(std::shared_ptr<network> net, asio::any_io_executor executor,
             std::shared_ptr<const http_request> request)
        : net_(std::move(net)), executor_(std::move(executor)), request_(std::move(request)),
          stop_(std::make_shared<stop_signal>()) {}

    /// Closes what is open: the exchange returns soon.
    void stop() noexcept { stop_->request(); }
    phase at() const noexcept { return at_; }

    static awaitable<result<http_response>> run(std::shared_ptr<exchange> self) {
        const server_url& server = self->request_->server;
        const auto dialed =
            std::make_shared<const dial_request>(self->executor_, server, self->stop_,
                                                 [raw = self.get()](phase now) { raw->at_ = now; });
        auto socket = co_await self->net_->open(dialed);
        if (!socket) co_return self->as_ticket_error(socket.error());
        if (!server.secure()) co_return co_await converse(self, *socket, *socket);

        self->at_ = phase::tls;
        tls_stream stream(std::move(*socket), self->net_->tls().native());
        const auto shaken = co_await self->net_->tls().handshake(stream, server, self->stop_);
        if (!shaken) co_return self->as_ticket_error(shaken.error());
        co_return co_await converse(self, stream, stream.next_layer());
    }

    /// With the errc that a request for a ticket fails with.
    error_info as_ticket_error(error_info failed) const {
        if (failed.is(errc::certificate_rejected)) {
            failed.code = make_error_code(errc::ticket_certificate);
        } else if (failed.code != asio::error::operation_aborted &&
                   !failed.is(errc::ticket_malformed)) {
            failed.code = make_error_code(errc::ticket_request_failed);
        }
        failed.details.url = request_->server.http_text(request_->target);
        return failed;
    }

    error_info timeout() const {
        error_info late =
            network_error(errc::ticket_timeout, at_, true,
                          "The server " + request_->server.host() + " did not answer in time");
        late.details.url = request_->server.http_text(request_->target);
        return late;
    }

private:
    template <class Stream>
    static awaitable<result<http_response>> converse(std::shared_ptr<exchange> self, Stream& stream,
                                                     tcp::socket& socket) {
        self->at_ = phase::ticket;
        const stop_signal::hook hook(self->stop_, [&socket] {
            boost::system::error_code already_closed;
            socket.close(already_closed);
        });
        if (self->stop_->requested()) co_return aborted_error(phase::ticket);
        const std::string& host = self->request_->server.host();
        {
            wiped_request message(*self->request_, self->net_->headers());
            const auto sent = co_await http::async_write(stream, message, as_values);
            if (std::get<0>(sent))
                co_return self->as_ticket_error(read_error(std::get<0>(sent), host));
        }
        boost::beast::flat_buffer buffer(max_buffer);
        for (int informational = 0; informational <= max_informational; ++informational) {
            answer_parser parser;
            parser.header_limit(max_head);
            parser.body_limit(max_body);
            parser.get().result(no_status);
            const auto head = co_await http::async_read_header(stream, buffer, parser, as_values);
            if (std::get<0>(head) && is_not_http(parser, buffer))
                co_return self->as_ticket_error(malformed("the answer is no HTTP answer"));
            if (std::get<0>(head))
                co_return self->as_ticket_error(read_error(std::get<0>(head), host));
            if (const auto complaint = head_complaint(parser.get()))
                co_return self->as_ticket_error(*complaint);
            if (parser.get().result_int() / 100 == 1) continue;
            const auto rest = co_await http::async_read(stream, buffer, parser, as_values);
            if (std::get<0>(rest))
                co_return self->as_ticket_error(read_error(std::get<0>(rest), host));
            co_return to_response(parser.release());
        }
        co_return self->as_ticket_error(malformed("too many informational answers"));
    }

    const std::shared_ptr<network> net_;
    const asio::any_io_executor executor_;
    const std::shared_ptr<const http_request> request_;
    const std::shared_ptr<stop_signal> stop_;
    phase at_ = phase::none;
};

awaitable<result<http_response>> exchange_in_time(std::shared_ptr<network> net,
                                                  asio::any_io_executor executor,
                                                  std::shared_ptr<const http_request> request) {
    const time_point deadline = request->deadline;
    const auto job = std::make_shared<exchange>(net, executor, std::move(request));
    const auto under_way = flight<result<http_response>>::start(
        executor, net->clock(), [job] { return exchange::run(job); });
    try {
        co_await under_way->wait_until(deadline);
    } catch (const boost::system::system_error&) {
        job->stop(); // cancelled: the exchange ends by itself, its socket is closed
        throw;
    }
    if (under_way->done()) co_return under_way->get();
    job->stop();
    co_await under_way->join();
    co_return job->timeout();
}

class beast_http final : public http_client {
public:
    explicit beast_http(std::shared_ptr<network> net) : net_(std::move(net)) {}

    awaitable<result<http_response>> send(asio::any_io_executor executor,
                                          std::shared_ptr<const http_request> request) override {
        return exchange_in_time(net_, std::move(executor), std::move(request));
    }

private:
    const std::shared_ptr<network> net_;
};

} // namespace

std::shared_ptr<http_client> make_beast_http(std::shared_ptr<network> network) {
    return std::make_shared<beast_http>(std::move(network));
}

} // namespace parley
