// One session: a stream of text, ping-pong, tool calls.

#include "client/client.hpp"

#include <stdexcept>
#include <variant>

namespace bench {

namespace {

parley::awaitable<void> receive(asio::io_context& context, task asked, outcome& said) {
    parley::chat_client client(context.get_executor(),
                               config_of(asked, asked.scenario == "stream-deflate"));
    co_await client.init();
    std::uint64_t texts = 0, bytes = 0, allocated = 0, counted_from = 0;
    const stopwatch watch;
    co_await client.send_message(message_content());
    while (texts < asked.count) {
        const auto event = co_await client.next_event();
        if (!event) throw std::runtime_error("the session ended");
        const auto* text = std::get_if<parley::text_delta>(&*event);
        if (!text) continue;
        bytes += text->text.size();
        if (++texts != asked.count / 4) continue;
        allocated = allocations(); // from here on it is steady
        counted_from = texts;
    }
    const auto steady = static_cast<double>(allocations() - allocated);
    watch.report(said);
    said.set("messages", texts).set("text_bytes", bytes);
    said.set("allocations_per_message", steady / static_cast<double>(texts - counted_from));
    co_await client.disconnect();
}

parley::awaitable<void> ping_pong(asio::io_context& context, task asked, outcome& said) {
    parley::chat_client client(context.get_executor(), config_of(asked));
    co_await client.init();
    // Every ping is as long as the floor's: none names the conversation of the one before.
    const auto message = parley::chat_message(message_content()).new_conversation();
    std::uint64_t answers = 0;
    std::vector<double> took;
    took.reserve(asked.count);
    const stopwatch watch;
    for (std::uint64_t i = 0; i < asked.count; ++i) {
        const double begun = now_s();
        co_await client.send_message(message);
        const auto event = co_await client.next_event();
        took.push_back((now_s() - begun) * 1e6);
        if (event && std::holds_alternative<parley::chat_finished>(*event)) ++answers;
    }
    watch.report(said);
    said.set("messages", answers).latencies(std::move(took));
    co_await client.disconnect();
}

parley::awaitable<parley::json_text> echo(parley::tool_call call) { co_return call.parameters(); }

parley::awaitable<void> answer_calls(asio::io_context& context, task asked, outcome& said) {
    auto config = config_of(asked);
    const char* schema = R"({"type":"object","properties":{"text":{"type":"string"}}})";
    config.client_tools.emplace_back("echo", "Says it again", parley::json_text::parse(schema),
                                     echo);
    parley::chat_client client(context.get_executor(), std::move(config));
    co_await client.init();
    std::uint64_t calls = 0;
    const stopwatch watch;
    co_await client.send_message(message_content());
    for (bool over = false; !over;) {
        const auto event = co_await client.next_event();
        if (!event) throw std::runtime_error("the session ended");
        if (std::holds_alternative<parley::tool_finished>(*event)) ++calls;
        over = std::holds_alternative<parley::chat_finished>(*event);
    }
    watch.report(said);
    said.set("messages", calls);
    co_await client.disconnect();
}

} // namespace

void run_stream(const task& asked, outcome& said) {
    asio::io_context context;
    run(context, [&] { return receive(context, asked, said); });
}

void run_ping_pong(const task& asked, outcome& said) {
    asio::io_context context;
    run(context, [&] { return ping_pong(context, asked, said); });
}

void run_tool_call(const task& asked, outcome& said) {
    asio::io_context context;
    run(context, [&] { return answer_calls(context, asked, said); });
}

} // namespace bench
