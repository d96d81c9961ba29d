#include "dialect/parley/http_ticket_source.hpp"

#include "dialect/parley/endpoints.hpp"
#include "dialect/parley/server_exchange.hpp"
#include "dialect/parley/ticket_wire.hpp"

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace parley {

http_ticket_source::http_ticket_source(std::shared_ptr<http_client> http, server_url server,
                                       std::string user_agent, std::shared_ptr<clock_source> clock)
    : http_(std::move(http)), server_(std::move(server)), user_agent_(std::move(user_agent)),
      clock_(std::move(clock)) {}

awaitable<ticket> http_ticket_source::fetch(ticket_request request) {
    auto executor = co_await asio::this_coro::executor;
    const auto identity = std::make_shared<const auth_data>(request.auth());
    auto body = ticket_body(*identity, user_agent_, clock_->wall_now());
    const server_exchange exchange(http_, http_method::post, server_, std::string(tickets_path),
                                   std::move(body), identity, request.deadline());
    auto response = co_await exchange.send(std::move(executor));
    if (!response) exchange.fail(to_ticket_error(response.error()));
    auto parsed = parse_ticket_answer(exchange.answer(std::move(*response), clock_->wall_now()));
    if (!parsed) exchange.fail(parsed.error());
    co_return std::move(*parsed);
}

awaitable<ticket_validation> http_ticket_source::validate(secret value,
                                                          std::shared_ptr<const auth_data> auth,
                                                          time_point deadline) {
    auto executor = co_await asio::this_coro::executor;
    auto body = validation_body(value, *auth);
    const server_exchange exchange(http_, http_method::post, server_, std::string(validation_path),
                                   std::move(body), auth, deadline);
    auto response = co_await exchange.send(std::move(executor));
    if (!response) exchange.fail(to_ticket_error(response.error()));
    auto answer = exchange.answer(std::move(*response), clock_->wall_now());
    answer.gate.remember({value});
    auto parsed = parse_validation_answer(answer);
    if (!parsed) exchange.fail(parsed.error());
    co_return std::move(*parsed);
}

} // namespace parley
