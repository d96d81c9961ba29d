#include "connection/link.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace parley {

namespace {

// A broken write says less than the close frame that may lie unread: so long the reader may look.
constexpr std::chrono::seconds last_look{1};

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
        return "A message was begun and not completed in time.";
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

std::shared_ptr<link> link::make(link_parts parts, const liveness_limits& limits, link_owner& owner,
                                 transport_factory& transports, time_point deadline) {
    auto made = std::make_shared<link>(token(), std::move(parts), limits, owner, deadline);
    made->transport_ = transports.make(made->parts_.strand, *made);
    return made;
}

link::link(token, link_parts parts, const liveness_limits& limits, link_owner& owner,
           time_point deadline)
    : parts_(std::move(parts)), owner_(&owner), watchdog_(parts_.clock->make_alarm(parts_.strand)),
      reader_wake_(parts_.strand, parts_.clock),
      liveness_(limits, parts_.clock->now(), parts_.clock->wall_now(), deadline),
      inside_(std::make_unique<error_info>(errc::connection_reset,
                                           "The connection failed inside the client.")) {}

void link::start(std::shared_ptr<const connect_request> request) {
    request_ = std::move(request);
    running_ = 1; // this, so that nothing is over before everything has begun
    std::exception_ptr thrown;
    try {
        armed_ = time_point::min(); // until the first wait: what goes at once is not held up
        spawn(run(shared_from_this()));
        look();
    } catch (...) { // out of memory
        thrown = std::current_exception();
    }
    if (thrown) fail(thrown);
    task_done(nullptr);
}

void link::opened() {
    open_ = true;
    phase_ = phase::session;
    notice(liveness_input::entered{phase::session});
    if (owner_ && !reason_) owner_->on_open();
    wake();
}

void link::session_ready(std::chrono::milliseconds heartbeat_interval) {
    ready_ = true;
    phase_ = phase::ready;
    notice(liveness_input::entered{phase::ready, heartbeat_interval});
    wake();
}

void link::wake() {
    if (!write_at_once()) start_writer();
}

bool link::may_write_at_once() const {
    const bool idle = open_ && !writer_ && !begun_ && !ping_due_;
    return idle && !cut_ && !fallback_ && goodbye_code_ == 0 && transport_->can_write_at_once();
}

// Most messages find the writer idle and room in the socket: then nobody has to be woken. True when
// nothing is left to write.
bool link::write_at_once() {
    const auto self = shared_from_this(); // who is told of the outcome may let go of it
    while (may_write_at_once()) {
        begun_ = parts_.queue->next(now(), ready_);
        if (!begun_) return true;
        if (!transport_->write_at_once(begun_->text())) return false;
        written(std::exchange(begun_, nullptr), true);
    }
    return false;
}

void link::written(const send_queue::message& one, bool whole) {
    if (whole) parts_.board->sent_message(one->text().size());
    parts_.queue->written(one, whole);
    parts_.board->queued(*parts_.queue);
    if (owner_) owner_->on_written();
    reader_wake_.notify_all(); // it may have waited for the answers to be taken
}

void link::probe() { notice(liveness_input::probe{}); }

void link::finish(error_info why, unsigned code, time_point until) {
    if (over_) return;
    if (!reason_) end_for(std::move(why));
    cut_at_ = std::min(cut_at_, until);
    if (!open_ || cut_at_ <= now()) return cut();
    if (goodbye_code_ == 0) goodbye_code_ = code;
    reader_wake_.notify_all();
    start_writer();
    watch(cut_at_); // after that: what goes at once is not held up
}

void link::abort(error_info why) {
    if (over_) return;
    if (!reason_) end_for(std::move(why));
    cut();
}

// The transport's error, unless something better is known.
void link::end(error_info why) {
    if (!reason_) {
        if (fallback_ && !is_of_peer(why)) why = *fallback_;
        end_for(std::move(why));
    }
    cut();
}

void link::end_for(error_info why) {
    // The transport does not know when a session is ready.
    if (ready_ || why.details.phase == phase::none) why.details.phase = phase_;
    quiet_ = !writing() && parts_.queue->empty() && !liveness_.message_open();
    reason_ = std::make_unique<const error_info>(std::move(why));
}

void link::abort_at_once() noexcept {
    if (over_) return;
    if (!reason_) {
        inside_->details.phase = phase_;
        reason_ = std::move(inside_);
    }
    cut();
}

void link::cut() {
    if (cut_) return;
    cut_ = true;
    if (transport_) transport_->abort();
    if (room_) room_->cancel();
    reader_wake_.notify_all();
}

void link::write_failed(error_info why) {
    if (!fallback_) fallback_ = std::make_unique<const error_info>(std::move(why));
    cut_at_ = std::min(cut_at_, after(now(), last_look));
    watch(cut_at_);
}

void link::on_phase(phase now_in) {
    phase_ = now_in;
    if (now_in == phase::upgrade) asked_ = true;
    notice(liveness_input::entered{now_in});
    if (owner_ && !reason_) owner_->on_phase(now_in);
}

void link::on_bytes(std::size_t count, bool message_open) {
    parts_.board->received(count);
    notice(liveness_input::bytes{message_open, std::exchange(message_ended_, false)});
}

void link::on_pong() {
    notice(liveness_input::pong{});
    if (const auto took = liveness_.round_trip()) parts_.board->round_trip(*took);
}

void link::on_close_started() { notice(liveness_input::close_started{}); }

void link::on_text(std::string_view text) {
    message_ended_ = true;
    parts_.board->received_message();
    if (owner_ && !reason_) owner_->on_text(text);
}

void link::on_binary(std::size_t size) {
    message_ended_ = true;
    parts_.board->received_message();
    if (owner_ && !reason_) owner_->on_binary(size);
}

// What comes after the end is of no interest, but must be read to see the close.
bool link::wants_more() const {
    return reason_ || !owner_ || (owner_->has_room() && !parts_.queue->congested());
}

void link::notice(const liveness_event& happened) {
    if (reason_) return;
    perform(liveness_.resume(now(), happened));
}

void link::perform(const liveness_action_t& action) {
    if (const auto* dead = std::get_if<liveness_action::give_up>(&action)) {
        auto why = verdict(dead->why, dead->step);
        // Only the transport knows the code of a close that the peer has begun (doc/pitfalls.md
        // P33).
        if (dead->why != errc::connection_closed) return end(std::move(why));
        fallback_ = std::make_unique<const error_info>(std::move(why));
        return cut();
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
void link::watch(time_point until) {
    if (cut_ || until >= armed_) return;
    armed_ = until;
    std::exception_ptr thrown;
    try {
        watchdog_->call_at(until, [this] { look(); }); // which is not called once this is gone
    } catch (...) {                                    // out of memory
        thrown = std::current_exception();
    }
    if (thrown) fail(thrown);
}

void link::look() {
    armed_ = time_point::max();
    if (cut_) return;
    if (now() >= cut_at_) {
        if (!reason_ && fallback_) end_for(*fallback_);
        return cut();
    }
    std::exception_ptr thrown;
    try {
        notice(liveness_input::tick{parts_.clock->wall_now()});
    } catch (...) {
        thrown = std::current_exception();
    }
    if (thrown) fail(thrown);
    watch(cut_at_);
}

void link::ask_for_ping() {
    ping_due_ = true;
    if (ready_ && owner_) {
        auto beat = owner_->heartbeat();
        if (!beat.empty())
            parts_.queue->push(now(),
                               std::make_shared<outgoing>(send_lane::control, std::move(beat)));
    }
    wake();
}

error_info link::verdict(errc why, phase step) {
    error_details details;
    details.phase = step;
    details.retryable = true;
    return error_info(why, std::string(sentence(why)), std::move(details));
}

} // namespace parley
