#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/testing/chat_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>

namespace first_use {

/// Fails the program with a sentence that says what was expected.
inline void expect(bool holds, const std::string& sentence) {
    if (!holds) throw std::runtime_error("expected: " + sentence);
}

/// Runs a coroutine on a context of its own; the exit status of the program.
///
/// The context is run until nothing is left on it: a program whose client leaves something running
/// does not end, and fails by the time that the test has.
inline int run(const std::function<parley::awaitable<void>(boost::asio::any_io_executor)>& body) {
    boost::asio::io_context io;
    auto done = boost::asio::co_spawn(io, body(io.get_executor()), boost::asio::use_future);
    try {
        io.run();
        done.get();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
    return 0;
}

inline parley::chat_client_config config_for(const parley::testing::chat_server& server) {
    parley::chat_client_config config;
    config.server_url = server.url();
    return config;
}

} // namespace first_use
