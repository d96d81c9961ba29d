#include "transport/discard_input.hpp"

#include "async/condition.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <utility>
#include <vector>

namespace parley {

using asio::ip::tcp;

/// The read that is pending keeps it.
struct input_discarder::state {
    static constexpr std::size_t at_once = 64 * 1024;

    state(tcp::socket& of, std::shared_ptr<clock_source> clock)
        : socket(&of), dropped(at_once), changed(of.get_executor(), std::move(clock)) {}

    static void read_on(const std::shared_ptr<state>& self) noexcept {
        try {
            self->socket->async_read_some(
                asio::buffer(self->dropped),
                [self](const boost::system::error_code& failed, std::size_t count) {
                    self->taken += count;
                    if (failed || !self->socket || self->taken >= most_discarded)
                        self->end();
                    else
                        read_on(self);
                });
        } catch (...) { // out of memory: the socket is closed with what it holds
            self->end();
        }
    }

    void end() noexcept {
        over = true;
        changed.notify_all();
    }

    static awaitable<void> wait(std::shared_ptr<state> self) {
        while (!self->over)
            co_await self->changed.wait_until();
    }

    tcp::socket* socket; ///< null once its owner is gone
    std::vector<char> dropped;
    condition changed;
    std::size_t taken = 0;
    bool over = false;
};

input_discarder::input_discarder(tcp::socket& socket, std::shared_ptr<clock_source> clock)
    : state_(std::make_shared<state>(socket, std::move(clock))) {
    state::read_on(state_);
}

input_discarder::~input_discarder() { state_->socket = nullptr; }

awaitable<void> input_discarder::finish() {
    boost::system::error_code gone; // then the read that is pending ends
    state_->socket->shutdown(tcp::socket::shutdown_send, gone);
    return state::wait(state_);
}

} // namespace parley
