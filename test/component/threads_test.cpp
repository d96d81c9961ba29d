// Many threads, and whatever executor there is (doc/test-catalogue.md, M). Runs under
// ThreadSanitizer too.

#include <parley/ticket_manager.hpp>
#include <parley/websocket_manager.hpp>

#include "support/catch.hpp"
#include "support/client_case.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace threads_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

namespace {

/// A peer and a ticket server for one client.
struct world {
    world() {
        environment->set_transports(transports);
        for (int n = 0; n < 200; ++n)
            environment->http->answer_ticket("ticket-" + std::to_string(n), 1h);
        config.server_url = "wss://chat.example";
    }
    std::shared_ptr<test_environment> environment = test_environment::make();
    std::shared_ptr<scripted_transports> transports =
        std::make_shared<scripted_transports>(environment->time);
    chat_client_config config;
};

void answer_everything(scripted_connection& peer) {
    peer.reply(session_established_frame).expect_write("configure_tools");
    peer.reply(tools_configured_frame);
    for (int n = 0; n < 20; ++n)
        peer.expect_write("chat_message")
            .reply(call_frame("echo", std::to_string(n)))
            .reply(text_frame("yes"))
            .reply(finished_frame);
}

// What may be done to a client, or to a websocket_manager, at any time.

struct client_acts {
    static constexpr unsigned count = 11;

    static std::unique_ptr<chat_client> make(world& around, const asio::any_io_executor& executor) {
        around.config.client_tools.push_back(echo_tool("echo"));
        return std::make_unique<chat_client>(executor, around.config, around.environment);
    }

    template <class Begin>
    static void act(chat_client& on, unsigned which, const Begin& begin) {
        switch (which) {
        case 0:
        case 1:
            return begin(on.init());
        case 2:
            return begin(on.send_message("hello"));
        case 3:
            return begin(on.ask("hello"));
        case 4:
            return begin(on.next_event());
        case 5:
            return begin(on.reconnect());
        case 6:
            return begin(on.refresh_ticket_and_reconnect());
        case 7:
            return begin(on.disconnect());
        case 8:
            return on.notify_network_change();
        case 9:
            (void)on.status();
            (void)on.metrics();
            return;
        default:
            return begin(on.stop_run());
        }
    }
};

struct manager_acts {
    static constexpr unsigned count = 8;

    static ticket ticket_of(const char* value) {
        return ticket(secret(value), ticket::wall_time::max());
    }

    static std::unique_ptr<websocket_manager> make(world& around,
                                                   const asio::any_io_executor& executor) {
        return std::make_unique<websocket_manager>(executor, around.config.server_url,
                                                   around.config.connection,
                                                   websocket_manager_options(), around.environment);
    }

    template <class Begin>
    static void act(websocket_manager& on, unsigned which, const Begin& begin) {
        switch (which) {
        case 0:
        case 1:
            return begin(on.connect(ticket_of("first")));
        case 2:
        case 3:
            return begin(on.send(R"({"type":"chat_message"})"));
        case 4:
            return begin(on.receive());
        case 5:
            return on.update_ticket(ticket_of("second"));
        case 6:
            return begin(on.disconnect());
        default:
            (void)on.status();
        }
    }
};

/// A client, or the like, on a pool, and a caller on a strand of its own there that acts at
/// random.
template <class Acts>
class restless {
public:
    restless(asio::thread_pool& pool, unsigned seed)
        : random_(seed), caller_(asio::make_strand(pool)) {
        around_.environment->seed_jitter(seed);
        around_.transports->otherwise([this](scripted_connection& peer) { misbehave(peer); });
        subject_ = Acts::make(around_, pool.get_executor());
        asio::post(caller_, [this] { step(30); });
    }
    restless(const restless&) = delete;
    restless& operator=(const restless&) = delete;

    void pass(manual_clock::duration by) { around_.environment->time->advance(by); }
    bool over() const { return over_ && pending_ == 0; }
    unsigned begun() const { return begun_; }
    unsigned ended() const { return ended_; }
    unsigned elsewhere() const { return elsewhere_; }
    const world& around() const { return around_; }

private:
    unsigned chance(unsigned of) { return static_cast<unsigned>(random_() % of); }

    // On the subject's strand, with randomness of its own.
    void misbehave(scripted_connection& peer) {
        const unsigned what = attempts_++ % 6;
        if (what == 1) return void(peer.refuse(errc::connect_failed));
        if (what == 3) return void(peer.refuse_status(401));
        answer_everything(peer);
        if (what == 2) peer.fail_read(errc::connection_reset);
        if (what == 4) peer.after(5s).close(1012);
        if (what == 5) peer.ignore_pings().ignore_close();
    }

    template <class T>
    void begin(awaitable<T> operation) {
        auto& signal = signals_.emplace_back();
        ++begun_;
        ++pending_;
        auto finish = [this](std::exception_ptr, auto...) {
            if (!caller_.running_in_this_thread()) ++elsewhere_;
            ++ended_;
            --pending_;
        };
        asio::co_spawn(caller_, std::move(operation),
                       asio::bind_cancellation_slot(
                           signal.slot(), asio::bind_executor(caller_, std::move(finish))));
    }

    void step(int left) {
        if (left == 0) {
            subject_.reset();
            over_ = true;
            return;
        }
        const unsigned which = chance(Acts::count + 2);
        if (which < Acts::count)
            Acts::act(*subject_, which,
                      [this](auto operation) { this->begin(std::move(operation)); });
        else if (!signals_.empty())
            signals_[chance(static_cast<unsigned>(signals_.size()))].emit(
                asio::cancellation_type::terminal);
        asio::post(caller_, [this, left] { step(left - 1); });
    }

    world around_;
    std::mt19937 random_;
    asio::strand<asio::thread_pool::executor_type> caller_;
    std::deque<asio::cancellation_signal> signals_;
    decltype(Acts::make(std::declval<world&>(), {})) subject_;
    unsigned attempts_ = 0;
    std::atomic<unsigned> begun_{0}, ended_{0}, elsewhere_{0};
    std::atomic<int> pending_{0};
    std::atomic<bool> over_{false};
};

template <class Acts>
void do_anything_at_any_time() {
    asio::thread_pool pool(8);
    std::deque<restless<Acts>> all;
    for (unsigned seed = 1; seed <= 30; ++seed)
        all.emplace_back(pool, seed);
    for (bool busy = true; busy;) {
        busy = false;
        for (auto& one : all) {
            one.pass(20ms);
            busy = busy || !one.over();
        }
        asio::post(pool, asio::use_future).get(); // earlier tasks have run
    }
    pool.join();
    unsigned begun = 0;
    for (const auto& one : all) {
        begun += one.begun();
        CHECK(one.ended() == one.begun());
        CHECK(one.elsewhere() == 0);
        CHECK(one.around().transports->alive() == 0);
        CHECK(one.around().transports->violations().empty());
        CHECK(one.around().transports->dialing_at_most() <= 1);
    }
    CHECK(begun > 300);
}

/// A pool that is faster than the thread that posts to it: the thread waits until it has run.
class quick_executor {
public:
    explicit quick_executor(asio::thread_pool& pool) : pool_(&pool) {}

    template <class Function>
    void execute(Function&& function) const {
        if (pool_->get_executor().running_in_this_thread())
            return asio::post(*pool_, std::forward<Function>(function));
        auto whole = [work = std::forward<Function>(function)]() mutable {
            auto once = std::move(work);
            std::move(once)();
        };
        asio::post(*pool_, asio::use_future(std::move(whole))).get();
    }

    asio::execution_context& query(asio::execution::context_t) const noexcept { return *pool_; }
    static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
        return asio::execution::blocking.never;
    }
    quick_executor require(asio::execution::blocking_t::never_t) const { return *this; }

    friend bool operator==(const quick_executor&, const quick_executor&) noexcept = default;

private:
    asio::thread_pool* pool_;
};

/// A conversation that a client has on whatever executor.
awaitable<std::string> converse(chat_client& client) {
    co_await client.init();
    const auto got = co_await client.ask("hello");
    co_await client.disconnect();
    co_return got.text;
}

template <class Executor>
std::string talk_on(const Executor& executor) {
    world around;
    around.config.client_tools.push_back(echo_tool("echo"));
    answer_everything(around.transports->expect_connect());
    chat_client client(executor, around.config, around.environment);
    return asio::co_spawn(executor, converse(client), asio::use_future).get();
}

} // namespace

TEST_CASE(
    "threads: many clients do anything at any time on eight threads, and each call completes once",
    "[component][threads][M126]") {
    do_anything_at_any_time<client_acts>();
}

TEST_CASE(
    "threads: many managers do anything at any time on eight threads, and each call completes once",
    "[component][threads][M126]") {
    do_anything_at_any_time<manager_acts>();
}

TEST_CASE("threads: every operation may be called from a foreign thread, and resumes its caller",
          "[component][threads][M127]") {
    asio::thread_pool theirs(8);
    asio::thread_pool ours(1);
    world around;
    around.config.client_tools.push_back(echo_tool("echo"));
    around.transports->otherwise(answer_everything);
    auto client =
        std::make_unique<chat_client>(theirs.get_executor(), around.config, around.environment);
    auto everything = [](chat_client& all, asio::thread_pool& home) -> awaitable<int> {
        int strayed = 0;
        const auto here = home.get_executor();
        const auto look = [&] { strayed += here.running_in_this_thread() ? 0 : 1; };
        co_await all.init();
        look();
        co_await all.send_message("hello");
        look();
        co_await all.ask("hello");
        look();
        co_await all.next_event();
        look();
        co_await all.stop_run();
        look();
        auto helpers = json_text::parse(R"({"a":1})");
        co_await all.update_context_helpers(std::move(helpers));
        look();
        std::vector<tool> same;
        same.push_back(echo_tool("echo"));
        all.update_client_tools(std::move(same));
        all.notify_network_change();
        (void)all.status();
        (void)all.metrics();
        (void)all.is_connected();
        co_await all.reconnect();
        look();
        co_await all.refresh_ticket_and_reconnect();
        look();
        co_await all.update_entity("thread", std::nullopt, std::nullopt);
        look();
        co_await all.disconnect();
        look();
        co_return strayed;
    };
    CHECK(asio::co_spawn(ours, everything(*client, ours), asio::use_future).get() == 0);
    client.reset();
    theirs.join();
    ours.join();
}

TEST_CASE("threads: callbacks of one client never overlap, and run on its executor alone",
          "[component][threads][M128]") {
    asio::thread_pool pool(8);
    std::atomic<int> inside{0};
    std::atomic<int> overlapped{0};
    std::atomic<int> strayed{0};
    std::atomic<int> ran{0};
    std::atomic<int> turns{0};
    const auto executor = pool.get_executor();
    const auto callback = [&] {
        if (++inside != 1) ++overlapped;
        if (!executor.running_in_this_thread()) ++strayed;
        for (int n = 0; n < 10'000; ++n)
            ++turns; // long enough for another to come in
        ++ran;
        --inside;
    };
    world around;
    auto noticing = [&](tool_call call) -> awaitable<json_text> {
        callback();
        co_return call.parameters();
    };
    around.config.client_tools.emplace_back("notice", "", json_text::parse(R"({"type":"object"})"),
                                            noticing);
    around.config.tools.max_waiting = 100;
    auto& peer = around.transports->expect_connect();
    peer.reply(session_established_frame).expect_write("configure_tools");
    peer.reply(tools_configured_frame).expect_write("chat_message");
    for (int n = 0; n < 100; ++n)
        peer.reply(call_frame("notice", std::to_string(n)));
    for (int n = 0; n < 100; ++n)
        peer.expect_write("tool_call_response");
    peer.reply(finished_frame);
    auto client = std::make_unique<chat_client>(executor, around.config, around.environment);
    const auto text = asio::co_spawn(pool, converse(*client), asio::use_future).get();
    client.reset();
    pool.join();

    CHECK(ran == 100);
    CHECK(overlapped == 0);
    CHECK(strayed == 0);
}

TEST_CASE("threads: any executor is accepted", "[component][threads][M129]") {
    SECTION("a thread pool") {
        asio::thread_pool pool(8);
        CHECK(talk_on(pool.get_executor()) == "yes");
        pool.join();
    }
    SECTION("a strand of one") {
        asio::thread_pool pool(8);
        CHECK(talk_on(asio::make_strand(pool)) == "yes");
        pool.join();
    }
    SECTION("an any_io_executor") {
        asio::thread_pool pool(8);
        CHECK(talk_on(asio::any_io_executor(pool.get_executor())) == "yes");
        pool.join();
    }
    SECTION("an any_io_executor that is one of our strands") {
        asio::thread_pool pool(8);
        const asio::any_io_executor any(pool.get_executor());
        CHECK(talk_on(asio::any_io_executor(asio::make_strand(any))) == "yes");
        pool.join();
    }
    SECTION("an io_context that several threads run") {
        asio::io_context io;
        auto work = asio::make_work_guard(io);
        std::vector<std::thread> runners;
        for (int n = 0; n < 8; ++n)
            runners.emplace_back([&io] { io.run(); });
        CHECK(talk_on(io.get_executor()) == "yes");
        work.reset();
        for (auto& one : runners)
            one.join();
    }
    SECTION("the system executor") { CHECK(talk_on(asio::system_executor()) == "yes"); }
}

TEST_CASE("threads: a thousand messages from eight threads go out once each, never interleaved",
          "[component][threads][F74]") {
    constexpr int callers = 8;
    constexpr int each = 125;
    asio::thread_pool pool(8);
    world around;
    auto& peer = around.transports->expect_connect();
    peer.reply(session_established_frame);
    auto client =
        std::make_unique<chat_client>(pool.get_executor(), around.config, around.environment);
    asio::co_spawn(pool, client->init(), asio::use_future).get();
    std::vector<std::future<void>> all;
    for (int caller = 0; caller < callers; ++caller)
        for (int n = 0; n < each; ++n)
            all.push_back(asio::co_spawn(
                pool, client->send_message("<" + std::to_string(caller * each + n) + ">"),
                asio::use_future));
    for (auto& one : all)
        one.get();
    asio::co_spawn(pool, client->disconnect(), asio::use_future).get();
    client.reset();
    pool.join();

    CHECK(peer.writes().size() == callers * each);
    for (int n = 0; n < callers * each; ++n)
        CHECK(peer.writes_with("<" + std::to_string(n) + ">") == 1);
    CHECK(around.transports->violations().empty()); // two writes at a time would be one
}

TEST_CASE("threads: a client that is destroyed on another thread is released on its own executor",
          "[component][threads]") {
    asio::thread_pool pool(1);
    std::vector<bool> at_home;
    world around;
    around.config.client_tools.push_back(passing_tool(
        "echo", [&] { at_home.push_back(pool.get_executor().running_in_this_thread()); }));
    auto client =
        std::make_unique<chat_client>(quick_executor(pool), around.config, around.environment);
    around.config.client_tools.clear();
    client.reset(); // its last task has run when this thread comes to let go of it
    pool.join();
    CHECK(at_home == std::vector<bool>{true});
}

} // namespace threads_test
