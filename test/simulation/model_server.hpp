#pragma once

#include "http/http_client.hpp"
#include "simulation/json.hpp"
#include "simulation/network.hpp"
#include "simulation/observer.hpp"
#include "simulation/world.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace parley::simulation {

/// What the secrets of a run contain, and nothing else does.
inline constexpr std::string_view sentinel = "SENTINEL";

/// The server side of doc/protocol.md, which misbehaves as the seed says and checks every message
/// it gets. It is the independent oracle of the wire: it is written from the document alone, spells
/// and parses JSON by itself, and so disagrees with the library where both are not right.
class model_server final : public far_end {
public:
    model_server(world& in, observer& by);
    ~model_server() override;

    // HTTP
    /// The entity that the request is for.
    std::string check_request(const http_request& request);
    http_response answer(const http_request& request);
    struct issue {
        std::string value;
        std::chrono::milliseconds lifetime{};
    };
    issue last_issued() const { return last_issued_; }

    // WebSocket
    upgrade_answer upgrade(const std::string& target) override;
    bool reachable() const override { return world_.now() >= down_until_; }
    void opened(std::shared_ptr<peer> by) override;
    void on_text(std::uint64_t connection, const std::string& text) override;
    void gone(std::uint64_t connection) override;

    /// Everything ends, and is refused for a while. Tickets may be forgotten.
    void restart(std::chrono::milliseconds for_time, bool forget_tickets);

    /// For a new client, which does not know them.
    void forget_calls() {
        calls_.clear();
        ids_.clear();
    }

    /// The tools that the server of the one live session knows; nothing when there is none.
    std::optional<std::set<std::string>> known_tools() const;
    /// What must have been answered by now and was not.
    std::optional<std::string> unanswered() const;

    void set_ticket_lifetime(std::chrono::milliseconds value) { ticket_lifetime_ = value; }
    void set_skew(std::chrono::seconds value) { skew_ = value; }

    struct session;
    using session_ptr = std::shared_ptr<session>;

private:
    struct ticket_record {
        time_point until;
        bool revoked = false;
    };
    /// A call; its key is what its parameters say.
    struct tool_request {
        std::string id; // the callId, as it is spelled: other calls may have it too
        std::string frame;
        std::string outcome; // what it was answered, once its tool has run
        std::uint64_t memory = 0;
    };
    /// What was asked and answered with one callId.
    struct id_record {
        unsigned asked = 0;
        unsigned answered = 0;
        std::set<std::string> calls;
    };

    http_response issue_ticket(const http_request& request);
    std::string date_of(time_point when) const;
    wall_time wall_at(time_point when) const;

    // session_of_server.cpp
    void establish(const session_ptr& s);
    void send(const session_ptr& s, std::string text);
    void incident(const session_ptr& s);
    void trouble(const session_ptr& s);
    void ping(const session_ptr& s);
    void send_stray(const session_ptr& s);
    void reject(const session_ptr& s);

    // frames_of_client.cpp
    void take(const session_ptr& s, const json& frame, const std::string& text);
    void take_tools(const session_ptr& s, const json& frame, bool update);
    void take_answer(const session_ptr& s, const json& frame, const std::string& text);
    void check_outcome(const std::string& call, const std::string& id, const std::string& text);
    void take_pong(const session_ptr& s, const json& frame);
    bool may_name(const json& message) const;
    void wrong(const std::string& what, const std::string& text);

    // runs_of_server.cpp
    void begin_run(const session_ptr& s);
    void next_step(const session_ptr& s);
    void step(const session_ptr& s);
    void end_run(const session_ptr& s);
    void call_tool(const session_ptr& s);
    void repeat_call(const session_ptr& s);
    void ask(const session_ptr& s, const tool_request& made);
    std::string new_call_id(const std::string& call);
    std::string piece(const session_ptr& s);

    template <class Action>
    void soon(const session_ptr& s, std::chrono::milliseconds delay, Action action);

    world& world_;
    observer& observer_;
    std::map<std::uint64_t, session_ptr> sessions_;
    std::map<std::string, ticket_record> tickets_;
    std::map<std::string, tool_request> calls_;
    std::map<std::string, id_record> ids_;
    bool closed_too_large_ = false; // with 1009, ever
    issue last_issued_;
    std::chrono::milliseconds ticket_lifetime_{3'600'000};
    std::chrono::seconds skew_{0};
    const time_point begun_;
    const wall_time wall_begun_;
    time_point down_until_{};
    std::uint64_t last_ = 0;
};

/// One connection, as the server sees it.
struct model_server::session {
    std::shared_ptr<peer> wire;
    bool established = false;
    bool acknowledged = false; // the tools, or there are none to be
    bool acknowledged_early = false;
    bool final_said = false;
    bool bad = false; // what it answers is up to chance: nothing is owed
    bool reconfigured = false;
    std::set<std::string> tools;
    unsigned configured = 0;
    std::deque<std::uint64_t> waiting_runs;
    bool running = false;
    bool stopping = false;
    bool cut = false; // the last piece ended between the halves of a character
    unsigned steps_left = 0;
    bool paused = false; // and since then nothing came that ask takes for an event of its run
    std::uint64_t run = 0;
    std::map<std::string, std::string> pings; // timestamp -> pingTime as sent
    std::map<std::string, time_point> owed;   // callId -> asked at
    unsigned burst = 0;
};

template <class Action>
void model_server::soon(const session_ptr& s, std::chrono::milliseconds delay, Action action) {
    world_.in(delay, [weak = std::weak_ptr(s), action] {
        const auto held = weak.lock();
        if (held && held->wire->alive() && !held->final_said) action(held);
    });
}

} // namespace parley::simulation
