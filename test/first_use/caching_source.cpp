// A ticket_source that keeps its ticket is told which one the server has refused, and brings
// another.

#include <parley/as_result.hpp>
#include <parley/chat_client.hpp>
#include <parley/ticket_manager.hpp>

#include "first_use/program.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace parley;

namespace {

/// Hands out the ticket that it keeps, until that is the one to be replaced.
class cache final : public ticket_source {
public:
    explicit cache(testing::chat_server& server) : server_(server) {}

    awaitable<ticket> fetch(ticket_request request) override {
        if (!kept_ || request.replaces() == kept_->value())
            kept_ = ticket(secret(server_.issue_ticket()),
                           std::chrono::system_clock::now() + std::chrono::hours(1));
        co_return *kept_;
    }

private:
    testing::chat_server& server_;
    std::optional<ticket> kept_;
};

awaitable<void> talk(asio::any_io_executor executor) {
    testing::chat_server server;
    server.on_message([](const testing::received_message&) {
        return testing::answer_script{}.text("still here");
    });
    const auto source = std::make_shared<cache>(server);
    const auto tickets = std::make_shared<ticket_manager>(executor, auth_data{}, source);
    chat_client client(executor, first_use::config_for(server), tickets);
    co_await client.init();
    server.revoke_tickets();
    server.drop_all();
    for (bool answered = false; !answered;) { // the loss may not have been noticed yet
        const auto got = co_await as_result(client.ask("Are you there?"));
        first_use::expect(got ? got->text == "still here" : got.error().is(errc::sent_unconfirmed),
                          "the session comes back with another ticket");
        answered = got.has_value();
    }
    co_await client.disconnect();
    co_await tickets->stop();
}

} // namespace

int main() { return first_use::run(talk); }
