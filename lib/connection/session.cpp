#include "connection/session.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace parley {

namespace {

// A failed write says less than the close frame that may lie unread: for so long the reader goes
// on.
constexpr std::chrono::seconds read_on_after_write_error{1};

std::string_view sentence(errc why) {
    switch (why) {
    case errc::resolve_timeout:
        return "The name lookup took too long.";
    case errc::connect_timeout:
        return "No address of the server answered in time.";
    case errc::proxy_failed:
        return "The proxy did not open the tunnel in time.";
    case errc::tls_timeout:
        return "The TLS handshake took too long.";
    case errc::upgrade_timeout:
        return "The server did not answer the WebSocket upgrade in time.";
    case errc::session_timeout:
        return "The session was not ready in time.";
    case errc::message_timeout:
        return "A message of the server was not completed in time.";
    case errc::connection_closed:
        return "The server began to close the connection, and did not finish.";
    default:
        return "The server was silent for too long.";
    }
}

// The peer's own doing, and no consequence of ours.
bool is_of_peer(const error_info& why) {
    return why.is(errc::connection_closed) || why.is(errc::protocol_violation) ||
           why.is(errc::message_too_large);
}

} // namespace

std::shared_ptr<const error_info> internal_error() {
    static const auto made = std::make_shared<const error_info>(
        errc::connection_reset, "The connection failed inside the client.");
    return made;
}

session::session(session_parts parts, const liveness_limits& limits, session_owner& owner,
                 transport_factory& transports, bool secure, time_point deadline)
    : parts_(std::move(parts)), owner_(&owner), watchdog_(parts_.clock->make_alarm(parts_.strand)),
      reader_wake_(parts_.strand, parts_.clock),
      transport_(transports.make(parts_.strand, *this, secure)),
      liveness_(limits, parts_.clock->now(), parts_.clock->wall_now(), deadline) {}

void session::start(std::shared_ptr<const connect_request> request) {
    request_ = std::move(request);
    running_ = 1; // this, so that nothing is over before everything has begun
    std::exception_ptr thrown;
    try {
        watchdog_at_ = time_point::min(); // no timer before the first wait
        spawn(run());
        check();
    } catch (...) { // out of memory
        thrown = std::current_exception();
    }
    if (thrown) fail(thrown);
    task_done(nullptr);
}

void session::opened() {
    state_ = state::opening;
    phase_ = phase::session;
    notice(liveness_input::entered{phase::session});
    if (!live()) return;
    parts_.board->enter(phase::session);
    if (auto* const above = active_layer()) above->on_open();
    write();
}

void session::become_ready(std::chrono::milliseconds heartbeat_interval) {
    state_ = state::ready;
    phase_ = phase::ready;
    notice(liveness_input::entered{phase::ready, heartbeat_interval});
    write();
}

void session::write() {
    const auto self = shared_from_this(); // its sender may release it when told of the outcome
    std::exception_ptr thrown;
    try {
        if (!write_frames()) spawn(flush()); // most frames find space in the socket
    } catch (...) {                          // out of memory
        thrown = std::current_exception();
    }
    if (thrown) fail(thrown);
}

// False: the socket did not take the whole of a frame.
bool session::write_frames() {
    while (choose_frame()) {
        const auto sent = begin_frame();
        if (sent && !*sent) return false;
        frame_ended(sent ? nullptr : &sent.error());
    }
    return true;
}

bool session::choose_frame() {
    if (writer_ != writer::idle || state_ == state::connecting || aborted()) return false;
    if (state_ == state::closing)
        writer_ = writer::close;
    else if (std::exchange(ping_due_, false))
        writer_ = writer::ping;
    else if ((writing_ = parts_.queue->next(now(), state_ == state::ready)))
        writer_ = writer::message;
    return writer_ != writer::idle;
}

result<bool> session::begin_frame() {
    if (writer_ == writer::message) return transport_->write(writing_->text());
    return writer_ == writer::ping ? transport_->ping() : transport_->close(close_code_);
}

void session::frame_ended(const error_info* failed) {
    const auto frame = std::exchange(writer_, writer::idle);
    if (frame == writer::close) {
        writer_ = writer::done;
        if (failed) abort_transport(); // else the reader sees the peer's answer
        return;
    }
    if (failed) write_failed(*failed);
    if (frame == writer::message)
        settle_message(!failed);
    else if (!failed)
        notice(liveness_input::pinged{});
}

void session::settle_message(bool whole) {
    const auto one = std::exchange(writing_, nullptr);
    if (whole) parts_.board->sent_message(one->text().size());
    parts_.queue->written(one, whole);
    parts_.board->queued(*parts_.queue);
    if (owner_) owner_->on_written();
    reader_wake_.notify_all(); // it may have waited for the answers to be taken
}

void session::probe() { notice(liveness_input::probe{}); }

void session::close(error_info why, unsigned code, time_point until) {
    if (aborted()) return;
    if (!reason_) end_for(std::move(why));
    abort_at_ = std::min(abort_at_, until);
    if (state_ == state::connecting || abort_at_ <= now()) return abort_transport();
    if (state_ != state::closing) close_code_ = code;
    state_ = state::closing;
    reader_wake_.notify_all();
    write();
    watch(abort_at_); // after the close frame, which is not held up by setting a timer
}

void session::abort(error_info why) {
    if (over()) return;
    if (!reason_) end_for(std::move(why));
    abort_transport();
}

// The transport's error, unless something better is known.
void session::end(error_info why) {
    if (!reason_) {
        if (fallback_ && !is_of_peer(why)) why = *fallback_;
        end_for(std::move(why));
    }
    abort_transport();
}

void session::end_for(error_info why) {
    // The transport does not know when a session is ready.
    if (phase_ == phase::ready || why.details.phase == phase::none) why.details.phase = phase_;
    quiet_ = !writing() && parts_.queue->empty() && !liveness_.message_open();
    reason_ = std::make_shared<const error_info>(std::move(why));
}

void session::abort_at_once() noexcept {
    if (over()) return;
    if (!reason_) reason_ = internal_error();
    abort_transport();
}

void session::abort_transport() {
    if (aborted()) return;
    state_ = state::aborted;
    if (transport_) transport_->abort();
    if (room_) room_->cancel();
    reader_wake_.notify_all();
}

void session::write_failed(error_info why) {
    writer_ = writer::done;
    if (!fallback_) fallback_ = std::make_unique<const error_info>(std::move(why));
    abort_at_ = std::min(abort_at_, after(now(), read_on_after_write_error));
    watch(abort_at_);
}

void session::on_phase(phase now_in) {
    phase_ = now_in;
    notice(liveness_input::entered{now_in});
    if (owner_ && live()) parts_.board->enter(now_in);
}

void session::on_bytes(std::size_t count, bool message_open) {
    parts_.board->received(count);
    notice(liveness_input::bytes{message_open, std::exchange(message_ended_, false)});
}

void session::on_pong() {
    notice(liveness_input::pong{});
    if (const auto took = liveness_.round_trip()) parts_.board->round_trip(*took);
}

void session::on_close_started() { notice(liveness_input::close_started{}); }

void session::on_text(std::string_view text) {
    message_ended_ = true;
    parts_.board->received_message();
    auto* const above = active_layer();
    if (above && live()) above->on_text(text);
}

void session::on_binary(std::string_view message) {
    message_ended_ = true;
    parts_.board->received_message();
    auto* const above = active_layer();
    if (above && live()) above->on_binary(message.size());
}

// After the end messages are read and dropped until the close frame comes.
bool session::wants_more() const {
    const auto* const above = active_layer();
    return !live() || !above || (above->has_room() && !parts_.queue->congested());
}

void session::notice(const liveness_event& happened) {
    if (!live()) return;
    perform(liveness_.resume(now(), happened));
}

void session::perform(const liveness_action_t& action) {
    if (const auto* dead = std::get_if<liveness_action::give_up>(&action)) {
        auto why = verdict(dead->why, dead->step);
        // Only the transport knows the code of a close that the peer has begun (doc/pitfalls.md
        // P33).
        if (dead->why != errc::connection_closed) return end(std::move(why));
        fallback_ = std::make_unique<const error_info>(std::move(why));
        return abort_transport();
    }
    time_point until = time_point::max();
    if (const auto* ping = std::get_if<liveness_action::ping>(&action)) {
        until = ping->until;
        ask_for_ping();
    } else {
        until = std::get<liveness_action::watch>(action).until;
    }
    watch(until);
}

// The watchdog looks then, if not before.
void session::watch(time_point until) {
    if (aborted() || until >= watchdog_at_) return;
    watchdog_at_ = until;
    std::exception_ptr thrown;
    try {
        watchdog_->call_at(until, [this] { check(); }); // which is not called once this is gone
    } catch (...) {                                     // out of memory
        thrown = std::current_exception();
    }
    if (thrown) fail(thrown);
}

void session::check() {
    watchdog_at_ = time_point::max();
    if (aborted()) return;
    if (now() >= abort_at_) {
        if (!reason_ && fallback_) end_for(*fallback_);
        return abort_transport();
    }
    std::exception_ptr thrown;
    try {
        notice(liveness_input::tick{parts_.clock->wall_now()});
    } catch (...) {
        thrown = std::current_exception();
    }
    if (thrown) fail(thrown);
    watch(abort_at_);
}

void session::ask_for_ping() {
    ping_due_ = true;
    auto* const above = active_layer();
    if (state_ == state::ready && above) {
        auto beat = above->heartbeat();
        if (!beat.empty())
            parts_.queue->push(now(),
                               std::make_shared<outgoing>(send_lane::control, std::move(beat)));
    }
    write();
}

error_info session::verdict(errc why, phase step) {
    error_details details;
    details.phase = step;
    details.retryable = true;
    return error_info(why, std::string(sentence(why)), std::move(details));
}

} // namespace parley
