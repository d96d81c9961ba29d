#include "stress/owners.hpp"

#include <string>
#include <thread>

namespace parley::stress {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

testing::chat_server_options with_tls() {
    testing::chat_server_options options;
    options.tls = testing::server_tls::generated;
    return options;
}

awaitable<json_text> echo(tool_call call) { co_return call.parameters(); }

void make_fail(testing::chat_server& server, dice& by) {
    using testing::endpoint;
    using testing::http_fault;
    using testing::session_fault;
    switch (by.below(18)) {
    case 0:
        return server.fail(endpoint::ticket, http_fault::status(503), 2);
    case 1:
        return server.fail(endpoint::ticket, http_fault::reset(), 2);
    case 2:
        return server.fail(endpoint::ticket, http_fault::delay(50ms), 4);
    case 3:
        return server.fail(endpoint::upgrade, http_fault::status(502), 2);
    case 4:
        return server.fail(endpoint::upgrade, http_fault::reset(), 2);
    case 5:
        return server.fail(endpoint::validate, http_fault::raw("no HTTP"), 1);
    case 6:
        return server.fail(endpoint::thread, http_fault::failure("no"), 1);
    case 7:
        return server.fail_sessions(session_fault().drop_after(2), 2);
    case 8:
        return server.fail_sessions(session_fault().close(1001), 1);
    case 9:
        return server.fail_sessions(session_fault().authentication_error("TICKET_EXPIRED"), 1);
    case 10:
        return server.fail_sessions(session_fault().refuse_tools("no"), 1);
    case 11:
        return server.drop_all();
    case 12:
        return server.close_all(1012, "restart");
    case 13:
        server.silence_all();
        std::this_thread::sleep_for(20ms);
        return server.resume_all();
    case 14:
        server.refuse_connections(true);
        std::this_thread::sleep_for(20ms);
        return server.refuse_connections(false);
    case 15:
        return server.heartbeat_ping_all("1");
    case 16:
        return server.ask_for_tools_all();
    default:
        return server.send_to_all(R"({"type":"unheard-of"})");
    }
}

} // namespace

owners::owners(const std::vector<std::unique_ptr<asio::io_context>>& contexts, std::uint64_t seed)
    : contexts_(contexts), seed_(seed), secure_(with_tls()) {
    dice by(seed_);
    for (auto& each : managers_)
        each.put(make_manager(any_context(by), by));
    for (auto& each : clients_)
        each.put(make_client(any_context(by), by));
    for (auto& each : sockets_)
        each.put(make_socket(any_context(by), by));
    for (auto& each : handlers_)
        each.put(std::make_shared<message_handler>(any_context(by).get_executor(),
                                                   message_handler_options()));
}

ticket owners::a_ticket() {
    return ticket(secret(plain_.issue_ticket()), std::chrono::system_clock::now() + 1h);
}

chat_client_config owners::config_for(const testing::chat_server& server, dice& by) const {
    chat_client_config config;
    config.server_url = server.url();
    config.auth.user_mp_auth_token = secret("sentinel-token");
    config.connection.tls.ca_pem = server.ca_pem();
    config.connection.reconnect.backoff.base = 5ms;
    config.connection.reconnect.backoff.cap = 50ms;
    config.ticket.backoff.base = 5ms;
    config.timeouts.init = 2s;
    config.timeouts.send = 1s;
    config.timeouts.answer = 1s;
    config.timeouts.acknowledge = 500ms;
    config.timeouts.request = 1s;
    config.timeouts.disconnect = 500ms;
    config.stop_cancelled_asks = by.one_in(2);
    config.ticket.renew_proactively = by.one_in(2);
    config.log = [](log_level, std::string_view) {};
    config.log_threshold = log_level::debug;
    config.client_tools.push_back(
        tool("echo", "says it back", json_text::parse(R"({"type":"object"})"), echo));
    return config;
}

std::shared_ptr<chat_client> owners::make_client(asio::io_context& on, dice& by) {
    const auto& server = any_server(by);
    auto config = config_for(server, by);
    // The tickets of the managers are those of the plain server.
    if (&server == &plain_ && by.one_in(2))
        return std::make_shared<chat_client>(on.get_executor(), std::move(config), any_manager(by));
    return std::make_shared<chat_client>(on.get_executor(), std::move(config));
}

std::shared_ptr<ticket_manager> owners::make_manager(asio::io_context& on, dice& by) {
    const auto config = config_for(plain_, by);
    ticket_manager_options options;
    options.validate_timeout = 1s;
    return std::make_shared<ticket_manager>(on.get_executor(), config.auth, plain_.url(),
                                            config.ticket, std::move(options));
}

std::shared_ptr<websocket_manager> owners::make_socket(asio::io_context& on, dice& by) {
    const auto config = config_for(plain_, by);
    websocket_manager_options options;
    options.connect_timeout = 2s;
    options.send_timeout = 1s;
    options.disconnect_timeout = 500ms;
    return std::make_shared<websocket_manager>(on.get_executor(), plain_.url(), config.connection,
                                               std::move(options));
}

void owners::exchange_one(dice& by) {
    switch (by.below(8)) {
    case 0:
        return managers_[by.below(managers_.size())].put(make_manager(any_context(by), by));
    case 1:
        return sockets_[by.below(sockets_.size())].put(make_socket(any_context(by), by));
    case 2:
        return handlers_[by.below(handlers_.size())].put(std::make_shared<message_handler>(
            any_context(by).get_executor(), message_handler_options()));
    default:
        clients_[by.below(clients_.size())].put(make_client(any_context(by), by));
    }
}

void owners::exchange_until(steady::time_point end) {
    dice by(seed_ + 3);
    while (steady::now() < end) {
        exchange_one(by);
        std::this_thread::sleep_for(by.up_to(60ms));
    }
}

void owners::fail_until(steady::time_point end) {
    dice by(seed_ + 4);
    while (steady::now() < end) {
        make_fail(by.one_in(3) ? secure_ : plain_, by);
        std::this_thread::sleep_for(by.up_to(80ms));
        if (by.one_in(4)) {
            plain_.clear_faults();
            secure_.clear_faults();
        }
    }
    plain_.clear_faults();
    secure_.clear_faults();
}

} // namespace parley::stress
