// Changes of conversations, over HTTP (doc/protocol.md 1.6).

#include "client/chat_client_impl.hpp"
#include "dialect/parley/endpoints.hpp"
#include "dialect/parley/thread_updates.hpp"
#include "dialect/parley/ticket_wire.hpp"

#include <exception>
#include <utility>
#include <vector>

namespace parley {

awaitable<void> chat_client::impl::update_thread(std::string provider_res_id, std::string body) {
    check_alive();
    const auto deadline = after(now(), config_.timeouts.request);
    if (!http_) http_ = environment_->make_http(connection_->config());
    // Shared, so that the end of the client abandons it without waiting for its connection.
    const auto update = shared_awaitable<void>::start(
        strand_, clock_,
        [self = shared_from_this(), id = std::move(provider_res_id), body = std::move(body),
         deadline] {
            const auto server = parse_server_url(self->config_.server_url,
                                                 self->connection_->config()->allow_plaintext);
            return parley::update_thread(self->strand_, self->http_, server, self->config_.auth, id,
                                         body, deadline, self->gate_);
        });
    thread_updates_.push_back(update);
    std::exception_ptr failure;
    try {
        co_await update->join_or_cancel();
    } catch (...) {
        failure = std::current_exception();
    }
    std::erase(thread_updates_, update);
    if (failure) std::rethrow_exception(failure);
}

void chat_client::impl::end_thread_updates() {
    if (thread_updates_.empty()) return; // what is thrown costs more than most of a disconnect
    const auto why = state_ == state::destroyed
                         ? detail::aborted()
                         : std::make_exception_ptr(connection_error(disconnected()));
    const auto ended = thread_updates_;
    for (const auto& each : ended)
        each->abandon(why);
}

awaitable<void> chat_client::impl::update_entity(std::string provider_res_id,
                                                 std::optional<std::string> entity_id,
                                                 std::optional<std::string> entity_type) {
    auto body = entity_update_body(entity_id, entity_type);
    co_await update_thread(std::move(provider_res_id), std::move(body));
    config_.auth.entity_id = entity_id;
    config_.auth.entity_type = entity_type;
    if (!owns_tickets()) co_return; // its tickets are of an identity that others have in common
    auth_data_patch patch;
    patch.entity_id = std::move(entity_id);
    patch.entity_type = std::move(entity_type);
    tickets_->update_auth_data(std::move(patch));
}

awaitable<void> chat_client::impl::update_metadata(std::string provider_res_id,
                                                   metadata_patch patch) {
    auto body = metadata_update_body(patch);
    co_await update_thread(std::move(provider_res_id), std::move(body));
}

} // namespace parley
