// The tasks of a session: its reader, and its writer while there is something to write.

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
        if (writing_) written(false);
    } catch (...) { // this ends all the same
        if (parts_.on_error) parts_.on_error(std::current_exception());
    }
    if (!reason_) reason_ = std::move(fallback_);
    if (!reason_) reason_ = std::move(internal_error_);
    transport_.reset(); // each of its operations has returned
    state_ = state::over;
    watchdog_.reset(); // on the strand: the rest may be destroyed on another thread
    kept.reset();
    if (owner_) owner_->on_over(*this);
}

// An idle session holds no frame at all: it listens.
awaitable<void> session::read_all(std::shared_ptr<session> self) {
    while (!self->aborted()) {
        if (!self->wants_more()) co_await await_room(self);
        if (self->aborted() || self->listen()) break;
        co_await read(self);
        self->after_read();
    }
}

// Continues with a coroutine: a message is incomplete, or there is no room for it.
awaitable<void> session::read_on(std::shared_ptr<session> self) {
    if (self->wants_more()) {
        co_await read(self);
        self->after_read();
    }
    co_await read_all(self);
}

bool session::listen() {
    // By this constructor, as the conversion is private.
    std::shared_ptr<transport_listener> self(shared_from_this(), this);
    if (!transport_->listen(std::move(self), kept())) return false;
    ++running_;
    return true;
}

void session::on_readable(std::shared_ptr<const void> kept, std::exception_ptr thrown) {
    try {
        if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
        while (!aborted()) {
            if (!wants_more() || !transport_->read_at_once()) {
                if (!transport_->has_ended())
                    spawn(read_on(shared_from_this()));
                else if (!live())
                    abort_transport();
                else
                    end(transport_->end_reason());
                break;
            }
            after_read();
            if (!aborted() && wants_more() && listen()) break;
        }
    } catch (...) {
        thrown = std::current_exception();
    }
    if (thrown) fail(thrown);
    task_done(std::move(kept));
}

void session::after_read() {
    if (auto* const above = active_layer()) above->after_read();
}

awaitable<void> session::run(std::shared_ptr<session> self) {
    auto connecting = self->transport_->connect(std::move(self->request_));
    const auto connected = co_await std::move(connecting);
    if (!connected) {
        self->end(connected.error());
    } else if (!self->aborted()) {
        self->opened();
        // Messages that came with the answer to the upgrade.
        if (!self->aborted() && self->wants_more()) self->transport_->read_at_once();
        self->after_read();
    }
    co_await read_all(self);
}

awaitable<void> session::read(std::shared_ptr<session> self) {
    const auto outcome = co_await self->transport_->read();
    if (!outcome) self->end(outcome.error());
}

// Nothing is read, so that TCP tells the peer to wait.
awaitable<void> session::await_room(std::shared_ptr<session> self) {
    self->notice(liveness_input::paused{});
    while (!self->aborted() && !(self->room_ && self->room_->done()) && !self->wants_more()) {
        // Without asking has_room again: if there is room by now, the wait returns at once.
        if (!self->room_ && !self->parts_.queue->congested()) // else the writer has to catch up
            self->room_ = shared_awaitable<void>::start(self->parts_.strand, self->parts_.clock,
                                                        [self] { return ask_for_room(self); });
        else
            co_await self->reader_wake_.wait_until();
    }
    if (self->room_ && self->room_->done()) self->room_.reset();
    self->notice(liveness_input::resumed{});
}

awaitable<void> session::ask_for_room(std::shared_ptr<session> self) {
    std::exception_ptr thrown;
    try {
        if (const auto above = self->kept()) co_await above->wait_for_room();
    } catch (...) {
        thrown = std::current_exception();
    }
    self->reader_wake_.notify_all();
    if (thrown) std::rethrow_exception(thrown);
}

// An idle session has no writer.
void session::start_writer() {
    if (writer_ != writer::idle || state_ == state::connecting || aborted()) return;
    if (!writing_ && state_ != state::closing && !ping_due_) {
        writing_ = parts_.queue->next(now(), state_ == state::ready);
        if (!writing_) return;
    }
    const bool last = !writing_ && state_ == state::closing;
    writer_ = last ? writer::done : writer::running;
    std::exception_ptr thrown;
    try {
        if (last && send_close_now()) return; // the reader sees the peer's answer
        spawn(last ? send_close(shared_from_this()) : write_all(shared_from_this()));
    } catch (...) { // out of memory
        thrown = std::current_exception();
    }
    if (thrown) fail(thrown);
}

bool session::send_close_now() {
    return transport_->can_write_at_once() && transport_->close_at_once(close_code_);
}

awaitable<void> session::write_all(std::shared_ptr<session> self) {
    while (self->writer_ == writer::running && !self->aborted()) {
        if (self->writing_) {
            co_await write_message(self);
        } else if (self->state_ == state::closing) {
            self->writer_ = writer::done;
            co_await send_close(self);
        } else if (self->ping_due_) {
            co_await write_ping(self);
        } else {
            self->writing_ = self->parts_.queue->next(self->now(), self->state_ == state::ready);
            if (!self->writing_) self->writer_ = writer::idle;
        }
    }
}

awaitable<void> session::write_message(std::shared_ptr<session> self) {
    const auto one = self->writing_;
    const std::size_t size = one->text().size();
    self->notice(liveness_input::write_began{size});
    std::exception_ptr thrown;
    result<void> outcome;
    try {
        outcome = co_await self->transport_->write(one->text());
    } catch (...) {
        thrown = std::current_exception();
    }
    self->notice(liveness_input::write_ended{});
    const bool whole = !thrown && outcome.has_value();
    if (!whole && !thrown) self->write_failed(outcome.error());
    self->written(whole);
    if (thrown) std::rethrow_exception(thrown);
}

awaitable<void> session::write_ping(std::shared_ptr<session> self) {
    self->ping_due_ = false;
    self->notice(liveness_input::write_began{});
    const auto outcome = co_await self->transport_->ping();
    self->notice(liveness_input::write_ended{});
    if (outcome)
        self->notice(liveness_input::pinged{});
    else
        self->write_failed(outcome.error());
}

awaitable<void> session::send_close(std::shared_ptr<session> self) {
    auto closing = self->transport_->close(self->close_code_, std::string());
    const auto outcome = co_await std::move(closing);
    // Now the reader sees the peer's answer, or the watchdog aborts.
    if (!outcome) self->abort_transport();
}

} // namespace parley
