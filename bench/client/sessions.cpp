// Many sessions: connecting, memory, scale, recovery.

#include "client/client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <variant>

namespace bench {

namespace {

using client_ptr = std::unique_ptr<parley::chat_client>;
using tickets_ptr = std::shared_ptr<parley::ticket_manager>;

client_ptr make_client(asio::io_context& context, const task& asked, tickets_ptr tickets) {
    return std::make_unique<parley::chat_client>(context.get_executor(), config_of(asked),
                                                 std::move(tickets));
}

parley::awaitable<void> connect_some(asio::io_context& context, task asked, tickets_ptr tickets,
                                     std::uint64_t& left, std::uint64_t& done) {
    while (left > 0) {
        --left;
        const auto client = make_client(context, asked, tickets);
        co_await client->init();
        co_await client->disconnect();
        ++done;
    }
}

/// Threads that run a context until told to stop.
class crew {
public:
    crew(asio::io_context& context, unsigned threads)
        : context_(context), work_(asio::make_work_guard(context)) {
        for (unsigned i = 0; i < threads; ++i)
            threads_.emplace_back([&context] { context.run(); });
    }
    crew(const crew&) = delete;
    crew& operator=(const crew&) = delete;
    ~crew() {
        context_.stop();
        for (auto& each : threads_)
            each.join();
    }

private:
    asio::io_context& context_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::vector<std::thread> threads_;
};

class counter {
public:
    void add() { count_.fetch_add(1); }
    void wait_for(std::uint64_t count) const {
        while (count_.load() < count)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::uint64_t value() const { return count_.load(); }

private:
    std::atomic<std::uint64_t> count_{0};
};

parley::awaitable<void> open(parley::chat_client& client, counter& ready) {
    co_await client.init();
    ready.add();
}

parley::awaitable<void> drain(parley::chat_client& client, std::uint64_t wanted, double& ended,
                              counter& done) {
    co_await client.send_message(message_content());
    for (std::uint64_t texts = 0; texts < wanted;) {
        const auto event = co_await client.next_event();
        if (!event) throw std::runtime_error("a session ended");
        if (std::holds_alternative<parley::text_delta>(*event)) ++texts;
    }
    ended = now_s();
    done.add();
}

struct recovery {
    double due = 0;      ///< when the backoff before the attempt that succeeded was over
    double restored = 0; ///< when the session was ready again
};

parley::awaitable<void> recover(parley::chat_client& client, recovery& seen, counter& restored) {
    while (seen.restored == 0) {
        const auto event = co_await client.next_event();
        if (!event) throw std::runtime_error("a session ended");
        if (const auto* waiting = std::get_if<parley::reconnecting>(&*event))
            seen.due = now_s() + std::chrono::duration<double>(waiting->delay).count();
        if (std::holds_alternative<parley::connection_restored>(*event)) seen.restored = now_s();
    }
    restored.add();
}

parley::awaitable<void> send_one(parley::chat_client& client) {
    co_await client.send_message(message_content());
}

/// Sessions that are ready, held by a context that threads run.
class fleet {
public:
    fleet(const task& asked, unsigned threads) : tickets_(make_tickets(context_, asked)) {
        run(context_, [this] { return hold_ticket(tickets_); });
        crew_ = std::make_unique<crew>(context_, threads);
        grow(asked, 1); // what is made once is not counted to a session
        const double before = resident_kib(), begun = now_s();
        grow(asked, asked.sessions);
        ready_s_ = now_s() - begun;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        kib_per_session_ = (resident_kib() - before) / asked.sessions;
    }
    fleet(const fleet&) = delete;
    fleet& operator=(const fleet&) = delete;
    ~fleet() {
        clients_.clear();
        crew_.reset();
    }

    /// Without the first one.
    std::size_t size() const noexcept { return clients_.size() - 1; }
    parley::chat_client& at(std::size_t i) { return *clients_[i + 1]; }
    asio::io_context& context() noexcept { return context_; }
    double ready_s() const noexcept { return ready_s_; }
    double kib_per_session() const noexcept { return kib_per_session_; }
    std::uint64_t ticket_requests() const { return tickets_->snapshot().requests; }

private:
    // What a session holds while it dials serves the next ones; with all at once it would be
    // counted to them.
    void grow(const task& asked, unsigned count) {
        for (unsigned made = 0; made < count;) {
            counter ready;
            const unsigned some = std::min(count - made, opened_at_once);
            for (unsigned i = 0; i < some; ++i) {
                clients_.push_back(make_client(context_, asked, tickets_));
                asio::co_spawn(context_, open(*clients_.back(), ready), rethrow);
            }
            ready.wait_for(some);
            made += some;
        }
    }

    asio::io_context context_;
    tickets_ptr tickets_;
    std::unique_ptr<crew> crew_;
    std::vector<client_ptr> clients_;
    double ready_s_ = 0;
    double kib_per_session_ = 0;
};

/// What is left of the sessions is the kernel's to tidy up.
[[noreturn]] void leave(const outcome& said) {
    said.print();
    std::fflush(stdout);
    std::_Exit(0);
}

} // namespace

void run_connect(const task& asked, outcome& said) {
    asio::io_context context;
    const auto tickets = make_tickets(context, asked);
    run(context, [&] { return hold_ticket(tickets); });
    std::uint64_t left = asked.count, done = 0;
    const stopwatch watch;
    for (unsigned i = 0; i < asked.sessions; ++i)
        asio::co_spawn(context, connect_some(context, asked, tickets, left, done), rethrow);
    while (done < asked.count)
        context.run_one();
    watch.report(said);
    said.set("messages", done);
}

void run_memory(const task& asked, outcome& said) {
    fleet all(asked, 1);
    said.set("kib_per_session", all.kib_per_session()).set("messages", std::uint64_t(all.size()));
    leave(said);
}

void run_scale(const task& asked, outcome& said) {
    fleet all(asked, asked.threads);
    const auto each = asked.count / asked.sessions;
    std::vector<double> ended(all.size());
    counter done;
    const stopwatch watch;
    const double begun = now_s();
    for (std::size_t i = 0; i < all.size(); ++i)
        asio::co_spawn(all.context(), drain(all.at(i), each, ended[i], done), rethrow);
    done.wait_for(all.size());
    watch.report(said);
    for (double& at : ended)
        at = (at - begun) * 1e6;
    said.set("messages", each * all.size());
    said.set("s_to_ready", all.ready_s()).set("kib_per_session", all.kib_per_session());
    said.latencies(std::move(ended)); // when each session had everything
    leave(said);
}

void run_restart(const task& asked, outcome& said) {
    fleet all(asked, 1);
    std::vector<recovery> seen(all.size());
    counter restored;
    for (std::size_t i = 0; i < all.size(); ++i)
        asio::co_spawn(all.context(), recover(all.at(i), seen[i], restored), rethrow);
    const auto requests = all.ticket_requests();
    asio::co_spawn(all.context(), send_one(all.at(0)), rethrow);
    restored.wait_for(all.size());
    std::vector<double> due, at;
    for (const auto& one : seen) {
        due.push_back(one.due);
        at.push_back(one.restored);
    }
    said.set("messages", restored.value()).set("requests", all.ticket_requests() - requests);
    said.set("due_at", due).set("restored_at", at);
    leave(said);
}

} // namespace bench
