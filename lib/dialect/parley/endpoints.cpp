#include "dialect/parley/endpoints.hpp"

#include <parley/secret.hpp>

#include "core/text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace parley {

namespace {

std::string_view without_slashes(std::string_view path) noexcept {
    return path.substr(0, path.find_last_not_of('/') + 1);
}

bool names_ticket(std::string_view query) noexcept {
    return query.starts_with("ticket=") || query.find("&ticket=") != std::string_view::npos;
}

/// Refuses a path that names an endpoint, as if it were the base of both.
void refuse_endpoint(std::string_view base, std::string_view text) {
    const auto whole = fmt::format("{}/", base);
    const auto end = std::min(whole.find(fmt::format("{}/", tickets_path)), whole.find("/ws/"));
    if (end == std::string::npos) return;
    const auto authority = text.substr(0, text.find_first_of("/?", text.find("://") + 3));
    refuse_url(text, fmt::format("it names an endpoint, which the client adds itself: use {}{}",
                                 authority, shorten_and_escape(whole.substr(0, end))));
}

/// The names of the parameters, without their values.
std::string names_only(std::string_view query) {
    std::string out;
    while (!query.empty()) {
        const auto one = query.substr(0, query.find('&'));
        const auto equals = one.find('=');
        out += one.substr(0, equals);
        if (equals != std::string_view::npos) out += "=…";
        out += '&';
        query.remove_prefix(std::min(one.size() + 1, query.size()));
    }
    return out;
}

} // namespace

server_url parse_server_url(std::string_view text, bool allow_plaintext) {
    auto url = server_url::parse(text, allow_plaintext);
    if (names_ticket(url.query())) refuse_url(text, "the client adds the ticket itself");
    std::string_view base = url.base();
    if (base.ends_with("/ws")) base.remove_suffix(3);
    base = without_slashes(base);
    refuse_endpoint(base, text);
    return url.with_base(std::string(base));
}

std::string thread_path(std::string_view provider_res_id) {
    return "/api/v1/threads/" + percent_encode(provider_res_id);
}

std::string websocket_path(const server_url& server) { return server.base() + "/ws"; }

std::string websocket_text(const server_url& server) {
    return fmt::format("{}://{}{}?{}ticket=…", server.secure() ? "wss" : "ws", server.host_header(),
                       websocket_path(server), names_only(server.query()));
}

connect_request session_request(const server_url& server, const ticket& with) {
    auto target = websocket_path(server) + '?';
    if (!server.query().empty()) target += server.query() + '&';
    target += "ticket=" + percent_encode(with.value().expose());
    return {server, std::move(target), with.cookies(), websocket_text(server)};
}

} // namespace parley
