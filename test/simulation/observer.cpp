#include "simulation/observer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace parley::simulation {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr auto validity_buffer = 30s; // doc/protocol.md 1.4
constexpr std::string_view secret_part = "SENTINEL";

// doc/protocol.md 3.3, written down once more.
milliseconds longest_delay(unsigned attempt) {
    milliseconds bound = 500ms;
    for (unsigned n = 1; n < attempt && bound < 30s; ++n)
        bound *= 2;
    return std::min<milliseconds>(bound, 30s);
}

std::optional<std::string> message_in(std::string_view frame) {
    constexpr std::string_view before = "\"content\":\"";
    if (frame.find("\"type\":\"chat_message\"") == std::string_view::npos) return std::nullopt;
    const auto from = frame.find(before);
    if (from == std::string_view::npos) return std::nullopt;
    const auto rest = frame.substr(from + before.size());
    return std::string(rest.substr(0, rest.find('"')));
}

// What may be a gateway's is tried again slowly: base 5 s, cap 300 s.
milliseconds longest_delay(const reconnecting& again) {
    const auto& why = again.cause;
    const auto status = why.details.http_status.value_or(0);
    const bool bare_rejection = why.is(errc::upgrade_failed) && (status == 401 || status == 403);
    if (!why.details.retryable || bare_rejection) return 300s;
    return longest_delay(again.attempt);
}

bool is_disagreement(const error_info& why) {
    if (why.is(errc::handshake_violation) || why.is(errc::protocol_violation) ||
        why.is(errc::message_too_large) || why.is(errc::message_timeout))
        return true;
    const auto code = why.details.close_code.value_or(0);
    return code == 1002 || code == 1003 || code == 1007 || code == 1009 || code == 1010;
}

} // namespace

std::vector<std::uint64_t> deltas_in(std::string_view text) {
    std::vector<std::uint64_t> out;
    for (auto at = text.find("[#"); at != std::string_view::npos; at = text.find("[#", at + 2)) {
        std::uint64_t number = 0;
        for (auto i = at + 2; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
            number = number * 10 + static_cast<std::uint64_t>(text[i] - '0');
        out.push_back(number);
    }
    return out;
}

// ---- connections

void observer::dialing(std::uint64_t connection, const std::string&) {
    if (!dialing_.empty()) world_.broke("I11", "two connection attempts at the same time");
    dialing_.insert(connection);
    current_ = connection;
    dial_began_ = world_.now();
    if (retry_at_ && world_.now() < *retry_at_ && !nudged_ && refreshing_ == 0)
        world_.broke("I11", "an attempt before the backoff was over");
    retry_at_.reset();
    nudged_ = false;
    if (world_.traced()) world_.note(fmt::format("connection {} begins", connection));
}

void observer::note_failure(const error_info& why) {
    if (why.details.retry_after || is_disagreement(why)) odd_failures_ = true;
}

void observer::dial_failed(std::uint64_t connection, const error_info& why) {
    dialing_.erase(connection);
    note_failure(why);
    if (world_.traced()) world_.note(fmt::format("connection {}: {}", connection, why.message));
}

void observer::dial_done(std::uint64_t connection) {
    dialing_.erase(connection);
    if (world_.traced()) world_.note(fmt::format("connection {} is open", connection));
}

void observer::delivered(std::uint64_t connection, const std::string& text, bool ending) {
    if (world_.traced()) world_.note(fmt::format("client {} gets {}", connection, text));
    if (text.find("\"chat_") != std::string::npos || text.find("tool") != std::string::npos) {
        ++run_frames_;
        last_run_frame_ = world_.now();
    }
    const bool must = !ending && state_ == websocket_state::ready && current_ == connection &&
                      !doubtful_.contains(connection);
    for (const auto id : deltas_in(text)) {
        const bool asked = !asks_.empty() || run_left_;
        deltas_[id] = delta{must, asked};
        if (must && !asked) ++waiting_deltas_;
    }
    if (text.find("\"chat_finished\"") != std::string::npos ||
        text.find("\"chat_error\"") != std::string::npos)
        run_left_ = false;
    // In each session one frame may be taken beyond the last that had room.
    if (waiting_deltas_ > std::max(event_limit_, carried_deltas_) + 2)
        world_.broke("I6",
                     fmt::format("{} events wait, the limit is {}", waiting_deltas_, event_limit_));
}

void observer::delivered_binary(std::uint64_t connection, bool) {
    if (world_.traced()) world_.note(fmt::format("client {} gets a binary message", connection));
}

void observer::write_began(std::uint64_t connection, std::string_view text) {
    if (world_.traced()) world_.note(fmt::format("client {} writes {}", connection, text));
    read(text, "a frame");
    // A tool that ends is an event of its run.
    if (text.find("tool_call_response") != std::string_view::npos) last_run_frame_ = world_.now();
    const auto message = message_in(text);
    if (message && ++began_[*message] > 1) world_.broke("I8", *message + " is written twice");
}

void observer::written(std::uint64_t, std::string_view text) {
    if (const auto message = message_in(text)) ++written_[*message];
}

void observer::ended(std::uint64_t connection, const error_info& why) {
    note_failure(why);
    if (world_.traced())
        world_.note(fmt::format("connection {} ends: {}", connection, why.message));
}

void observer::look(const connection_status& now) {
    if (now.state == state_) return;
    changed(std::exchange(state_, now.state), now.websocket);
}

void observer::changed(websocket_state from, const websocket_status& to) {
    using enum websocket_state;
    world_.seen.count(from, to.state);
    if (world_.traced())
        world_.note(fmt::format("{} -> {}, attempt {}", parley::to_string(from),
                                parley::to_string(to.state), to.attempt));
    // An `init` that has waited for the close goes on in the step in which that ends.
    if (from == closing && to.state != closed && to.state != connecting)
        world_.broke("I4", fmt::format("from closing it goes to {}", parley::to_string(to.state)));
    if (to.state == connecting) opening_again(from);
    if (to.state == ready) ready_since_ = world_.now();
    if (to.state == failed) answers_forgotten(); // what ran was not let end
    if (from == connecting && to.state == ready) attempt_ = 0;
    // After a quiet cut, if the first attempt brings the session back.
    if (from == reconnecting && to.state == ready && to.attempt == 0 && attempt_ > 0) {
        if (attempt_ > attempt_at_loss_ + 1)
            world_.broke("I11", "attempts are counted anew after more than one");
        attempt_ = 0;
    }
    // After a wait of no time the state is what it was before.
    if (from == reconnecting && to.state == ready && to.attempt == attempt_ + 1) ++attempt_;
    const bool stable = world_.now() - ready_since_ >= stable_after_;
    if (from == ready && stable) attempt_ = 0;
    if (from == ready) attempt_at_loss_ = attempt_;
    if (to.state == waiting) {
        const bool right = from == ready ? to.attempt == attempt_ + 1 : to.attempt > attempt_;
        if (!right && (from == ready || from == reconnecting))
            world_.broke("I11", fmt::format("attempt {} follows attempt {}", to.attempt, attempt_));
        attempt_ = to.attempt;
        retry_at_ = to.retry_at;
    } else if (to.state == reconnecting && from == ready) {
        // Asked for, or after a wait of no time.
        if (to.attempt != attempt_ && to.attempt != attempt_ + 1)
            world_.broke("I11", fmt::format("attempt {} follows attempt {}", to.attempt, attempt_));
        attempt_ = to.attempt;
    } else if (to.state != reconnecting && to.state != ready) {
        retry_at_.reset();
    }
}

// ---- tickets

std::optional<std::string> observer::reason_to_ask() const {
    if (!held_) return "none is held";
    if (refreshing_ > 0) return "a new one is wanted";
    if (doubted_) return "the server may have turned it down";
    const auto left = std::min<nanoseconds>(held_->until - world_.now(),
                                            held_->wall_until - world_.time->wall_now());
    if (left <= validity_buffer) return "it has expired";
    if (left < std::min(nanoseconds(300s), nanoseconds(held_->lifetime) / 3)) return "renewal";
    // Where the wall clock is set back meanwhile, what was due is so no longer.
    if (refresh_failed_) return "the next attempt of a refresh that was due";
    return std::nullopt;
}

void observer::ticket_asked(std::uint64_t number, const std::string& entity) {
    if (!fresh_requests_.empty()) world_.broke("I7", "two requests for a ticket at the same time");
    const auto why = reason_to_ask();
    if (!why) world_.broke("I7", "a ticket is asked for while a valid one is held");
    const bool gone = entity != entity_ && !coming_entities_.contains(entity);
    if (identity_since_ && *identity_since_ < world_.now() && gone)
        world_.broke("I7", "a ticket is asked for an identity that is gone");
    asked_[number].entity = entity;
    fresh_requests_.insert(number);
    if (world_.traced())
        world_.note(fmt::format("ticket request {}: {}", number, why.value_or("no reason")));
}

void observer::ticket_request_over(std::uint64_t number) {
    if (fresh_requests_.contains(number)) refresh_failed_ = !asked_[number].answered;
    asked_.erase(number);
    fresh_requests_.erase(number);
}

void observer::ticket_arrived(std::uint64_t number, const std::string& value,
                              milliseconds lifetime) {
    const auto found = asked_.find(number);
    if (found == asked_.end()) return;
    issued_[value] = found->second.entity;
    if (world_.traced())
        world_.note(fmt::format("ticket request {}: one for {} ms", number, lifetime.count()));
    if (found->second.stale) return;
    found->second.answered = true;
    doubted_ = false;
    if (lifetime <= validity_buffer) {
        if (held_ && held_->until - world_.now() <= validity_buffer) held_.reset();
        doubted_ = true; // it serves once: the next need asks again
        return;
    }
    held_ =
        holding{value, found->second.entity, world_.now() + lifetime,
                world_.time->wall_now() + std::chrono::duration_cast<wall_time::duration>(lifetime),
                lifetime};
}

void observer::ticket_used(const std::string& value) {
    if (identity_since_ && *identity_since_ < dial_began_ && issued_[value] != entity_)
        world_.broke("I7", "a ticket of an identity that is gone is used");
}

void observer::forget_tickets() {
    held_.reset();
    for (auto& [number, one] : asked_)
        one.stale = true;
    fresh_requests_.clear();
}

void observer::identity_changes(const std::string& to) { coming_entities_.insert(to); }

void observer::identity_changed(const std::string& entity, bool ok) {
    coming_entities_.erase(entity);
    if (!ok) return;
    forget_tickets();
    entity_ = entity;
    identity_since_ = world_.now();
}

// ---- messages

void observer::received(const std::string& content) {
    if (++received_[content] > 1) world_.broke("I8", content + " arrived twice");
    const auto settled = settled_.find(content);
    if (settled != settled_.end() && settled->second == verdict::unsent)
        world_.broke("I8", content + " arrived, and its sender was told that it was not sent");
}

void observer::send_ended(const std::string& content, verdict how) {
    settled_[content] = how;
    if (how == verdict::sent && written_[content] != 1)
        world_.broke("I8", content + " counts as sent, and was not written");
    if (how == verdict::unsent && began_[content] != 0)
        world_.broke("I8", content + " counts as not sent, and was written");
}

// ---- the user

void observer::client_made() {
    dialing_.clear();
    state_ = websocket_state::idle;
    attempt_ = 0;
    retry_at_.reset();
    held_.reset();
    entity_.clear();
    identity_since_.reset();
    coming_entities_.clear();
    doubted_ = false;
    refreshing_ = 0;
    events_begin();
}

void observer::client_gone() {
    if (state_ != websocket_state::idle) world_.seen.count(state_, websocket_state::idle);
    forget_tickets();
    asks_.clear();
    events_begin();
}

void observer::events_begin() {
    deltas_.clear();
    waiting_deltas_ = carried_deltas_ = 0;
    run_left_ = false;
    stream_ended(true);
    drained_ = false;
}

/// What was not taken by now is still to come, before what the new session brings.
void observer::opening_again(websocket_state from) {
    carried_deltas_ = waiting_deltas_;
    run_left_ = false;
    // An end by a failure has its event, which is told or to come; one by a disconnect has none.
    const bool is_first = from == websocket_state::idle;
    const bool drained = std::exchange(drained_, false) || is_first;
    if (!drained && from != websocket_state::failed) end_untold_ = true;
    if (!std::exchange(over_, false) && !drained) ++openings_ahead_;
}

void observer::see(std::string_view text, std::uint64_t& last, std::string_view where) {
    for (auto at = text.find('\xED'); at != std::string_view::npos; at = text.find('\xED', at + 1))
        if (at + 1 == text.size() || static_cast<unsigned char>(text[at + 1]) >= 0xA0)
            world_.broke("I9", fmt::format("{}: half a character", where));
    for (const auto id : deltas_in(text)) {
        if (id <= last)
            world_.broke("I9", fmt::format("{}: piece {} comes after piece {}", where, id, last));
        last = id;
        const auto found = deltas_.find(id);
        if (found == deltas_.end()) {
            world_.broke("I9",
                         fmt::format("{}: piece {} comes out of nowhere, or twice", where, id));
            continue;
        }
        if (found->second.must && !found->second.asked) --waiting_deltas_;
        deltas_.erase(found);
    }
}

void observer::happened(const event& one) {
    if (over_) world_.broke("I9", "an event after connection_failed");
    if (const auto* text = std::get_if<text_delta>(&one)) {
        see(text->text, last_seen_, "next_event");
    } else if (const auto* lost = std::get_if<connection_lost>(&one)) {
        read(lost->cause.message, "connection_lost");
        read(lost->cause.details.to_string(), "connection_lost");
        if (std::exchange(lost_, true) && !end_untold_)
            world_.broke("I9", "a second connection_lost for one loss");
    } else if (const auto* again = std::get_if<reconnecting>(&one)) {
        if (!lost_) world_.broke("I9", "reconnecting without a loss");
        read(again->cause.message, "reconnecting");
        read(again->cause.details.to_string(), "reconnecting");
        if (!odd_failures_ && again->delay > longest_delay(*again))
            world_.broke(
                "I11", fmt::format("attempt {} waits {} ms", again->attempt, again->delay.count()));
    } else if (std::holds_alternative<connection_restored>(one)) {
        if (!std::exchange(lost_, false)) world_.broke("I9", "restored without a loss");
    } else if (const auto* failed = std::get_if<connection_failed>(&one)) {
        read(failed->cause.message, "connection_failed");
        read(failed->cause.details.to_string(), "connection_failed");
        if (!std::exchange(lost_, false)) world_.broke("I9", "connection_failed without a loss");
        over_ = openings_ahead_ == 0;
        if (!over_) --openings_ahead_;
    } else if (const auto* skipped = std::get_if<message_skipped>(&one)) {
        read(skipped->detail, "message_skipped");
    } else if (const auto* unrenewed = std::get_if<ticket_renewal_failed>(&one)) {
        read(unrenewed->cause.message, "ticket_renewal_failed");
        read(unrenewed->cause.details.to_string(), "ticket_renewal_failed");
        if (unrenewed->cause.details.retry_after) odd_failures_ = true;
    }
}

void observer::stream_ended(bool for_now) {
    lost_ = over_ = false;
    openings_ahead_ = 0;
    if (!for_now) return; // another init has begun, and maybe ended
    end_untold_ = false;
    drained_ = true;
}

void observer::ask_began(std::uint64_t ask) { asks_.insert(ask); }

void observer::ask_ended(std::uint64_t ask, const std::string* text) {
    asks_.erase(ask);
    std::uint64_t last = 0;
    if (text) return see(*text, last, "ask");
    // What it had collected went with it; the rest is dropped, or on its way to next_event.
    run_left_ = true;
    for (auto& [id, one] : deltas_)
        if (one.asked) one.must = false;
}

void observer::tool_ran(const std::string& call) {
    ++world_.seen.tool_calls;
    if (std::exchange(ran_[call], memory_) == memory_)
        world_.broke("I10", call + " ran its tool twice");
}

void observer::read(std::string_view said, std::string_view where) {
    if (said.find(secret_part) == std::string_view::npos) return;
    world_.broke("I3", fmt::format("a secret in {}: {}", where, said));
}

void observer::finish() {
    for (const auto& [id, one] : deltas_)
        if (one.must && !one.asked)
            world_.broke("I9", fmt::format("piece {} never reached the user", id));
}

} // namespace parley::simulation
