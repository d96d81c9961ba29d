// The ticket alone: held, asked for by many at once, refreshed.

#include "client/client.hpp"

#include <boost/asio/co_spawn.hpp>

#include <stdexcept>

namespace bench {

namespace {

using tickets_ptr = std::shared_ptr<parley::ticket_manager>;

parley::awaitable<void> ask_once(tickets_ptr tickets, std::uint64_t& served) {
    const auto held = co_await tickets->get_valid_ticket();
    if (!held.value().empty()) ++served;
}

parley::awaitable<void> ask_often(tickets_ptr tickets, std::uint64_t count, outcome& said) {
    co_await tickets->get_valid_ticket();
    const double begun = cpu_s();
    std::uint64_t served = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto held = co_await tickets->get_valid_ticket();
        if (!held.value().empty()) ++served;
    }
    said.set("ns_per_call", (cpu_s() - begun) * 1e9 / static_cast<double>(count));
    said.set("messages", served);
}

parley::awaitable<void> refresh(tickets_ptr tickets, std::uint64_t count, outcome& said) {
    std::vector<double> took;
    const stopwatch watch;
    for (std::uint64_t i = 0; i < count; ++i) {
        const double begun = now_s();
        co_await tickets->refresh_ticket();
        took.push_back((now_s() - begun) * 1e6);
    }
    watch.report(said);
    said.set("messages", count).latencies(std::move(took));
}

} // namespace

void run_single_flight(const task& asked, outcome& said) {
    asio::io_context context;
    const auto tickets = make_tickets(context, asked);
    const auto ask_all = [&] {
        std::uint64_t served = 0;
        context.restart(); // the last crowd may have left it without work
        for (std::uint64_t i = 0; i < asked.count; ++i)
            asio::co_spawn(context, ask_once(tickets, served), rethrow);
        const double begun = now_s(); // the callers are there, and none has asked yet
        while (served < asked.count)
            context.run_one();
        return now_s() - begun;
    };
    // Or it is the kernel that is measured, which brings page after page; and the driver has them
    // kept.
    for (int crowd = 0; crowd < 2; ++crowd) {
        ask_all();
        tickets->clear();
    }
    const auto before = tickets->snapshot().requests;
    said.set("ns_per_call", ask_all() * 1e9 / static_cast<double>(asked.count));
    said.set("messages", asked.count).set("requests", tickets->snapshot().requests - before);
}

void run_held_ticket(const task& asked, outcome& said) {
    asio::io_context context;
    const auto tickets = make_tickets(context, asked);
    run(context, [&] { return ask_often(tickets, asked.count, said); });
}

void run_refresh(const task& asked, outcome& said) {
    asio::io_context context;
    const auto tickets = make_tickets(context, asked);
    run(context, [&] { return refresh(tickets, asked.count, said); });
}

} // namespace bench
