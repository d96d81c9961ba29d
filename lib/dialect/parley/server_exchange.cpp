#include "dialect/parley/server_exchange.hpp"

#include "core/setting_tables.hpp"
#include "core/text.hpp"
#include "dialect/parley/endpoints.hpp"

#include <string_view>
#include <tuple>
#include <utility>

namespace parley {

namespace {

void check_field(const secret& value, std::string_view name) {
    if (valid_header_value(value.expose())) return;
    throw_error(
        error_info(errc::invalid_header, "The identity's " + std::string(name) +
                                             " has bytes that an HTTP header cannot carry."));
}

void check_field(const std::optional<std::string>& value, std::string_view name) {
    if (!value || valid_utf8(*value)) return;
    throw_error(error_info(errc::invalid_utf8,
                           "The identity's " + std::string(name) + " is not valid UTF-8."));
}

} // namespace

void check_identity(const auth_data& auth) {
    std::apply([&auth](const auto&... row) { (check_field(auth.*row.where, row.name), ...); },
               setting_table<auth_data>::rows);
}

std::vector<secret> secrets_of(const auth_data& auth) {
    return {auth.user_mp_auth_token, auth.chat_server_key};
}

server_exchange::server_exchange(std::shared_ptr<http_client> http, http_method method,
                                 const server_url& server, std::string path, std::string body,
                                 std::shared_ptr<const auth_data> identity, time_point deadline,
                                 redactor known)
    : http_(std::move(http)), identity_(std::move(identity)), gate_(std::move(known)) {
    gate_.remember(secrets_of(*identity_));
    auto request =
        std::make_shared<http_request>(method, server, std::move(path), std::move(body), deadline);
    request->headers = identity_headers(*identity_);
    request_ = std::move(request);
}

awaitable<result<http_response>> server_exchange::send(asio::any_io_executor executor) const {
    return http_->send(std::move(executor), request_);
}

server_response server_exchange::response(http_response from, wall_time now) const {
    server_response out(std::move(from), now);
    const auto& server = request_->server;
    out.cookie_scope = {server.certificate_name(), websocket_path(server), server.secure()};
    out.gate = gate_;
    std::vector<secret> set;
    for (const auto& each : out.set_cookies)
        if (const auto value = cookies::cookie_value(each); !value.empty()) set.emplace_back(value);
    out.gate.remember(std::move(set));
    return out;
}

void server_exchange::fail(error_info why) const {
    if (why.details.url.empty()) why.details.url = request_->server.http_text(request_->target);
    throw_error(std::move(why));
}

} // namespace parley
