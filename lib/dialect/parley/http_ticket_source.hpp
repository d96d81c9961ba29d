#pragma once

#include <parley/secret.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/ticket_source.hpp>

#include "core/clock.hpp"
#include "core/url.hpp"
#include "dialect/parley/endpoints.hpp"
#include "dialect/parley/server_exchange.hpp"
#include "http/http_client.hpp"

#include <memory>
#include <string>

namespace parley {

/// Fetches and validates tickets over HTTP (doc/protocol.md 1.3 and 1.5). It outlives its
/// operations.
class http_ticket_source final : public ticket_source {
public:
    http_ticket_source(std::shared_ptr<http_client> http, server_url server, std::string user_agent,
                       std::shared_ptr<clock_source> clock);

    awaitable<ticket> fetch(ticket_request request) override;

    /// Throws an error that says nothing about the ticket.
    awaitable<ticket_validation> validate(secret value, std::shared_ptr<const auth_data> auth,
                                          time_point deadline);

    std::string url() const { return server_.http_text(tickets_path); } ///< of the tickets

private:
    template <class T>
    using parser_of = result<T> (*)(const server_response&);
    template <class T>
    awaitable<T> perform(std::shared_ptr<const server_exchange> exchange, parser_of<T> parse);

    const std::shared_ptr<http_client> http_;
    const server_url server_;
    const std::string user_agent_;
    const std::shared_ptr<clock_source> clock_;
};

} // namespace parley
