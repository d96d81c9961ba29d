#include "net/dial.hpp"

#include "net/network_error.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <list>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

namespace parley {

namespace {

using asio::ip::tcp;

void close(tcp::socket& socket) noexcept {
    boost::system::error_code already_closed;
    socket.close(already_closed);
}

error_info took_too_long(const std::string& name, std::string reasons) {
    return network_error(errc::connect_timeout, phase::tcp, true,
                         "Connecting to " + name + " took too long", std::move(reasons));
}

error_info not_connected(const std::string& name, std::string reasons) {
    return network_error(errc::connect_failed, phase::tcp, true, "Could not connect to " + name,
                         std::move(reasons));
}

std::string reason(const tcp::endpoint& at, const std::string& why) {
    return at.address().to_string() + ": " + why;
}

constexpr auto silent = "no answer";

/// The outcome of a non-blocking connect, `in_progress` until the socket is writable.
boost::system::error_code connect_outcome(tcp::socket& socket) {
    ::pollfd writable{socket.native_handle(), POLLOUT, 0};
    if (::poll(&writable, 1, 0) != 1) return asio::error::in_progress; // a signal says nothing
    int code = 0;
    ::socklen_t size = sizeof code;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
    return {code, boost::system::system_category()};
}

/// Starts a non-blocking connect. On the loopback, and without a route, it completes at once.
boost::system::error_code begin_to_connect(tcp::socket& socket, const tcp::endpoint& to) {
    boost::system::error_code failed;
    socket.open(to.protocol(), failed);
    if (!failed) socket.non_blocking(true, failed);
    if (failed) return failed;
    if (::connect(socket.native_handle(), to.data(), static_cast<::socklen_t>(to.size())) == 0)
        return {};
    if (errno != EINPROGRESS) return {errno, boost::system::system_category()};
    return connect_outcome(socket);
}

struct attempt {
    attempt(const asio::any_io_executor& executor, tcp::endpoint where, time_point give_up)
        : socket(executor), to(std::move(where)), until(give_up) {}

    tcp::socket socket;
    tcp::endpoint to;
    time_point until;
    bool over = false;
};

/// The attempts to connect to the addresses of one host. Their handlers keep them alive. Strand
/// only.
class connection_attempts : public std::enable_shared_from_this<connection_attempts> {
public:
    connection_attempts(asio::any_io_executor executor, std::shared_ptr<clock_source> clock,
                        tcp_endpoints endpoints, std::chrono::milliseconds limit)
        : executor_(std::move(executor)), clock_(std::move(clock)),
          endpoints_(std::move(endpoints)), limit_(limit),
          deadline_(after(after(clock_->now(), limit), limit)),
          timer_(clock_->make_alarm(executor_)) {}

    /// Does what is due. Returns when to call it again, or nothing when there is an outcome.
    std::optional<time_point> step() {
        const time_point now = clock_->now();
        for (attempt& each : attempts_)
            if (!each.over && now >= each.until) give_up(each);
        while (!connected_ && now < deadline_ && next_ < endpoints_.size() &&
               (running_ == 0 || now >= next_start_))
            start(now);
        if (connected_ || exhausted() || now >= deadline_) return std::nullopt;
        time_point wake = next_ < endpoints_.size() ? next_start_ : time_point::max();
        for (const attempt& each : attempts_)
            if (!each.over) wake = std::min(wake, each.until);
        return wake;
    }

    alarm& timer() { return *timer_; }

    void close_all() noexcept {
        closed_ = true;
        for (attempt& each : attempts_)
            close(each.socket);
    }

    result<void> outcome(tcp::socket& socket, const std::string& name) {
        if (connected_) {
            socket = std::move(*connected_);
            return {};
        }
        if (timeouts_ == attempts_.size()) return took_too_long(name, reasons_);
        return not_connected(name, reasons_);
    }

private:
    bool exhausted() const { return next_ == endpoints_.size() && running_ == 0; }

    void start(time_point now) {
        attempt& added = attempts_.emplace_back(executor_, endpoints_[next_++],
                                                std::min(after(now, limit_), deadline_));
        next_start_ = after(now, dial_stagger);
        ++running_;
        go_on(added, begin_to_connect(added.socket, added.to));
    }

    void go_on(attempt& with, const boost::system::error_code& reported) {
        if (reported != asio::error::in_progress) return finish(with, reported);
        with.socket.async_wait(tcp::socket::wait_write, [self = shared_from_this(),
                                                         &with](boost::system::error_code failed) {
            if (with.over || self->closed_) return;
            self->go_on(with, failed ? failed : connect_outcome(with.socket));
        });
    }

    void finish(attempt& ended, const boost::system::error_code& failed) {
        ended.over = true;
        --running_;
        if (failed) {
            fail(ended, failed.message());
        } else if (!connected_) {
            connected_.emplace(std::move(ended.socket));
        }
        timer_->ring();
    }

    void give_up(attempt& late) {
        late.over = true;
        --running_;
        ++timeouts_;
        fail(late, silent);
    }

    void fail(attempt& failed, const std::string& why) {
        close(failed.socket);
        next_start_ = time_point::min(); // RFC 8305 section 5: a failure starts the next at once
        if (reasons_.size() > 200) return;
        if (!reasons_.empty()) reasons_ += "; ";
        reasons_ += reason(failed.to, why);
    }

    const asio::any_io_executor executor_;
    const std::shared_ptr<clock_source> clock_;
    const tcp_endpoints endpoints_;
    const std::chrono::milliseconds limit_;
    const time_point deadline_;
    const std::unique_ptr<alarm> timer_;
    std::list<attempt> attempts_;
    std::size_t next_ = 0;
    std::size_t running_ = 0;
    std::size_t timeouts_ = 0;
    time_point next_start_ = time_point::min();
    std::optional<tcp::socket> connected_;
    std::string reasons_;
    bool closed_ = false;
};

/// Closes every socket but the connected one, however the coroutine ends.
class close_on_exit {
public:
    explicit close_on_exit(std::shared_ptr<connection_attempts> of) : of_(std::move(of)) {}
    close_on_exit(const close_on_exit&) = delete;
    close_on_exit& operator=(const close_on_exit&) = delete;
    ~close_on_exit() { of_->close_all(); }

private:
    std::shared_ptr<connection_attempts> of_;
};

awaitable<result<void>> run_attempts(tcp::socket& socket,
                                     std::shared_ptr<connection_attempts> running, std::string name,
                                     std::shared_ptr<stop_signal> stop) {
    const close_on_exit guard(running);
    const stop_signal::hook hook(stop, [timer = &running->timer()] { timer->ring(); });
    for (;;) {
        if (stop->requested()) co_return aborted_error(phase::tcp);
        const auto wake = running->step();
        if (!wake) break;
        co_await running->timer().wait_until(*wake);
    }
    co_return running->outcome(socket, name);
}

} // namespace

tcp_endpoints interleave_families(tcp_endpoints endpoints) {
    tcp_endpoints firsts;
    tcp_endpoints seconds;
    for (const auto& each : endpoints) {
        const bool as_first = each.address().is_v6() == endpoints.front().address().is_v6();
        (as_first ? firsts : seconds).push_back(each);
    }
    tcp_endpoints ordered;
    ordered.reserve(endpoints.size());
    for (std::size_t at = 0; ordered.size() < endpoints.size(); ++at) {
        if (at < firsts.size()) ordered.push_back(firsts[at]);
        if (at < seconds.size()) ordered.push_back(seconds[at]);
    }
    return ordered;
}

awaitable<result<void>> connect_any(tcp::socket& socket, std::shared_ptr<clock_source> clock,
                                    tcp_endpoints endpoints, std::string name,
                                    std::chrono::milliseconds limit,
                                    std::shared_ptr<stop_signal> stop) {
    auto attempts = std::make_shared<connection_attempts>(
        socket.get_executor(), std::move(clock), interleave_families(std::move(endpoints)), limit);
    return run_attempts(socket, std::move(attempts), std::move(name), std::move(stop));
}

} // namespace parley
