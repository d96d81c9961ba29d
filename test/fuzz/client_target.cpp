// A whole client on a scripted transport and manual time. Each line of the input is something that
// happens: a frame of the server's, time that passes, the peer that goes away, a call of the
// user's. The first character says which; see `client_script::take`.
//
// Whatever happens in whatever order: every operation completes, no rule of the transport is
// broken, no tool runs twice for one call, and nothing is left when the client is gone.

#include <parley/chat_client.hpp>
#include <parley/error.hpp>

#include "core/text.hpp"
#include "fuzz/lines.hpp"
#include "fuzz/target.hpp"
#include "support/client_case.hpp"
#include "support/event_text.hpp"
#include "testing/frames.hpp"

#include <boost/asio/this_coro.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace parley::fuzz {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_operations = 24; // of the user's, at one time
/// What the scripted peer sends.
const std::vector<std::string>& server_frames() {
    using namespace testing;
    static const std::vector<std::string> all{
        frames::session_established(),
        frames::tools_acknowledged("tools_configured", 1, {"echo"}),
        frames::tools_acknowledged("client_tools_updated"),
        frames::configure_tools(),
        frames::content_delta("hello"),
        frames::reasoning_delta("r", "hm"),
        frames::reasoning_end("r"),
        frames::chat_finished("u"),
        frames::chat_error("no"),
        frames::error("odd"),
        frames::thread_created("p", "t", "/x"),
        frames::ui_component("c", "Card", "{}"),
        frames::heartbeat_ping(R"("T")", "1"),
        frames::heartbeat_ack(R"("T")"),
        frames::authentication_error("no", "TICKET_EXPIRED"),
        frames::authentication_error("no", "BANNED"),
        frames::messages_persisted("t", "p"),
    };
    return all;
}
constexpr std::string_view tools[]{"echo", "slow", "throws", "deaf", "unknown"};
constexpr std::array<std::chrono::milliseconds, 10> times{1ms, 100ms, 500ms, 1s,   3s,
                                                          10s, 30s,   60s,   120s, 600s};
constexpr std::array codes{1000u, 1001u, 1002u, 1006u, 1008u, 1009u, 1011u, 4401u, 4403u, 4999u};

/// What the tools of one client did.
struct tool_record {
    unsigned running = 0;
    unsigned most = 0;
    std::map<std::string, unsigned> runs; // of each call: its id, name and parameters
};

class tool_run {
public:
    explicit tool_run(std::shared_ptr<tool_record> in) : in_(std::move(in)) {
        in_->most = std::max(in_->most, ++in_->running);
    }
    tool_run(const tool_run&) = delete;
    tool_run& operator=(const tool_run&) = delete;
    ~tool_run() { --in_->running; }

private:
    std::shared_ptr<tool_record> in_;
};

class client_script {
public:
    client_script() {
        test_.config.log_threshold = log_level::debug;
        test_.config.connection.limits.event_count = 64;
        test_.config.auth.user_mp_auth_token = secret("SENTINEL-token");
        for (int i = 0; i < 64; ++i)
            test_.environment->http->answer_ticket("SENTINEL-ticket", i % 4 == 3 ? 40s : 600s);
        test_.transports->otherwise([this](test::scripted_connection& next) { greet(next); });
        for (const auto name : {"echo", "slow", "throws", "deaf"})
            test_.config.client_tools.push_back(make_tool(name));
        test_.config.context_helpers = json_text::parse(R"({"a":1})");
        make();
    }
    client_script(const client_script&) = delete;
    client_script& operator=(const client_script&) = delete;

    ~client_script() { finish(); }

    void take(std::string_view line) {
        if (line.empty()) return;
        const auto rest = line.substr(1);
        switch (line.front()) {
        case 'f': // a frame, as it is written here
            say(std::string(rest));
            break;
        case 'k': // a frame that is known
            say(server_frames()[pick(rest, server_frames().size())]);
            break;
        case 'l': // a tool call: which tool, then the callId
            call(rest);
            break;
        case 't':
            test_.pass(times[pick(rest, times.size())]);
            break;
        case 'b':
            if (auto* peer = current()) peer->binary(rest.size());
            break;
        case 'c':
            if (auto* peer = current()) peer->close(codes[pick(rest, codes.size())]);
            break;
        case 'e':
            if (auto* peer = current()) peer->fail_read(errc::connection_reset);
            break;
        case 'h':
            if (auto* peer = current()) peer->hold_writes();
            break;
        case 'g':
            if (auto* peer = current()) peer->let_go();
            break;
        case 'y':
            if (auto* peer = current()) peer->ignore_pings().ignore_close();
            break;
        case 'q': // what becomes of the next connection
            next_.push_back(line.size() > 1 ? line[1] : 'a');
            break;
        case 'x':
            end_client();
            make();
            break;
        default:
            call_user(line.front(), rest);
        }
        test::poll(test_.io);
        check();
    }

private:
    static std::size_t pick(std::string_view by, std::size_t count) {
        return by.empty() ? 0 : static_cast<unsigned char>(by.front() - 'a') % count;
    }

    void call_user(char what, std::string_view rest) {
        auto& client = *test_.client;
        switch (what) {
        case 'i':
            return begin(client.init());
        case 'm':
            return begin(client.send_message(std::string(rest)));
        case 'a':
            return begin(client.ask(std::string(rest)));
        case 's':
            return begin(client.stop_run());
        case 'd':
            order_known_ = false; // the end of the events stands for what would have followed
            ++forgets_;
            return begin(client.disconnect());
        case 'r':
            return begin(client.reconnect());
        case 'R':
            return begin(client.refresh_ticket_and_reconnect());
        case 'w':
            return client.notify_network_change();
        case '+':
            return begin(client.add_client_tool(make_tool(std::string(rest))));
        case '-':
            return begin(client.remove_client_tool(std::string(tools[pick(rest, 5)])));
        case 'u':
            return replace_tool(rest);
        case 'H':
            return begin(client.update_context_helpers(json_object{}.set("x", rest.size())));
        case 'n':
            return read_events(1);
        case 'N':
            return read_events(1'000);
        case 'z':
            return cancel(rest);
        default: // a line that is nothing else
            say(std::string(1, what) + std::string(rest));
        }
    }

    void make() {
        tools_ = std::make_shared<tool_record>();
        lost_ = false;
        order_known_ = true;
        losses_told_ = 0;
        test_.make();
    }

    tool make_tool(std::string name) {
        auto handler = [this, name](tool_call call) {
            return run_tool(this, name, std::move(call));
        };
        tool made(std::move(name), "", json_text::parse("{}"), handler);
        return made.timeout(20s);
    }

    static awaitable<json_text> run_tool(client_script* self, std::string name, tool_call call) {
        const auto record = self->tools_;
        const tool_run mark(record);
        if (!call.call_id().empty()) // else it is never a repeat
            ++record
                  ->runs[call.call_id() + ' ' + name + ' ' + std::string(call.parameters().view())];
        if (name == "throws") throw std::runtime_error("thrown");
        auto bell = self->test_.environment->time->make_alarm(co_await asio::this_coro::executor);
        const auto now = self->test_.environment->time->now();
        if (name == "slow") co_await bell->wait_until(now + 5s);
        if (name == "deaf") {
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
            co_await bell->wait_until(now + 60s);
        }
        co_return call.parameters();
    }

    void replace_tool(std::string_view rest) {
        try {
            std::vector<tool> one;
            one.push_back(make_tool(std::string(tools[pick(rest, 5)])));
            test_.client->update_client_tools(std::move(one));
        } catch (const tool_configuration_error& thrown) {
            require(thrown.code() == errc::tool_unknown, "only an unknown tool is refused");
        }
    }

    /// What a new connection does, as the script says, or else: establish the session.
    void greet(test::scripted_connection& next) {
        char how = 'a';
        if (!next_.empty()) {
            how = next_.front();
            next_.pop_front();
        }
        switch (how) {
        case 'b':
            next.refuse(errc::connection_reset);
            break;
        case 'c':
            next.refuse_status(401);
            break;
        case 'd':
            next.refuse_status(503, 5);
            break;
        case 'e':
            next.hold(phase::upgrade);
            break;
        case 'f':
            break; // says nothing
        case 'g':
            next.reply(testing::frames::authentication_error("no", "TICKET_EXPIRED")).close(1008);
            break;
        case 'h':
            next.reply(test::session_established_frame).hold_writes();
            break;
        case 'i':
            next.reply(test::session_established_frame);
            break;
        default:
            next.reply(test::session_established_frame).reply(test::tools_configured_frame);
        }
    }

    test::scripted_connection* current() {
        if (test_.transports->made() == 0) return nullptr;
        auto& last = test_.transports->last();
        return last.destroyed() ? nullptr : &last;
    }

    void say(std::string frame) {
        if (auto* peer = current()) peer->reply(std::move(frame));
    }

    void call(std::string_view rest) {
        const auto name = std::string(tools[pick(rest, std::size(tools))]);
        const auto id = rest.size() > 1 ? std::string(rest.substr(1, 1)) : "id";
        if (valid_utf8(id)) say(test::call_frame(name, id));
    }

    template <class T>
    void begin(awaitable<T> call) {
        if (operations_.size() >= most_operations) return; // destroyed unstarted, as users may
        auto one = test::start(test_.io, std::move(call));
        operations_.push_back({[one] { return one.done(); }, [one]() mutable { one.cancel(); }});
    }

    void cancel(std::string_view rest) {
        if (!operations_.empty()) operations_[pick(rest, operations_.size())].cancel();
    }

    void read_events(int most) {
        for (int i = 0; i < most; ++i) {
            auto next = test::start(test_.io, test_.client->next_event());
            test::poll(test_.io);
            if (!next.done()) {
                next.cancel();
                test::poll(test_.io);
                require(next.done(), "a cancelled next_event completes");
                return;
            }
            const auto happened = next.get();
            if (!happened) return;
            see(*happened);
        }
    }

    /// The order in which a connection is lost and comes back.
    void see(const event& happened) {
        if (std::holds_alternative<connection_lost>(happened)) {
            require(!lost_ || !order_known_, "a connection is lost once");
            ++losses_told_;
            lost_ = std::get<connection_lost>(happened).will_reconnect;
        } else if (std::holds_alternative<connection_restored>(happened)) {
            lost_ = false;
        } else if (std::holds_alternative<connection_failed>(happened)) {
            lost_ = false;
        }
        test::event_text(happened);
    }

    void check() {
        std::erase_if(operations_, [](const operation& one) { return one.done(); });
        require(test_.transports->violations().empty(), "no rule of the transport is broken");
        require(test_.transports->dialing_at_most() <= 1, "one connection attempt at a time");
        require(tools_->most <= 8 + 64, "tools are limited");
        const auto counted = test_.client->metrics();
        require(counted.tool_calls >= counted.tool_calls_repeated, "counters add up");
        const bool failed = test_.client->status().state == websocket_state::failed;
        if (failed && !std::exchange(failed_, failed)) ++forgets_; // what ran was not let end
        failed_ = failed;
        for (const auto& [call, times_run] : tools_->runs) {
            // A number and a text of the same letters are two calls.
            const bool twice = is_digit(call.front()) || call.front() == '-';
            require(times_run <= (twice ? 2 : 1) * (1 + forgets_),
                    "a tool runs once for each call");
        }
        test_.client->status();
    }

    /// Everything ends within its bound: nothing but next_event waits for ever.
    void settle() {
        for (int i = 0; i < 5 || (i < 20 && !operations_.empty()); ++i) {
            read_events(1'000);
            test_.pass(60s);
            check();
        }
        require(operations_.empty(), "every operation ends within its bound");
        read_events(1'000);
        const auto counted = test_.client->metrics();
        require(losses_told_ == counted.connections_lost || counted.events_dropped != 0,
                "each loss is told, whatever has ended since");
        begin(test_.client->disconnect());
        test_.pass(3s);
        check();
        require(operations_.empty(), "disconnect ends within its bound");
    }

    void end_client() {
        test_.client.reset();
        test::poll(test_.io);
        std::erase_if(operations_, [](const operation& one) { return one.done(); });
        require(operations_.empty(), "the end of the client ends every operation");
        require(test_.transports->alive() == 0, "the end of the client ends its connection");
    }

    void finish() {
        settle();
        end_client();
        test_.pass(61s); // tools that do not hear of their cancellation
        require(test::out_of_work(test_.io), "no work is left");
        require(tools_->running == 0, "no tool is left");
        require(test_.log.text().find("SENTINEL") == std::string::npos, "no secret is logged");
    }

    struct operation {
        std::function<bool()> done;
        std::function<void()> cancel;
    };

    test::client_case test_;
    std::shared_ptr<tool_record> tools_;
    std::deque<char> next_;
    std::vector<operation> operations_;
    bool lost_ = false;
    bool order_known_ = true;
    std::uint64_t losses_told_ = 0;
    bool failed_ = false;
    unsigned forgets_ = 0; // what was answered, by a disconnect or a failure
};

} // namespace

void take_client(std::string_view input) {
    client_script script;
    lines in(input);
    for (int steps = 0; !in.done() && steps < 200; ++steps)
        script.take(in.next());
}

} // namespace parley::fuzz
