#include "testing/http_listener.hpp"

#include "testing/gated_socket.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <stdexcept>
#include <type_traits>

namespace parley::testing {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using tcp = asio::ip::tcp;

/// TCP with or without TLS in one type, so that HTTP and WebSocket are instantiated once.
class any_stream {
public:
    using executor_type = gated_socket::executor_type;

    any_stream(tcp::socket socket, ssl::context* tls) {
        if (tls != nullptr) {
            tls_ =
                std::make_unique<ssl::stream<gated_socket>>(gated_socket(std::move(socket)), *tls);
        } else {
            plain_ = std::make_unique<gated_socket>(std::move(socket));
        }
    }

    executor_type get_executor() { return gate().get_executor(); }
    gated_socket& gate() { return tls_ ? tls_->next_layer() : *plain_; }
    ssl::stream<gated_socket>* tls() { return tls_.get(); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        const auto start = [this](auto handler, const Buffers& into) {
            if (tls_) {
                tls_->async_read_some(into, std::move(handler));
            } else {
                plain_->async_read_some(into, std::move(handler));
            }
        };
        return asio::async_initiate<Token, void(error_code, std::size_t)>(start, token, buffers);
    }

    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        const auto start = [this](auto handler, const Buffers& from) {
            if (tls_) {
                tls_->async_write_some(from, std::move(handler));
            } else {
                plain_->async_write_some(from, std::move(handler));
            }
        };
        return asio::async_initiate<Token, void(error_code, std::size_t)>(start, token, buffers);
    }

    void on_teardown(std::function<void()> observer) { on_teardown_ = std::move(observer); }

    /// Found by Beast when a WebSocket ends. Beast 1.81's own for TCP stops reading too early, and
    /// the reset that follows would overtake the close frame.
    template <class Handler>
    friend void async_teardown(beast::role_type, any_stream& stream, Handler&& handler) {
        if (stream.on_teardown_) {
            stream.on_teardown_();
        }
        if (stream.tls_) {
            stream.tls_->async_shutdown(std::forward<Handler>(handler));
            return;
        }
        auto done = [handler = std::decay_t<Handler>(std::forward<Handler>(handler))](
                        const std::exception_ptr&) mutable { handler(error_code()); };
        asio::co_spawn(stream.get_executor(), drain(*stream.plain_), std::move(done));
    }
    friend void beast_close_socket(any_stream& stream) {
        error_code ignored; // it is closed afterwards in any case
        stream.gate().socket().close(ignored);
    }

private:
    static asio::awaitable<void> drain(gated_socket& socket) {
        error_code ec;
        socket.socket().shutdown(tcp::socket::shutdown_send, ec);
        std::array<char, 4096> waste;
        while (!ec) {
            co_await socket.async_read_some(asio::buffer(waste),
                                            asio::redirect_error(asio::use_awaitable, ec));
        }
    }

    std::function<void()> on_teardown_;
    std::unique_ptr<gated_socket> plain_;
    std::unique_ptr<ssl::stream<gated_socket>> tls_;
};

class beast_peer final : public peer {
public:
    beast_peer(tcp::socket socket, ssl::context* tls, const chat_server_options& options)
        : max_message_(options.max_message_size), buffer_(max_request),
          ws_(std::move(socket), tls) {
        // Beast's own timeouts and pings are off: faults would fight with them.
        websocket::stream_base::timeout none{};
        none.handshake_timeout = websocket::stream_base::none();
        none.idle_timeout = websocket::stream_base::none();
        none.keep_alive_pings = false;
        ws_.set_option(none);
        websocket::permessage_deflate deflate;
        deflate.server_enable = options.permessage_deflate;
        ws_.set_option(deflate);
        ws_.read_message_max(max_message_);
        ws_.auto_fragment(false);
        error_code ignored; // without it only slower
        stream().gate().socket().set_option(tcp::no_delay(true), ignored);
    }

    awaitable<void> handshake() override {
        if (auto* tls = stream().tls()) {
            co_await tls->async_handshake(ssl::stream_base::server, asio::use_awaitable);
        }
    }

    awaitable<std::optional<received_request>> read_request() override {
        parser_.emplace();
        parser_->header_limit(max_header);
        parser_->body_limit(max_body);
        error_code ec;
        co_await http::async_read(stream(), buffer_, *parser_,
                                  asio::redirect_error(asio::use_awaitable, ec));
        if (ec == http::error::end_of_stream || ec == asio::error::eof) {
            co_return std::nullopt;
        }
        if (ec) {
            throw boost::system::system_error(ec, "http request");
        }
        co_return recorded();
    }

    awaitable<void> reply(http_reply reply) override {
        http::response<http::string_body> response;
        response.version(parser_->get().version());
        response.result(reply.status());
        for (const auto& [name, value] : reply.headers()) {
            response.insert(name, value);
        }
        response.body() = reply.body();
        response.keep_alive(parser_->get().keep_alive());
        response.prepare_payload();
        co_await http::async_write(stream(), response, asio::use_awaitable);
    }

    bool keeps_alive() const override { return parser_->get().keep_alive(); }

    awaitable<void> accept_websocket() override {
        message_.reset(new char[max_message_ + 1]); // no vector: pages are touched only when used
        co_await ws_.async_accept(parser_->get(), asio::use_awaitable);
    }

    awaitable<void> outlast() override {
        std::array<char, 4096> waste;
        error_code ec;
        while (!ec) {
            co_await stream().async_read_some(asio::buffer(waste),
                                              asio::redirect_error(asio::use_awaitable, ec));
        }
    }

    // One buffer of the largest size: Beast before 1.90 misreads compressed messages into a growing
    // one (doc/pitfalls.md P36).
    awaitable<peer_message> read_message() override {
        std::size_t size = 0;
        error_code ec;
        do {
            const auto rest = asio::buffer(message_.get() + size, max_message_ + 1 - size);
            size +=
                co_await ws_.async_read_some(rest, asio::redirect_error(asio::use_awaitable, ec));
            if (ec) {
                report(ec);
                throw boost::system::system_error(ec, "websocket");
            }
        } while (!ws_.is_message_done());
        co_return peer_message(ws_.got_text(), std::string(message_.get(), size));
    }

    awaitable<void> write_text(std::string text) override {
        ws_.text(true);
        co_await ws_.async_write(asio::buffer(text), asio::use_awaitable);
    }

    awaitable<void> write_binary(std::string bytes) override {
        ws_.binary(true);
        co_await ws_.async_write(asio::buffer(bytes), asio::use_awaitable);
    }

    awaitable<void> write_ping() override {
        const websocket::ping_data nothing;
        co_await ws_.async_ping(nothing, asio::use_awaitable);
    }

    awaitable<void> close(std::uint16_t code, std::string reason) override {
        if (!ws_.is_open()) {
            co_return;
        }
        // A read that begins while the close frame is written, with the peer's close in its buffer,
        // posts itself for the callback's sake, holding the read lock; Beast 1.81's two operations
        // then wait for each other for ever, whatever becomes of the socket.
        ws_.control_callback();
        websocket::close_reason why(static_cast<websocket::close_code>(code));
        why.reason = reason.substr(0, max_reason).c_str();
        co_await ws_.async_close(why, asio::use_awaitable);
    }

    awaitable<void> write_bytes(std::string bytes) override {
        co_await asio::async_write(stream(), asio::buffer(bytes), asio::use_awaitable);
    }

    void on_sign(std::function<void(peer_sign)> observer) override {
        observer_ = std::move(observer);
        const auto forward = [this](websocket::frame_type kind, beast::string_view) {
            observer_(kind == websocket::frame_type::ping   ? peer_sign::ping
                      : kind == websocket::frame_type::pong ? peer_sign::pong
                                                            : peer_sign::close);
        };
        ws_.control_callback(forward);
        stream().on_teardown([this] { observer_(peer_sign::close); });
    }

    void hold() override { stream().gate().hold(); }
    void release() override { stream().gate().release(); }

    void reset() noexcept override {
        error_code ignored; // shut() closes it in any case
        stream().gate().socket().set_option(asio::socket_base::linger(true, 0), ignored);
        shut();
    }

    void shut() noexcept override {
        error_code ignored; // it is closed afterwards in any case
        stream().gate().socket().close(ignored);
        stream().gate().release();
    }

private:
    static constexpr std::uint32_t max_header = 64 * 1024; // a ticket of 8 KiB, percent-encoded
    static constexpr std::uint64_t max_body = 1024 * 1024;
    static constexpr std::size_t max_request = 2 * 1024 * 1024;
    static constexpr std::size_t max_reason = 123; // RFC 6455, 5.5: 125 bytes with the code

    any_stream& stream() { return ws_.next_layer(); }

    received_request recorded() {
        const auto& request = parser_->get();
        received_request result;
        result.method = std::string(request.method_string());
        result.target = std::string(request.target());
        for (const auto& field : request) {
            result.headers.emplace_back(std::string(field.name_string()),
                                        std::string(field.value()));
        }
        result.body = request.body();
        if (auto* tls = stream().tls()) {
            const char* name = SSL_get_servername(tls->native_handle(), TLSEXT_NAMETYPE_host_name);
            result.server_name = name != nullptr ? name : "";
        }
        return result;
    }

    void report(const error_code& ec) {
        const bool violation = ec == websocket::condition::protocol_violation ||
                               ec == websocket::error::message_too_big ||
                               ec == websocket::error::buffer_overflow;
        if (violation && observer_) {
            observer_(peer_sign::violation);
        }
    }

    const std::size_t max_message_;
    std::unique_ptr<char[]> message_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::function<void(peer_sign)> observer_;
    websocket::stream<any_stream> ws_;
};

std::unique_ptr<ssl::context> make_tls(const std::optional<server_identity>& identity) {
    if (!identity) {
        return nullptr;
    }
    auto tls = std::make_unique<ssl::context>(ssl::context::tls_server);
    tls->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                     ssl::context::no_tlsv1_1);
    try {
        tls->use_certificate_chain(asio::buffer(identity->certificate_pem));
        tls->use_private_key(asio::buffer(identity->key_pem), ssl::context::pem);
    } catch (const boost::system::system_error& error) {
        throw std::runtime_error(std::string("the certificate and key cannot be used: ") +
                                 error.what());
    }
    return tls;
}

} // namespace

peer::~peer() = default;

class http_listener::impl {
public:
    impl(asio::io_context& context, const chat_server_options& options,
         const std::optional<server_identity>& identity)
        : options_(options), tls_(make_tls(identity)), acceptor_(context),
          address_(options.ipv6 ? asio::ip::address(asio::ip::address_v6::loopback())
                                : asio::ip::address(asio::ip::address_v4::loopback())),
          port_(options.port) {
        open();
    }

    std::uint16_t port() const noexcept { return port_; }

    asio::awaitable<std::unique_ptr<peer>> accept() {
        tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
        co_return std::make_unique<beast_peer>(std::move(socket), tls_.get(), options_);
    }

    void close() {
        error_code ignored; // it is closed afterwards in any case
        acceptor_.close(ignored);
    }

    void open() {
        if (acceptor_.is_open()) {
            return;
        }
        const tcp::endpoint where(address_, port_);
        acceptor_.open(where.protocol());
        acceptor_.set_option(asio::socket_base::reuse_address(true));
        acceptor_.bind(where);
        acceptor_.listen();
        port_ = acceptor_.local_endpoint().port();
    }

private:
    const chat_server_options options_;
    const std::unique_ptr<ssl::context> tls_;
    tcp::acceptor acceptor_;
    const asio::ip::address address_;
    std::uint16_t port_;
};

http_listener::http_listener(asio::io_context& context, const chat_server_options& options,
                             const std::optional<server_identity>& identity)
    : impl_(std::make_unique<impl>(context, options, identity)) {}

http_listener::~http_listener() = default;

std::uint16_t http_listener::port() const noexcept { return impl_->port(); }

boost::asio::awaitable<std::unique_ptr<peer>> http_listener::accept() { return impl_->accept(); }

void http_listener::close() { impl_->close(); }

void http_listener::open() { impl_->open(); }

} // namespace parley::testing
