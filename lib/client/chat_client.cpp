#include "client/chat_client_impl.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <string>
#include <utility>
#include <variant>

namespace parley {

chat_client::chat_client(asio::any_io_executor executor, chat_client_config config,
                         environment_ptr environment)
    : chat_client(std::move(executor), std::move(config), nullptr, std::move(environment)) {}

chat_client::chat_client(asio::any_io_executor executor, chat_client_config config,
                         std::shared_ptr<ticket_manager> tickets, environment_ptr environment)
    : impl_(std::make_shared<impl>(executor, std::move(config), std::move(tickets),
                                   environment ? std::move(environment) : real_environment())) {
    impl_->attach();
}

// Its last owner is on the strand, which may be quicker than this thread.
chat_client::~chat_client() {
    const auto strand = impl_->where();
    strand.post([impl = std::move(impl_)] { impl->abandon(); });
}

task_group& chat_client::impl::tasks() {
    if (!tasks_)
        tasks_ = std::make_unique<task_group>(
            strand_, clock_, [log = log_](const std::exception_ptr& error) { report(log, error); });
    return *tasks_;
}

awaitable<void> chat_client::init() {
    return detail::on_strand<void>(impl_->where(), [impl = impl_] { return impl->init(); });
}

awaitable<void> chat_client::send_message(std::string content) {
    return send_message(chat_message(std::move(content)));
}

awaitable<void> chat_client::send_message(chat_message message) {
    return impl::send(impl_, std::move(message));
}

awaitable<answer> chat_client::ask(std::string content) {
    return ask(chat_message(std::move(content)));
}

awaitable<answer> chat_client::ask(chat_message message) {
    return detail::on_strand<answer>(impl_->where(), [impl = impl_, message = std::move(message)] {
        return impl->ask(message);
    });
}

awaitable<std::optional<event>> chat_client::next_event() { return impl_->events().next(); }

awaitable<void> chat_client::run(event_handlers handlers) {
    return impl::run(impl_, std::move(handlers));
}

awaitable<void> chat_client::impl::run(std::shared_ptr<impl> self, event_handlers handlers) {
    // The client may be destroyed by a handler: this frame keeps what it uses.
    // A cancelled `run` throws at its next co_await, so that what is caught here hides nothing.
    while (auto happened = co_await self->events_.next()) {
        for (const auto& handler : handlers.all()) {
            std::string thrown_text;
            try {
                auto call = handler(*happened);
                co_await std::move(call);
                continue;
            } catch (const std::exception& thrown) {
                thrown_text = thrown.what();
            } catch (...) {
                thrown_text = "something that is no std::exception";
            }
            const bool told_of_it = std::holds_alternative<handler_failed>(*happened);
            self->strand_.post(
                [self, thrown_text, told_of_it] { self->handler_threw(thrown_text, told_of_it); });
        }
    }
}

awaitable<void> chat_client::stop_run() {
    return detail::on_strand<void>(impl_->where(),
                                   [impl = impl_] { return impl->stop_run(std::nullopt); });
}

awaitable<void> chat_client::stop_run(std::string conversation_id) {
    return detail::on_strand<void>(impl_->where(), [impl = impl_, id = std::move(conversation_id)] {
        return impl->stop_run(id);
    });
}

awaitable<void> chat_client::add_client_tool(tool added) {
    std::vector<tool> one;
    one.push_back(std::move(added));
    return add_client_tools(std::move(one));
}

awaitable<void> chat_client::add_client_tools(std::vector<tool> added) {
    return detail::on_strand<void>(impl_->where(), [impl = impl_, added = std::move(added)] {
        return impl->add_client_tools(added);
    });
}

awaitable<void> chat_client::remove_client_tool(std::string name) {
    return detail::on_strand<void>(impl_->where(), [impl = impl_, name = std::move(name)] {
        return impl->remove_client_tool(name);
    });
}

void chat_client::update_client_tools(std::vector<tool> tools) {
    impl_->update_client_tools(std::move(tools));
}

awaitable<void> chat_client::update_context_helpers(json_text merge) {
    return detail::on_strand<void>(impl_->where(), [impl = impl_, merge = std::move(merge)] {
        return impl->update_context_helpers(merge);
    });
}

awaitable<void> chat_client::update_entity(std::string provider_res_id,
                                           std::optional<std::string> entity_id,
                                           std::optional<std::string> entity_type) {
    return detail::on_strand<void>(
        impl_->where(),
        [impl = impl_, thread = std::move(provider_res_id), id = std::move(entity_id),
         type = std::move(entity_type)] { return impl->update_entity(thread, id, type); });
}

awaitable<void> chat_client::update_metadata(std::string provider_res_id, metadata_patch patch) {
    return detail::on_strand<void>(
        impl_->where(),
        [impl = impl_, thread = std::move(provider_res_id), patch = std::move(patch)] {
            return impl->update_metadata(thread, patch);
        });
}

awaitable<void> chat_client::refresh_ticket_and_reconnect() {
    return detail::on_strand<void>(impl_->where(),
                                   [impl = impl_] { return impl->refresh_ticket_and_reconnect(); });
}

awaitable<void> chat_client::reconnect() {
    return detail::on_strand<void>(impl_->where(), [impl = impl_] { return impl->reconnect(); });
}

awaitable<void> chat_client::disconnect() {
    return detail::on_strand<void>(impl_->where(), [impl = impl_] { return impl->disconnect(); });
}

void chat_client::notify_network_change() {
    impl_->where().post([impl = impl_] { impl->notify_network_change(); });
}

bool chat_client::is_connected() const { return impl_->status().connected; }

connection_status chat_client::status() const { return impl_->status(); }

metrics_snapshot chat_client::metrics() const { return impl_->metrics(); }

} // namespace parley
