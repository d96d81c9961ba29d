#include "demo.hpp"

#include <parley/error.hpp>
#include <parley/json_text.hpp>

#include "console.hpp"
#include "conversation.hpp"
#include "text.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <stdexcept>
#include <utility>
#include <variant>

namespace parley_chat {

namespace {

using parley::testing::answer_script;
namespace step = parley::testing::step;
using namespace std::chrono_literals;

constexpr auto scripted_lifetime = 6s; // renewed when a third of it is left
constexpr auto longest_step = 15s;
constexpr auto between_pieces = 40ms;

// The answer as a model gives it: not all at once.
answer_script paced(const answer_script& answer) {
    answer_script slow;
    for (const auto& each : answer.steps()) {
        if (const auto* text = std::get_if<step::text>(&each)) {
            slow.text(text->value).pause(between_pieces);
        } else if (const auto* thought = std::get_if<step::reasoning>(&each)) {
            slow.reasoning(thought->pieces, thought->id).pause(between_pieces);
        } else if (const auto* request = std::get_if<step::tool_request>(&each)) {
            slow.call_tool(request->name, request->parameters, request->call_id);
        } else if (const auto* next = std::get_if<step::continuation>(&each)) {
            slow.then([make = next->make](const parley::testing::tool_answer& answered) {
                return paced(make(answered));
            });
        }
    }
    return slow;
}

parley::testing::chat_server_options server_options(bool scripted) {
    parley::testing::chat_server_options chosen;
    if (scripted) chosen.ticket_lifetime = scripted_lifetime;
    return chosen;
}

// The same weather for the same city, however often one asks.
awaitable<parley::json_text> look_out_of_the_window(parley::tool_call call) {
    asio::steady_timer walk_to_the_window(co_await asio::this_coro::executor, 100ms);
    co_await walk_to_the_window.async_wait(asio::use_awaitable);
    const std::string city = call.parameters().string_at("/city").value_or("");
    if (city.empty()) throw std::invalid_argument("which city?");
    std::uint32_t sum = 0;
    for (const char letter : city)
        sum = sum * 31 + static_cast<unsigned char>(letter);
    static constexpr std::array skies{"sunny", "partly cloudy", "light rain", "windy"};
    co_return parley::json_object{}
        .set("city", city)
        .set("temperature", 12 + sum % 14)
        .set("unit", "C")
        .set("conditions", skies[sum / 14 % skies.size()]);
}

} // namespace

demo::demo(bool scripted) : scripted_(scripted), server_(server_options(scripted)) {
    server_.on_message([](const parley::testing::received_message& message) {
        return paced(parley::testing::demo_answer(message));
    });
}

void demo::adjust(parley::chat_client_config& config) const {
    // The usual half a minute would take a ticket of the script for expired when it comes.
    if (scripted_) config.ticket.validity_buffer = 500ms;
}

std::vector<parley::tool> demo::tools() {
    auto schema = parley::json_text::parse(
        R"({"type":"object","properties":{"city":{"type":"string","description":"Name of the city"}},"required":["city"]})");
    std::vector<parley::tool> built_in;
    built_in.emplace_back("weather", "The weather in a city", std::move(schema),
                          look_out_of_the_window);
    return built_in;
}

void demo::introduce(console& screen) const {
    screen.note(style::plain, "A chat server runs in this process, at " + server_.url() + ".");
    if (!scripted_) return;
    screen.note(style::strong,
                "1. A ticket over HTTP, a WebSocket that opens with it, and the tools");
}

awaitable<void> demo::perform(conversation& talk, console& screen) {
    const auto heading = [&screen](std::string_view text) { screen.note(style::strong, text); };
    const auto ask = [&screen](std::string_view question) {
        screen.note(style::plain, std::string("> ").append(question));
        return std::string(question);
    };
    const auto answered = [](conversation::answer how) {
        if (how == conversation::answer::failed) throw ended(exit_status::chat);
    };
    const auto expect = [](bool happened, const char* what) {
        if (!happened) throw std::runtime_error(what);
    };
    server_.set_ticket_lifetime(1h); // of the tickets to come
    const auto valid = talk.client().status().ticket_expires_in.value_or(0ms);
    screen.note(style::plain, "  ticket valid for " + readable(valid));

    heading("2. A question, and a tool that the server calls");
    std::string question = ask("What's the weather in Zürich?");
    conversation::answer how = co_await talk.say(std::move(question));
    answered(how);

    heading("3. The ticket is about to expire, and is renewed");
    const std::function<bool()> renewed = [&talk] { return talk.tickets_renewed() > 0; };
    const bool in_time =
        co_await talk.wait(renewed, std::chrono::steady_clock::now() + longest_step);
    expect(in_time, "The ticket was not renewed.");

    heading("4. The server cuts the connection, and the client reconnects by itself");
    const std::function<bool()> restored = [&talk] { return talk.connections_restored() > 0; };
    server_.drop_all();
    const bool again =
        co_await talk.wait(restored, std::chrono::steady_clock::now() + longest_step);
    expect(again, "The connection was not restored.");

    heading("5. The conversation continues");
    question = ask("Are you still there?");
    how = co_await talk.say(std::move(question));
    answered(how);
}

} // namespace parley_chat
