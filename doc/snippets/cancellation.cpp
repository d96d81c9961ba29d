// Four ways to end an operation before it ends by itself.

#include <parley/as_result.hpp>
#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>
#include <parley/with_timeout.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;

//! [deadline]
parley::awaitable<std::string> answer_soon(parley::chat_client& client, std::string question) {
    auto asked = parley::with_timeout(client.ask(std::move(question)), 300ms);
    const auto got = co_await parley::as_result(std::move(asked));
    if (got) co_return got->text;
    if (got.error().is(parley::errc::timed_out)) co_return "(it takes too long)";
    co_return "(" + got.error().message + ")";
}
//! [deadline]

//! [either]
parley::awaitable<void> until_stopped(parley::chat_client& client, asio::steady_timer& stop) {
    using namespace asio::experimental::awaitable_operators;
    auto asked = parley::as_result(client.ask("Tell me everything"));
    auto pressed = stop.async_wait(asio::use_awaitable); // stands for a button
    const auto first = co_await (std::move(asked) || std::move(pressed));
    if (first.index() == 1) {
        std::cout << "stopped\n"; // the run was ended on the server too
    } else {
        const auto& got = std::get<0>(first);
        std::cout << (got ? got->text : got.error().message) << '\n';
    }
}
//! [either]

//! [slot]
void cancel_from_outside(asio::io_context& io, parley::chat_client& client,
                         asio::cancellation_signal& signal) {
    auto ended = [](std::exception_ptr failure, parley::answer) {
        try {
            if (failure) std::rethrow_exception(failure);
        } catch (const boost::system::system_error& error) {
            if (error.code() == asio::error::operation_aborted)
                std::cout << "cancelled\n";
            else
                std::cerr << error.what() << '\n';
        }
    };
    asio::co_spawn(io, client.ask("Tell me everything"),
                   asio::bind_cancellation_slot(signal.slot(), ended));
    asio::post(io, [&signal] { signal.emit(asio::cancellation_type::terminal); });
}
//! [slot]

parley::awaitable<void> talk(asio::io_context& io, parley::chat_client& client,
                             asio::cancellation_signal& signal) {
    co_await client.init();
    std::cout << co_await answer_soon(client, "Hello") << '\n';
    asio::steady_timer stop(io, 300ms);
    co_await until_stopped(client, stop);
    cancel_from_outside(io, client, signal);
    //! [again]
    const parley::answer got = co_await client.ask("brief"); // the next question is not affected
    std::cout << got.text << '\n';
    //! [again]
    co_await client.disconnect();
}

int main() {
    parley::testing::chat_server server;
    server.on_message([](const parley::testing::received_message& message) {
        parley::testing::answer_script script;
        script.text("You said " + message.content);
        if (message.content != "brief") script.never_finish();
        return script;
    });
    parley::chat_client_config config;
    config.server_url = server.url();

    asio::io_context io;
    asio::cancellation_signal signal;
    parley::chat_client client{io.get_executor(), std::move(config)};
    asio::co_spawn(io, talk(io, client, signal), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    try {
        io.run();
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << '\n';
        return 1;
    }
}
