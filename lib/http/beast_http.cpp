#include "http/beast_http.hpp"

#include "async/asio_errors.hpp"
#include "core/clock.hpp"
#include "core/wipe.hpp"
#include "http/answer_reader.hpp"
#include "net/network.hpp"
#include "net/network_error.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <tuple>
#include <utility>

namespace parley {

namespace {

using asio::ip::tcp;

bool has(const http_request& request, std::string_view name) {
    return std::ranges::any_of(request.headers, [name](const auto& each) {
        return boost::beast::iequals(each.first, name);
    });
}

void append_header(std::string& to, std::string_view name, std::string_view value) {
    to.append(name).append(": ").append(value).append("\r\n");
}

/// The whole request. It holds the token, and is written into one block: no copy is left behind.
std::string request_text(const http_request& request, const request_headers& headers) {
    const std::string target = request.server.http_target(request.target);
    const std::string host = request.server.host_header();
    std::size_t size =
        256 + target.size() + host.size() + headers.user_agent().size() + request.body.size();
    for (const auto* list : {&headers.extra(), &request.headers})
        for (const auto& [name, value] : *list)
            size += name.size() + value.size() + 4;
    std::string text;
    text.reserve(size);
    text.append(request.method == http_method::patch ? "PATCH " : "POST ");
    text.append(target).append(" HTTP/1.1\r\n");
    append_header(text, "Host", host);
    append_header(text, "User-Agent", headers.user_agent());
    if (!has(request, "Content-Type")) append_header(text, "Content-Type", "application/json");
    for (const auto& [name, value] : headers.extra())
        if (!has(request, name)) append_header(text, name, value);
    for (const auto& [name, value] : request.headers)
        append_header(text, name, value);
    append_header(text, "Connection", "close");
    append_header(text, "Content-Length", std::to_string(request.body.size()));
    return text.append("\r\n").append(request.body);
}

/// Sends at once what the kernel takes at once: on a new connection that is everything. What does
/// not, and an error, is left to the operation that follows.
void send_at_once(tcp::socket& socket, asio::const_buffer& text) {
    const auto sent =
        ::send(socket.native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) text += static_cast<std::size_t>(sent);
}

/// Over TLS the engine comes between.
void send_at_once(tls_stream&, asio::const_buffer&) {}

constexpr std::size_t one_segment = 536; // RFC 9293 section 3.7.1: every path takes that many bytes

/// One exchange under way.
class exchange {
public:
    exchange(std::shared_ptr<network> net, asio::any_io_executor executor,
             std::shared_ptr<const http_request> request)
        : net_(std::move(net)), executor_(std::move(executor)), request_(std::move(request)),
          stop_(std::make_shared<stop_signal>()), socket_(executor_) {}

    static awaitable<result<http_response>> run(std::shared_ptr<exchange> self) {
        // Any type of cancellation ends whatever is waited for. TLS hears terminal only.
        co_await asio::this_coro::reset_cancellation_state(&as_terminal);
        auto outcome = co_await converse_by(self);
        if (outcome) co_return outcome;
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) throw_aborted();
        co_return self->as_ticket_error(self->late_ ? self->timeout() : std::move(outcome).error());
    }

private:
    static asio::cancellation_type as_terminal(asio::cancellation_type type) {
        return type == asio::cancellation_type::none ? type : asio::cancellation_type::terminal;
    }

    /// Before each wait: it ends at the deadline, and the dial of an address when that is overdue.
    /// The kernel's timer is set once for both.
    void watch(time_point overdue) {
        overdue_ = overdue;
        const time_point look = std::min(overdue_, request_->deadline);
        if (look >= set_for_) return;
        set_for_ = look;
        if (!bell_) bell_ = net_->clock()->make_alarm(executor_);
        bell_->call_at(look, [this] {
            const time_point now = net_->clock()->now();
            if (now >= request_->deadline) return end_late();
            if (now >= overdue_) return stop_->request_overdue();
            set_for_ = time_point::max();
            watch(overdue_);
        });
    }

    void watch() { watch(time_point::max()); }

    /// Closes what is open: the exchange returns soon.
    void end_late() {
        late_ = true;
        stop_->request();
    }

    static awaitable<result<void>> dial(const std::shared_ptr<exchange>& self,
                                        tcp::socket& socket) {
        return self->net_->open(
            socket, dial_request(
                        std::shared_ptr<const server_url>(self->request_, &self->request_->server),
                        socket_use::exchange, self->stop_,
                        [raw = self.get()](phase now) { raw->at_ = now; },
                        [raw = self.get()](time_point overdue) { raw->watch(overdue); }));
    }

    static awaitable<result<http_response>> converse_by(std::shared_ptr<exchange> self) {
        const server_url& server = self->request_->server;
        const auto opened = co_await dial(self, self->socket_);
        if (!opened) co_return opened.error();
        if (!server.secure()) co_return co_await converse(self, self->socket_, self->socket_);

        self->at_ = phase::tls;
        self->watch();
        self->secured_ =
            std::make_unique<tls_stream>(std::move(self->socket_), self->net_->tls().native());
        tls_stream& stream = *self->secured_;
        const auto shaken = co_await self->net_->tls().handshake(stream, server, self->stop_);
        if (!shaken) co_return shaken.error();
        co_return co_await converse(self, stream, stream.next_layer());
    }

    template <class Stream>
    static awaitable<result<http_response>> converse(std::shared_ptr<exchange> self, Stream& stream,
                                                     tcp::socket& socket) {
        self->at_ = phase::ticket;
        const stop_signal::hook hook(self->stop_, [&socket] {
            boost::system::error_code already_closed;
            socket.close(already_closed);
        });
        if (self->stop_->requested()) co_return aborted_error(phase::ticket);
        boost::system::error_code failed;
        {
            const wiped_text text(request_text(*self->request_, self->net_->headers()));
            asio::const_buffer unsent(text.get().data(), text.get().size());
            // The last segment of several would wait for the peer to acknowledge the first.
            boost::system::error_code unsupported;
            if (self->request_->server.secure() || unsent.size() > one_segment)
                socket.set_option(tcp::no_delay(true), unsupported);
            send_at_once(stream, unsent);
            self->watch(); // the server is at work by now
            if (unsent.size() > 0) {
                const auto sent = co_await asio::async_write(stream, unsent, as_tuple_awaitable);
                failed = std::get<0>(sent);
            }
        }
        answer_reader reader(self->request_->server);
        if (failed) co_return reader.failure(failed);
        for (;;) {
            const auto got = co_await stream.async_read_some(reader.room(), as_tuple_awaitable);
            auto outcome = reader.took(std::get<0>(got), std::get<1>(got));
            if (outcome) co_return *std::move(outcome);
        }
    }

    /// With the errc that a request for a ticket fails with.
    error_info as_ticket_error(error_info failed) const {
        if (failed.is(errc::certificate_rejected)) {
            failed.code = make_error_code(errc::ticket_certificate);
        } else if (failed.code != asio::error::operation_aborted &&
                   !failed.is(errc::ticket_malformed) && !failed.is(errc::ticket_timeout)) {
            failed.code = make_error_code(errc::ticket_request_failed);
        }
        failed.details.url = request_->server.http_text(request_->target);
        return failed;
    }

    error_info timeout() const {
        return network_error(errc::ticket_timeout, at_, true,
                             "The server " + request_->server.host() + " did not answer in time");
    }

    const std::shared_ptr<network> net_;
    const asio::any_io_executor executor_;
    const std::shared_ptr<const http_request> request_;
    const std::shared_ptr<stop_signal> stop_;
    tcp::socket socket_;
    std::unique_ptr<tls_stream> secured_;    // over the socket
    std::unique_ptr<alarm> bell_;            // at the deadline, or before
    time_point set_for_ = time_point::max(); // what it is set for
    time_point overdue_ = time_point::max(); // the address that is dialled, if there is one
    bool late_ = false;
    phase at_ = phase::none;
};

class beast_http final : public http_client {
public:
    explicit beast_http(std::shared_ptr<network> net) : net_(std::move(net)) {}

    awaitable<result<http_response>> send(asio::any_io_executor executor,
                                          std::shared_ptr<const http_request> request) override {
        return exchange::run(
            std::make_shared<exchange>(net_, std::move(executor), std::move(request)));
    }

private:
    const std::shared_ptr<network> net_;
};

} // namespace

std::shared_ptr<http_client> make_beast_http(std::shared_ptr<network> network) {
    return std::make_shared<beast_http>(std::move(network));
}

} // namespace parley
