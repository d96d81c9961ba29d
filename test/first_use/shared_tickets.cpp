// Clients that share a ticket_manager keep their conversations apart.

#include <parley/chat_client.hpp>
#include <parley/ticket_manager.hpp>

#include "first_use/program.hpp"

#include <memory>

using namespace parley;

namespace {

awaitable<void> talk(asio::any_io_executor executor) {
    testing::chat_server server;
    server.add_thread("thread-1");
    const auto tickets = std::make_shared<ticket_manager>(executor, auth_data{}, server.url());
    chat_client one(executor, first_use::config_for(server), tickets);
    chat_client other(executor, first_use::config_for(server), tickets);
    co_await one.init();
    co_await other.init();
    co_await one.update_entity("thread-1", "private-to-one", "case");
    first_use::expect(tickets->is_valid(), "the other client's ticket is still held");
    co_await tickets->refresh_ticket();
    for (const auto& request : server.requests())
        first_use::expect(request.method != "POST" ||
                              request.body.find("private-to-one") == std::string::npos,
                          "no shared request for a ticket names the entity of one client");
    const auto counted = one.metrics().tickets_requested + other.metrics().tickets_requested;
    first_use::expect(counted <= server.seen().ticket_requests,
                      "the clients together count no more requests than there were");
    co_await one.disconnect();
    co_await other.disconnect();
    co_await tickets->stop();
}

} // namespace

int main() { return first_use::run(talk); }
