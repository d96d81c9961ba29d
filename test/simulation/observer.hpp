#pragma once

#include <parley/event.hpp>
#include <parley/status.hpp>

#include "simulation/network.hpp"
#include "simulation/world.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace parley::simulation {

/// What the invariants (doc/test-catalogue.md I1 to I12) need to remember of one client, and the
/// looks at it. Told by the network, the server and the user; says what is broken to the world.
class observer final : public wire_tap {
public:
    explicit observer(world& in) : world_(in) {}

    // The network's.
    void dialing(std::uint64_t connection, const std::string& target) override;
    void dial_failed(std::uint64_t connection, const error_info& why) override;
    void dial_done(std::uint64_t connection) override;
    void delivered(std::uint64_t connection, const std::string& text, bool ending) override;
    void delivered_binary(std::uint64_t connection, bool ending) override;
    void write_began(std::uint64_t connection, std::string_view text) override;
    void written(std::uint64_t connection, std::string_view text) override;
    void ended(std::uint64_t connection, const error_info& why) override;

    // The ticket server's.
    void ticket_asked(std::uint64_t request, const std::string& entity);
    void ticket_request_over(std::uint64_t request);
    void ticket_arrived(std::uint64_t request, const std::string& value,
                        std::chrono::milliseconds lifetime);
    void ticket_used(const std::string& value);
    /// The server asks for more patience than the backoff has.
    void asked_for_patience() { odd_failures_ = true; }
    void ticket_doubted() { doubted_ = true; } ///< the server did something that may cost a ticket
    /// From now on a session that dies may have been told to.
    void session_doubted(std::uint64_t connection) { doubtful_.insert(connection); }

    // The server's.
    void received(const std::string& content);
    std::uint64_t next_delta() { return ++last_delta_; }

    // The user's.
    void client_made();
    void client_gone();
    void identity_changes(const std::string& to);
    void identity_changed(const std::string& entity, bool ok);
    void refresh_began() { ++refreshing_; }
    void refresh_ended() { --refreshing_; }
    void nudged() { nudged_ = true; } ///< a backoff may be cut short
    const std::set<std::uint64_t>& ticket_requests() const noexcept { return fresh_requests_; }
    /// From now on nothing that was asked for before counts.
    void forget_tickets();
    void happened(const event& one);
    /// `for_now`: and no other session has begun yet.
    void stream_ended(bool for_now);
    void ask_began(std::uint64_t ask);
    void ask_ended(std::uint64_t ask, const std::string* text);
    enum class verdict { sent, unsent, unknown };
    void send_ended(const std::string& content, verdict how);
    void tool_ran(const std::string& call);
    /// The client may have forgotten what it had answered.
    void answers_forgotten() { ++memory_; }
    /// How many times that was. A call runs once in each.
    std::uint64_t memory() const noexcept { return memory_; }
    std::size_t asks() const noexcept { return asks_.size(); }
    std::uint64_t run_frames() const noexcept { return run_frames_; }
    time_point last_run_frame() const noexcept { return last_run_frame_; }

    /// After every step.
    void look(const connection_status& now);
    /// Nothing that must not be said (I3).
    void read(std::string_view said, std::string_view where);
    void finish();

    void set_stable_after(std::chrono::milliseconds value) { stable_after_ = value; }
    void set_event_limit(std::size_t value) { event_limit_ = value; }

private:
    struct holding {
        std::string value;
        std::string entity;
        time_point until;
        wall_time wall_until;
        std::chrono::milliseconds lifetime{};
    };
    struct request {
        std::string entity;
        bool stale = false; // of an identity or a manager that is gone
        bool answered = false;
    };
    struct delta {
        bool must = false;  // it has to reach the user
        bool asked = false; // an ask was on, which may have it
    };

    void see(std::string_view text, std::uint64_t& last, std::string_view where);
    void note_failure(const error_info& why);
    void events_begin();
    void opening_again(websocket_state from);
    void changed(websocket_state from, const websocket_status& to);
    std::optional<std::string> reason_to_ask() const;

    world& world_;

    // connections
    std::set<std::uint64_t> dialing_, doubtful_;
    std::uint64_t current_ = 0;
    websocket_state state_ = websocket_state::idle;
    unsigned attempt_ = 0;
    unsigned attempt_at_loss_ = 0;
    std::optional<time_point> retry_at_;
    bool nudged_ = false;
    bool odd_failures_ = false; // that make delays longer than the backoff's own
    time_point dial_began_{};
    time_point ready_since_{};
    std::chrono::milliseconds stable_after_{30'000};

    // tickets
    std::map<std::uint64_t, request> asked_;
    std::set<std::uint64_t> fresh_requests_; // those that are not stale
    std::optional<holding> held_;
    std::map<std::string, std::string> issued_; // to whom
    std::string entity_;
    std::set<std::string> coming_entities_; // of changes that have begun
    std::optional<time_point> identity_since_;
    bool doubted_ = false;
    bool refresh_failed_ = false; // the last request did, and its refresh may go on
    int refreshing_ = 0;

    // messages
    std::map<std::string, unsigned> began_, written_, received_;
    std::map<std::string, verdict> settled_;

    // events
    std::map<std::uint64_t, delta> deltas_; // delivered, and not seen by the user
    std::uint64_t last_delta_ = 0, last_seen_ = 0;
    std::size_t waiting_deltas_ = 0; // that must come, and not from an ask
    std::size_t event_limit_ = 1024;
    std::set<std::uint64_t> asks_;
    bool run_left_ = false; // an ask has gone: its run's pieces may be dropped up to its end
    std::size_t carried_deltas_ = 0; // of these, from before the last opening
    bool lost_ = false;              // in the order of the events
    bool over_ = false;              // likewise: nothing follows
    bool drained_ = false;           // the end was seen, and no opening since
    bool end_untold_ = false;        // a session ended without an event among those to come
    std::size_t openings_ahead_ = 0; // since the events that are read
    std::uint64_t run_frames_ = 0;
    time_point last_run_frame_{};

    std::map<std::string, std::uint64_t> ran_; // in which memory
    std::uint64_t memory_ = 1;
};

/// The numbers of the pieces of text in it: every piece is `[#n]` and something else.
std::vector<std::uint64_t> deltas_in(std::string_view text);

} // namespace parley::simulation
