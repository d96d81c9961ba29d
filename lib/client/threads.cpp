// Changes of conversations, over HTTP (PROTOCOL.md 1).

#include "client/chat_client_impl.hpp"
#include "core/url.hpp"
#include "ticket/thread_updates.hpp"
#include "wire/ticket_wire.hpp"

#include <utility>

namespace parley {

awaitable<void> chat_client::impl::update_thread(std::string provider_res_id, std::string body) {
    check_alive();
    auto server = server_url::parse(config_.server_url, config_.connection.allow_plaintext);
    auto updating = parley::update_thread(strand_, http_, std::move(server), config_.auth,
                                          std::move(provider_res_id), std::move(body),
                                          after(now(), config_.timeouts.request));
    co_await std::move(updating);
}

awaitable<void> chat_client::impl::update_entity(std::string provider_res_id,
                                                 std::optional<std::string> entity_id,
                                                 std::optional<std::string> entity_type) {
    auto body = entity_update_body(entity_id, entity_type);
    co_await update_thread(std::move(provider_res_id), std::move(body));
    config_.auth.entity_id = entity_id;
    config_.auth.entity_type = entity_type;
    auth_data_patch patch;
    patch.entity_id = std::move(entity_id);
    patch.entity_type = std::move(entity_type);
    tickets()->update_auth_data(std::move(patch));
}

awaitable<void> chat_client::impl::update_metadata(std::string provider_res_id,
                                                   metadata_patch patch) {
    auto body = metadata_update_body(patch);
    co_await update_thread(std::move(provider_res_id), std::move(body));
}

} // namespace parley
