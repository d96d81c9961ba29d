// The tasks of a session: its reader, and a flush while the socket does not take a frame.

#include "connection/session.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace parley {

// A task that throws takes the connection with it, and nothing else.
void session::spawn(awaitable<void> body) {
    ++running_; // here, at once: one that could not be started must not be waited for
    try {
        asio::co_spawn(
            parts_.strand, std::move(body),
            [self = shared_from_this(), kept = kept()](const std::exception_ptr& thrown) mutable {
                if (thrown) self->fail(thrown);
                self->task_done(std::move(kept));
            });
    } catch (...) {
        --running_;
        throw;
    }
}

void session::fail(const std::exception_ptr& thrown) noexcept {
    abort_at_once();
    if (parts_.on_error) parts_.on_error(thrown); // which only logs
}

// After the last of them the layer is released, and the owner may see that.
void session::task_done(std::shared_ptr<const void> kept) {
    if (--running_ > 0) return;
    const auto owner = owner_ ? owner_->self() : nullptr;
    try {
        if (writing_) settle_message(false);
    } catch (...) { // this ends all the same
        if (parts_.on_error) parts_.on_error(std::current_exception());
    }
    if (!reason_) reason_ = std::move(fallback_);
    if (!reason_) reason_ = internal_error();
    transport_.reset(); // each of its operations has returned
    state_ = state::over;
    watchdog_.reset(); // on the strand: the rest may be destroyed on another thread
    kept.reset();
    if (owner_) owner_->on_over(*this);
}

awaitable<void> session::run() {
    auto connecting = transport_->connect(std::move(request_));
    const auto connected = co_await std::move(connecting);
    if (!connected)
        end(connected.error());
    else if (!aborted())
        opened();
    while (!aborted()) {
        if (!wants_more()) co_await await_room();
        if (aborted()) break;
        auto reading = transport_->read();
        const auto outcome = co_await std::move(reading);
        if (!outcome) end(outcome.error());
        if (auto* const above = active_layer()) above->after_read();
    }
}

// Nothing is read, so that TCP tells the peer to wait.
awaitable<void> session::await_room() {
    notice(liveness_input::paused{});
    while (!aborted() && !(room_ && room_->done()) && !wants_more()) {
        // Without asking has_room again: if there is room by now, the wait returns at once.
        if (!room_ && !parts_.queue->congested()) // else the writer has to catch up
            room_ = shared_awaitable<void>::start(
                parts_.strand, parts_.clock,
                [self = shared_from_this()] { return self->ask_for_room(); });
        else
            co_await reader_wake_.wait_until();
    }
    if (room_ && room_->done()) room_.reset();
    notice(liveness_input::resumed{});
}

awaitable<void> session::ask_for_room() {
    std::exception_ptr thrown;
    try {
        if (const auto above = kept()) co_await above->wait_for_room();
    } catch (...) {
        thrown = std::current_exception();
    }
    reader_wake_.notify_all();
    if (thrown) std::rethrow_exception(thrown);
}

awaitable<void> session::flush() {
    do {
        notice(liveness_input::write_began{writing_ ? writing_->text().size() : 0});
        auto flushing = transport_->flush();
        const auto outcome = co_await std::move(flushing);
        notice(liveness_input::write_ended{});
        frame_ended(outcome ? nullptr : &outcome.error());
    } while (!write_frames());
}

} // namespace parley
