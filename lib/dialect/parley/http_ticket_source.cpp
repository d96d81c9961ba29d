#include "dialect/parley/http_ticket_source.hpp"

#include "dialect/parley/endpoints.hpp"
#include "dialect/parley/ticket_wire.hpp"

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace parley {

http_ticket_source::http_ticket_source(std::shared_ptr<http_client> http, server_url server,
                                       std::string user_agent, std::shared_ptr<clock_source> clock)
    : http_(std::move(http)), server_(std::move(server)), user_agent_(std::move(user_agent)),
      clock_(std::move(clock)) {}

awaitable<ticket> http_ticket_source::fetch(ticket_request request) {
    auto identity = std::make_shared<const auth_data>(request.auth());
    auto body = ticket_body(*identity, user_agent_, clock_->wall_now());
    return perform(std::make_shared<const server_exchange>(
                       http_, http_method::post, server_, std::string(tickets_path),
                       std::move(body), std::move(identity), request.deadline()),
                   parse_ticket_response);
}

awaitable<ticket_validation> http_ticket_source::validate(secret value,
                                                          std::shared_ptr<const auth_data> auth,
                                                          time_point deadline) {
    auto body = validation_body(value, *auth);
    return perform(std::make_shared<const server_exchange>(
                       http_, http_method::post, server_, std::string(validation_path),
                       std::move(body), std::move(auth), deadline, redactor({std::move(value)})),
                   parse_validation_response);
}

template <class T>
awaitable<T> http_ticket_source::perform(std::shared_ptr<const server_exchange> exchange,
                                         parser_of<T> parse) {
    auto executor = co_await asio::this_coro::executor;
    auto response = co_await exchange->send(std::move(executor));
    if (!response) exchange->fail(to_ticket_error(response.error()));
    auto parsed = parse(exchange->response(std::move(*response), clock_->wall_now()));
    if (!parsed) exchange->fail(parsed.error());
    co_return std::move(*parsed);
}

} // namespace parley
