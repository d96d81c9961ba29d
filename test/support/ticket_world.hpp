#pragma once

#include <parley/ticket_manager.hpp>

#include "support/fake_ticket_source.hpp"
#include "support/log_capture.hpp"
#include "support/run.hpp"
#include "support/test_environment.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace parley::test {

/// What must be in no log line and in no error (doc/test-catalogue.md I3).
inline constexpr std::string_view secret_token = "SENTINEL-TOKEN-7f3a";
inline constexpr std::string_view secret_key = "SENTINEL-KEY-91cc";

/// A ticket_manager with everything around it under control.
struct ticket_world {
    asio::io_context io;
    std::shared_ptr<test_environment> environment = test_environment::make();
    std::shared_ptr<manual_clock> clock = environment->time;
    std::shared_ptr<fake_ticket_source> source = std::make_shared<fake_ticket_source>(clock);
    std::shared_ptr<scripted_http> http = environment->http;
    log_capture log;
    std::optional<ticket_manager> tickets;

    static auth_data identity() {
        auth_data auth;
        auth.user_mp_auth_token = secret(secret_token);
        auth.chat_server_key = secret(secret_key);
        return auth;
    }

    ticket_manager_options options() const {
        ticket_manager_options with;
        with.log = log.sink();
        with.log_threshold = log_level::debug;
        return with;
    }

    /// A manager over the fake source.
    ticket_manager& manage(ticket_config config = {}) {
        return tickets.emplace(io.get_executor(), identity(), source, config, options(),
                               environment);
    }

    /// A manager over the scripted HTTP.
    ticket_manager& manage_http(ticket_config config = {}) {
        return tickets.emplace(io.get_executor(), identity(),
                               std::string("wss://chat.example/prefix"), config, options(),
                               environment);
    }

    void pass(manual_clock::duration by) { test::pass(io, *clock, by); }
    void poll() { test::poll(io); }

    template <class T>
    started<T> start(awaitable<T> operation) {
        auto one = test::start(io, std::move(operation));
        test::poll(io);
        return one;
    }

    /// Its manager goes, and nothing is left to run.
    bool ends() {
        tickets.reset();
        return out_of_work(io);
    }

    bool leaks(std::string_view text) const {
        return text.find("SENTINEL") != std::string_view::npos;
    }
};

inline std::string value_of(const ticket& one) { return std::string(one.value().expose()); }
inline std::string value_of(const started<ticket>& one) { return value_of(one.get()); }

} // namespace parley::test
