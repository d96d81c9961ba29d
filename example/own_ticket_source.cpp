// Tickets from the application's own code, and a flag that says whose code fetches them.
// own_ticket_source [URL]

#include <parley/chat_client.hpp>
#include <parley/testing/chat_server.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/ticket_source.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace asio = boost::asio;

/// Stands for the code that fetches tickets today.
struct old_ticket {
    std::string text;
    std::chrono::system_clock::time_point expires_at;
};
using old_code = std::function<old_ticket(const std::string& token)>;

//! [source]
class old_tickets : public parley::ticket_source {
public:
    explicit old_tickets(old_code fetch) : fetch_(std::move(fetch)) {}

    parley::awaitable<parley::ticket> fetch(parley::ticket_request request) override {
        const std::string token(request.auth().user_mp_auth_token.expose());
        old_ticket got;
        try {
            got = fetch_(token);
        } catch (const std::exception& failed) {
            parley::error_details details;
            details.retryable = true; // the manager tries again, with its backoff
            details.reason = failed.what();
            parley::throw_error(parley::error_info(parley::errc::ticket_request_failed,
                                                   "The old code brought no ticket.",
                                                   std::move(details)));
        }
        co_return parley::ticket(parley::secret(got.text), got.expires_at);
    }

private:
    old_code fetch_;
};
//! [source]

//! [flag]
std::shared_ptr<parley::ticket_manager> tickets_for(asio::any_io_executor executor,
                                                    parley::auth_data auth, std::string server_url,
                                                    bool library_fetches, old_code old) {
    if (library_fetches)
        return std::make_shared<parley::ticket_manager>(executor, auth, server_url);
    auto source = std::make_shared<old_tickets>(std::move(old));
    return std::make_shared<parley::ticket_manager>(executor, auth, source);
}
//! [flag]

//! [talk]
parley::awaitable<void> talk(std::string url, std::shared_ptr<parley::ticket_manager> tickets) {
    auto executor = co_await asio::this_coro::executor;
    parley::chat_client_config config;
    config.server_url = std::move(url);
    parley::chat_client client(executor, std::move(config), tickets);
    co_await client.init();
    const parley::answer got = co_await client.ask("Hello");
    std::cout << got.text << '\n';
    co_await client.disconnect();
    co_await tickets->stop();
}
//! [talk]

int main(int argc, char** argv) {
    parley::testing::chat_server server;
    const std::string url = argc > 1 ? argv[1] : server.url();
    parley::auth_data auth;
    auth.user_mp_auth_token = parley::secret("a token");
    const old_code old = [&server](const std::string&) {
        const auto in_an_hour = std::chrono::system_clock::now() + std::chrono::hours(1);
        return old_ticket{server.issue_ticket(), in_an_hour};
    };
    for (const bool library_fetches : {false, true}) {
        asio::io_context io;
        const auto tickets = tickets_for(io.get_executor(), auth, url, library_fetches, old);
        asio::co_spawn(io, talk(url, tickets), [](std::exception_ptr failure) {
            if (failure) std::rethrow_exception(failure);
        });
        try {
            io.run();
        } catch (const std::exception& failed) {
            std::cerr << failed.what() << '\n';
            return 1;
        }
    }
}
