#include "dialect/parley/thread_updates.hpp"

#include "dialect/parley/endpoints.hpp"
#include "dialect/parley/server_exchange.hpp"
#include "dialect/parley/ticket_wire.hpp"

#include <utility>

namespace parley {

namespace {

awaitable<void> perform(asio::any_io_executor executor,
                        std::shared_ptr<const server_exchange> exchange) {
    auto response = co_await exchange->send(std::move(executor));
    if (!response) exchange->fail(response.error());
    // Nothing in this response is judged by our clock: an update is not tried again.
    const auto parsed =
        parse_update_response(exchange->response(std::move(*response), wall_time()));
    if (!parsed) exchange->fail(parsed.error());
}

} // namespace

awaitable<void> update_thread(asio::any_io_executor executor, std::shared_ptr<http_client> http,
                              const server_url& server, const auth_data& auth,
                              std::string_view provider_res_id, std::string body,
                              time_point deadline, std::shared_ptr<const redactor> known) {
    if (provider_res_id.empty())
        throw_error(error_info(errc::invalid_configuration,
                               "A thread update needs the conversation's provider_res_id."));
    if (has_dot_segment(provider_res_id))
        throw_error(error_info(errc::invalid_configuration,
                               "The provider_res_id of a thread update must have no . or .. as a "
                               "segment: it is a part of the request's path."));
    check_identity(auth);
    auto exchange = std::make_shared<const server_exchange>(
        std::move(http), http_method::patch, server, thread_path(provider_res_id), std::move(body),
        std::make_shared<const auth_data>(auth), deadline, known ? *known : redactor());
    return perform(std::move(executor), std::move(exchange));
}

} // namespace parley
