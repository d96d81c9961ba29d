// What runs while a link lives: its reader, and its writer while there is something to write.

#include "connection/link.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace parley {

// A task that throws takes the connection with it, and nothing else.
void link::spawn(awaitable<void> body) {
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

void link::fail(const std::exception_ptr& thrown) noexcept {
    abort_at_once();
    if (parts_.on_error) parts_.on_error(thrown); // which only logs
}

// After the last of them nobody has to listen any more, and the owner may see that nobody does.
void link::task_done(std::shared_ptr<const void> kept) {
    if (--running_ > 0) return;
    const auto owner = owner_ ? owner_->self() : nullptr;
    try {
        if (begun_) written(std::exchange(begun_, nullptr), false);
    } catch (...) { // this ends all the same
        if (parts_.on_error) parts_.on_error(std::current_exception());
    }
    transport_.reset(); // each of its operations has returned
    over_ = true;
    watchdog_.reset(); // here: what is left of this may go on another thread
    kept.reset();
    if (owner_) owner_->on_over(*this);
}

// An idle session holds no frame at all: it listens.
awaitable<void> link::read_all(std::shared_ptr<link> self) {
    while (!self->cut_) {
        if (!self->wants_more()) co_await await_room(self);
        if (self->cut_ || self->listen()) break;
        co_await read(self);
        self->after_read();
    }
}

// What was heard takes a wait, or there is no room for it.
awaitable<void> link::read_on(std::shared_ptr<link> self) {
    if (self->wants_more()) {
        co_await read(self);
        self->after_read();
    }
    co_await read_all(self);
}

bool link::listen() {
    // Not by conversion: that this is a listener is nobody else's business.
    std::shared_ptr<transport_listener> self(shared_from_this(), this);
    if (!transport_->listen(std::move(self), kept())) return false;
    ++running_;
    return true;
}

void link::on_readable(std::shared_ptr<const void> kept, std::exception_ptr thrown) {
    try {
        if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
        while (!cut_) {
            if (!wants_more() || !transport_->read_at_once()) {
                if (!transport_->has_ended())
                    spawn(read_on(shared_from_this()));
                else if (reason_)
                    cut();
                else
                    end(transport_->end_reason());
                break;
            }
            after_read();
            if (!cut_ && wants_more() && listen()) break;
        }
    } catch (...) {
        thrown = std::current_exception();
    }
    if (thrown) fail(thrown);
    task_done(std::move(kept));
}

void link::after_read() {
    if (owner_) owner_->after_read();
}

awaitable<void> link::run(std::shared_ptr<link> self) {
    auto connecting = self->transport_->connect(std::move(self->request_));
    const auto connected = co_await std::move(connecting);
    if (!connected) {
        self->end(connected.error());
    } else if (!self->cut_) {
        self->opened();
        // What came in one breath with the answer.
        if (!self->cut_ && self->wants_more()) self->transport_->read_at_once();
        self->after_read();
    }
    co_await read_all(self);
}

awaitable<void> link::read(std::shared_ptr<link> self) {
    const auto outcome = co_await self->transport_->read();
    if (!outcome) self->end(outcome.error());
}

// Nothing is read, so that TCP tells the peer to wait.
awaitable<void> link::await_room(std::shared_ptr<link> self) {
    self->notice(liveness_input::paused{});
    while (!self->cut_ && !self->room_granted_ && !self->wants_more()) {
        // Without another look at the room, which there may be by now: who asks is told so at once.
        if (!self->room_ && !self->parts_.queue->congested()) // else the writer has to catch up
            self->room_ = shared_awaitable<void>::start(self->parts_.strand, self->parts_.clock,
                                                        [self] { return ask_for_room(self); });
        else
            co_await self->reader_wake_.wait_until();
    }
    if (std::exchange(self->room_granted_, false)) self->room_.reset();
    self->notice(liveness_input::resumed{});
}

awaitable<void> link::ask_for_room(std::shared_ptr<link> self) {
    std::exception_ptr thrown;
    try {
        co_await self->owner_->wait_for_room();
    } catch (...) {
        thrown = std::current_exception();
    }
    self->room_granted_ = true;
    self->reader_wake_.notify_all();
    if (thrown) std::rethrow_exception(thrown);
}

// An idle session has no writer.
void link::start_writer() {
    if (!open_ || writer_ || parting_ || cut_ || fallback_) return;
    if (!begun_ && goodbye_code_ == 0 && !ping_due_) {
        begun_ = parts_.queue->next(now(), ready_);
        if (!begun_) return;
    }
    parting_ = !begun_ && goodbye_code_ != 0;
    std::exception_ptr thrown;
    try {
        if (parting_ && close_at_once()) return; // the reader sees the peer's answer
        writer_ = true;
        spawn(parting_ ? say_goodbye(shared_from_this()) : write_all(shared_from_this()));
    } catch (...) { // out of memory
        thrown = std::current_exception();
    }
    if (thrown) fail(thrown);
}

bool link::close_at_once() {
    return transport_->can_write_at_once() && transport_->close_at_once(goodbye_code_);
}

awaitable<void> link::write_all(std::shared_ptr<link> self) {
    while (!self->cut_ && !self->fallback_) {
        if (!self->begun_ && self->goodbye_code_ != 0) {
            self->parting_ = true;
            co_await say_goodbye(self);
            break;
        }
        if (!self->begun_ && self->ping_due_) {
            co_await write_ping(self);
            continue;
        }
        if (!self->begun_) self->begun_ = self->parts_.queue->next(self->now(), self->ready_);
        if (!self->begun_) break;
        co_await write_one(self, std::exchange(self->begun_, nullptr));
    }
    self->writer_ = false;
}

awaitable<void> link::write_one(std::shared_ptr<link> self, send_queue::message one) {
    const std::size_t size = one->text().size();
    self->writing_ = true;
    self->notice(liveness_input::write_began{size});
    std::exception_ptr thrown;
    result<void> outcome;
    try {
        outcome = co_await self->transport_->write(one->text());
    } catch (...) {
        thrown = std::current_exception();
    }
    self->writing_ = false;
    self->notice(liveness_input::write_ended{});
    const bool whole = !thrown && outcome.has_value();
    if (!whole && !thrown) self->write_failed(outcome.error());
    self->written(one, whole);
    if (thrown) std::rethrow_exception(thrown);
}

awaitable<void> link::write_ping(std::shared_ptr<link> self) {
    self->ping_due_ = false;
    self->notice(liveness_input::write_began{});
    const auto outcome = co_await self->transport_->ping();
    self->notice(liveness_input::write_ended{});
    if (outcome)
        self->notice(liveness_input::pinged{});
    else
        self->write_failed(outcome.error());
}

awaitable<void> link::say_goodbye(std::shared_ptr<link> self) {
    auto closing = self->transport_->close(self->goodbye_code_, std::string());
    const auto outcome = co_await std::move(closing);
    // The reader sees the peer's answer, or the watchdog loses patience.
    if (!outcome) self->cut();
}

} // namespace parley
