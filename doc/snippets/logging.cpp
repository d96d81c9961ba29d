// The log of a client goes through spdlog.

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <spdlog/spdlog.h>
#include <string_view>
#include <utility>

namespace asio = boost::asio;

//! [sink]
spdlog::level::level_enum level_of(parley::log_level level) {
    switch (level) {
    case parley::log_level::debug:
        return spdlog::level::debug;
    case parley::log_level::info:
        return spdlog::level::info;
    case parley::log_level::warning:
        return spdlog::level::warn;
    case parley::log_level::error:
        return spdlog::level::err;
    }
    return spdlog::level::info;
}

void log_through_spdlog(parley::chat_client_config& config) {
    config.log_threshold = parley::log_level::debug;
    config.log = [](parley::log_level level, std::string_view line) {
        spdlog::log(level_of(level), "{}", fmt::string_view(line.data(), line.size()));
    };
}
//! [sink]

parley::awaitable<void> greet(parley::chat_client& client) {
    co_await client.init();
    co_await client.ask("Hello");
    co_await client.disconnect();
}

int main() {
    parley::testing::chat_server server;
    parley::chat_client_config config;
    config.server_url = server.url();
    spdlog::set_level(spdlog::level::debug);
    log_through_spdlog(config);
    asio::io_context io;
    parley::chat_client client{io.get_executor(), std::move(config)};
    asio::co_spawn(io, greet(client), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    try {
        io.run();
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << '\n';
        return 1;
    }
}
