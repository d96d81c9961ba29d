#pragma once

#include "loopback/secure_wire.hpp"
#include "net/tls.hpp"
#include "net/tls_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace parley::test {

using boost::system::error_code;

class secure_server : public raw_server {
public:
    explicit secure_server(std::vector<script> scripts, const tls_setup& set_up = {})
        : raw_server(good_identity().certificate_pem, good_identity().key_pem, std::move(scripts),
                     set_up) {}
};

/// A `tls_stream` that is connected to a port of this machine.
class secure_end : public wire {
    static constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

public:
    explicit secure_end(std::uint16_t port) : context_(settings()) {
        asio::ip::tcp::socket socket(strand);
        socket.open(asio::ip::tcp::v4());
        // So that a write can block: the buffer would grow with unread data.
        socket.set_option(asio::socket_base::send_buffer_size(64 * 1024));
        socket.connect({asio::ip::make_address("127.0.0.1"), port});
        socket.set_option(asio::ip::tcp::no_delay(true));
        stream = std::make_unique<tls_stream>(std::move(socket), context_.native());
    }

    asio::ip::tcp::socket& socket() { return stream->next_layer(); }

    error_code handshake() { return run(shaking()); }
    awaitable<error_code> shaking() {
        const auto done = co_await stream->async_handshake(as_values);
        co_return std::get<0>(done);
    }
    awaitable<error_code> writing(std::string text) {
        const auto done = co_await asio::async_write(*stream, asio::buffer(text), as_values);
        co_return std::get<0>(done);
    }
    awaitable<error_code> flushing() {
        const asio::const_buffer nothing;
        const auto done = co_await stream->async_write_some(nothing, as_values);
        co_return std::get<0>(done);
    }
    awaitable<error_code> parting() {
        const auto done = co_await stream->async_shutdown(as_values);
        co_return std::get<0>(done);
    }
    awaitable<error_code> waiting() {
        const auto done = co_await stream->async_wait_readable(as_values);
        co_return std::get<0>(done);
    }
    awaitable<std::string> reading_some(std::size_t most) {
        std::string text(most, '\0');
        const auto into = asio::buffer(text);
        text.resize(co_await stream->async_read_some(into, asio::use_awaitable));
        co_return text;
    }
    /// That many, in pieces of all sizes.
    awaitable<std::string> reading(std::size_t count) {
        std::string text(count, '\0');
        for (std::size_t got = 0, turn = 0; got < count; ++turn) {
            const auto into =
                asio::buffer(text.data() + got, std::min(count - got, sizes[turn % 5]));
            got += co_await stream->async_read_some(into, asio::use_awaitable);
        }
        co_return text;
    }

    /// What reading ends with.
    error_code read_error() { return run(reading_to_end()); }

private:
    static constexpr std::array<std::size_t, 5> sizes{32 * 1024, 1, 20'000, 333, 64 * 1024};

    static tls_config settings() {
        tls_config made;
        made.ca_pem = good_identity().ca_pem;
        return made;
    }

    awaitable<error_code> reading_to_end() {
        std::array<char, 100> some{};
        const auto into = asio::buffer(some);
        for (;;) {
            const auto got = co_await stream->async_read_some(into, as_values);
            if (std::get<0>(got)) co_return std::get<0>(got);
        }
    }

    tls_context context_;

public:
    std::unique_ptr<tls_stream> stream;
};

/// A read with a slot of its own: a coroutine lets only some kinds of cancellation through.
class cancellable_read {
public:
    explicit cancellable_read(secure_end& from) {
        from.stream->async_read_some(
            asio::buffer(into_),
            asio::bind_cancellation_slot(
                signal_.slot(), [this](error_code failed, std::size_t) { outcome_ = failed; }));
    }
    cancellable_read(const cancellable_read&) = delete;
    cancellable_read& operator=(const cancellable_read&) = delete;

    void cancel(asio::cancellation_type type) { signal_.emit(type); }
    bool done() const { return outcome_.has_value(); }
    error_code outcome() const { return outcome_.value(); }

private:
    asio::cancellation_signal signal_;
    std::array<char, 100> into_{};
    std::optional<error_code> outcome_;
};

} // namespace parley::test
