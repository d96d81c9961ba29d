#include "net/dial.hpp"

#include "core/at_exit.hpp"
#include "net/network_error.hpp"

#include <algorithm>
#include <list>
#include <optional>
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

struct attempt {
    enum class state { connecting, answered, over };

    attempt(const asio::any_io_executor& executor, tcp::endpoint where, time_point give_up)
        : socket(executor), to(std::move(where)), until(give_up) {}

    tcp::socket socket;
    tcp::endpoint to;
    time_point until;
    state current = state::connecting;
    boost::system::error_code failed; ///< once it is answered
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
        for (attempt& each : attempts_) {
            if (each.current == attempt::state::answered) take_answer(each);
            if (each.current == attempt::state::connecting && now >= each.until) give_up(each);
        }
        while (!connected_ && now < deadline_ && next_ < endpoints_.size() &&
               (running_ == 0 || now >= next_start_))
            start(now);
        if (connected_ || exhausted() || now >= deadline_) return std::nullopt;
        time_point wake = next_ < endpoints_.size() ? next_start_ : time_point::max();
        for (const attempt& each : attempts_)
            if (each.current != attempt::state::over) wake = std::min(wake, each.until);
        return wake;
    }

    alarm& timer() { return *timer_; }

    void close_all() noexcept {
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
        added.socket.async_connect(
            added.to, [self = shared_from_this(), &added](boost::system::error_code failed) {
                if (added.current != attempt::state::connecting) return; // given up
                added.current = attempt::state::answered;
                added.failed = failed;
                self->timer_->ring();
            });
    }

    void take_answer(attempt& of) {
        of.current = attempt::state::over;
        --running_;
        if (!of.failed) of.socket.non_blocking(true, of.failed);
        if (of.failed)
            fail(of, of.failed.message());
        else if (!connected_)
            connected_.emplace(std::move(of.socket));
    }

    void give_up(attempt& late) {
        late.current = attempt::state::over;
        --running_;
        ++timeouts_;
        fail(late, "no answer");
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
};

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
    const auto running = std::make_shared<connection_attempts>(
        socket.get_executor(), std::move(clock), interleave_families(std::move(endpoints)), limit);
    const at_exit close_others([running] { running->close_all(); });
    const stop_signal::hook hook(stop, [timer = &running->timer()] { timer->ring(); });
    for (;;) {
        if (stop->requested()) co_return aborted_error(phase::tcp);
        const auto wake = running->step();
        if (!wake) break;
        co_await running->timer().wait_until(*wake);
    }
    co_return running->outcome(socket, name);
}

} // namespace parley
