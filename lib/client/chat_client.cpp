#include "async/call_on_strand.hpp"
#include "client/chat_client_impl.hpp"
#include "core/setting_tables.hpp"
#include "core/url.hpp"
#include "dialect/parley/server_exchange.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <string>
#include <utility>
#include <variant>

namespace parley {

namespace {

connection_options options_of(const std::shared_ptr<const chat_client_config>& config,
                              std::shared_ptr<redactor> gate, const logger& log) {
    connection_options options;
    options.server_url = config->server_url;
    options.config = std::shared_ptr<const connection_config>(config, &config->connection);
    options.gate = std::move(gate);
    options.log = log.sink();
    options.log_threshold = config->log_threshold;
    options.telemetry = config->telemetry;
    return options;
}

message_handler_options options_of(const chat_client_config& config, const logger& log) {
    message_handler_options options;
    options.tools = config.tools;
    options.limits = config.connection.limits;
    options.log = log.sink();
    options.log_threshold = config.log_threshold;
    options.telemetry = config.telemetry;
    return options;
}

/// Secrets that no text of the server may show.
std::vector<secret> secrets_in(const chat_client_config& config) {
    auto all = secrets_of(config.auth);
    for (auto& each : proxy_secrets(config.connection.proxy))
        all.push_back(std::move(each));
    return all;
}

std::shared_ptr<ticket_manager> shared(std::shared_ptr<ticket_manager> tickets) {
    if (!tickets)
        throw_error(error_info(errc::invalid_configuration,
                               "The shared ticket_manager is null; omit the "
                               "argument to let the client make its own."));
    return tickets;
}

} // namespace

chat_client::impl::impl(const asio::any_io_executor& executor, chat_client_config&& config,
                        std::shared_ptr<ticket_manager> shared_tickets, environment_ptr environment)
    : environment_(std::move(environment)), clock_(environment_->clock()),
      strand_(detail::strand::around(executor)), context_(detail::context_watch::of(strand_)),
      shared_config_(std::make_shared<chat_client_config>(std::move(config))),
      log_(config_.log, config_.log_threshold),
      tally_(shared_tickets ? std::make_shared<ticket_tally>() : nullptr),
      gate_(std::make_shared<redactor>(secrets_in(config_))),
      connection_(std::make_shared<websocket_manager::impl>(
          strand_, environment_, options_of(shared_config_, gate_, log_))),
      messages_(std::make_shared<message_handler::impl>(strand_, environment_,
                                                        options_of(config_, log_), gate_,
                                                        event_queue::before_first::drop_oldest)),
      changed_(strand_, clock_),
      opening_(config_.connection.session_timeout, config_.timeouts.acknowledge),
      run_recorder_(telemetry::impl::of(config_.telemetry).get()),
      shared_tickets_(std::move(shared_tickets)),
      tickets_(shared_tickets_ ? shared_tickets_->implementation() : make_tickets()) {
    if (!config_.context_helpers.is_null() && !config_.context_helpers.is_object())
        throw_error(error_info(errc::invalid_configuration, "context_helpers must be an object."));
    if (!config_.component_schemas.is_null() && !config_.component_schemas.is_array())
        throw_error(error_info(errc::invalid_configuration, "component_schemas must be an array."));
    tools().add(std::exchange(config_.client_tools, {}));
}

void chat_client::impl::attach() {
    connection_->attach(weak_from_this());
    messages_->attach(std::weak_ptr<message_sink>(shared_from_this()));
}

std::shared_ptr<ticket_manager::impl> chat_client::impl::make_tickets() const {
    ticket_manager_options options;
    options.connection = config_.connection;
    options.validate_timeout = config_.timeouts.request;
    options.log = log_.sink();
    options.log_threshold = config_.log_threshold;
    options.telemetry = config_.telemetry;
    return ticket_manager::impl::over_http(strand_, config_.auth, config_.server_url,
                                           config_.ticket, std::move(options), environment_);
}

chat_client::chat_client(asio::any_io_executor executor, chat_client_config config,
                         environment_ptr environment)
    : impl_(std::make_shared<impl>(executor, checked(std::move(config)), nullptr,
                                   or_real(std::move(environment)))) {
    impl_->attach();
}

chat_client::chat_client(asio::any_io_executor executor, chat_client_config config,
                         std::shared_ptr<ticket_manager> tickets, environment_ptr environment)
    : impl_(std::make_shared<impl>(executor, checked(std::move(config)), shared(std::move(tickets)),
                                   or_real(std::move(environment)))) {
    impl_->attach();
}

// The last owner is the posted task, which may run before this returns.
chat_client::~chat_client() { impl::abandon_later(std::move(impl_)); }

void chat_client::impl::abandon_later(std::shared_ptr<impl> self) noexcept {
    auto post = self->last_post_;
    const auto strand = self->where();
    post(strand, [self = std::move(self)] { self->abandon(); });
}

void chat_client::impl::post_handler_failure(std::string what, bool of_failure_handler) {
    strand_.post([self = shared_from_this(), what = std::move(what), of_failure_handler] {
        self->report_handler_failure(what, of_failure_handler);
    });
}

task_group& chat_client::impl::tasks() {
    if (!tasks_)
        tasks_ = std::make_unique<task_group>(
            strand_, clock_, [log = log_](const std::exception_ptr& error) { report(log, error); });
    return *tasks_;
}

awaitable<void> chat_client::init() { return call_on_strand(impl_, &impl::init); }

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
    return call_on_strand(impl_, &impl::ask, std::move(message));
}

awaitable<answer> chat_client::ask(std::string content, text_handler on_text) {
    return ask(chat_message(std::move(content)), std::move(on_text));
}

awaitable<answer> chat_client::ask(chat_message message, text_handler on_text) {
    if (!on_text) return ask(std::move(message));
    return impl::ask_streaming(impl_, std::move(message), std::move(on_text));
}

awaitable<std::optional<event>> chat_client::next_event() { return impl_->events().next(); }

awaitable<void> chat_client::run(event_handlers handlers) {
    return impl::run(impl_, std::move(handlers));
}

awaitable<void> chat_client::impl::run(std::shared_ptr<impl> self, event_handlers handlers) {
    // A handler may destroy the client, and another thread the client's context. This frame belongs
    // to the caller's context, and keeps nothing of either while it waits.
    const auto next = self->events().taker();
    const auto context = self->context_;
    const std::weak_ptr<impl> weak = std::exchange(self, nullptr);
    // A cancelled `run` throws at its next co_await: nothing is swallowed here.
    while (auto happened = co_await next()) {
        for (const auto& handler : handlers.all()) {
            std::string thrown_text;
            try {
                auto call = handler(*happened);
                co_await std::move(call);
                continue;
            } catch (const std::exception& thrown) {
                thrown_text = thrown.what();
            } catch (...) {
                thrown_text = "an exception that is not a std::exception";
            }
            const bool of_failure_handler = std::holds_alternative<handler_failed>(*happened);
            context->while_alive([&weak, &thrown_text, of_failure_handler] {
                if (const auto client = weak.lock())
                    client->post_handler_failure(thrown_text, of_failure_handler);
            });
        }
    }
}

awaitable<void> chat_client::stop_run() {
    return call_on_strand(impl_, &impl::stop_run, std::nullopt);
}

awaitable<void> chat_client::stop_run(std::string conversation_id) {
    return call_on_strand(impl_, &impl::stop_run, std::move(conversation_id));
}

awaitable<void> chat_client::add_client_tool(tool added) {
    std::vector<tool> one;
    one.push_back(std::move(added));
    return add_client_tools(std::move(one));
}

awaitable<void> chat_client::add_client_tools(std::vector<tool> added) {
    return call_on_strand(impl_, &impl::add_client_tools, std::move(added));
}

awaitable<void> chat_client::remove_client_tool(std::string name) {
    return call_on_strand(impl_, &impl::remove_client_tool, std::move(name));
}

void chat_client::update_client_tools(std::vector<tool> tools) {
    impl_->tools().replace(std::move(tools));
}

awaitable<void> chat_client::update_context_helpers(json_text merge) {
    return call_on_strand(impl_, &impl::update_context_helpers, std::move(merge));
}

awaitable<void> chat_client::update_entity(std::string provider_res_id,
                                           std::optional<std::string> entity_id,
                                           std::optional<std::string> entity_type) {
    return call_on_strand(impl_, &impl::update_entity, std::move(provider_res_id),
                          std::move(entity_id), std::move(entity_type));
}

awaitable<void> chat_client::update_metadata(std::string provider_res_id, metadata_patch patch) {
    return call_on_strand(impl_, &impl::update_metadata, std::move(provider_res_id),
                          std::move(patch));
}

awaitable<void> chat_client::refresh_ticket_and_reconnect() {
    return call_on_strand(impl_, &impl::refresh_ticket_and_reconnect);
}

awaitable<void> chat_client::reconnect() { return call_on_strand(impl_, &impl::reconnect); }

awaitable<void> chat_client::disconnect() { return call_on_strand(impl_, &impl::disconnect); }

void chat_client::notify_network_change() {
    impl_->where().post([impl = impl_] { impl->notify_network_change(); });
}

bool chat_client::is_connected() const { return impl_->status().connected; }

connection_status chat_client::status() const { return impl_->status(); }

metrics_snapshot chat_client::metrics() const { return impl_->metrics(); }

connection_status chat_client::impl::status() const {
    connection_status now_is;
    now_is.websocket = connection_->status();
    const auto held = tickets_->snapshot();
    now_is.state = now_is.websocket.state;
    now_is.connected = now_is.state == websocket_state::ready;
    now_is.is_reconnecting =
        now_is.state == websocket_state::waiting || now_is.state == websocket_state::reconnecting;
    now_is.reconnect_attempts = now_is.is_reconnecting ? now_is.websocket.attempt : 0;
    now_is.has_valid_ticket = held.valid;
    now_is.ticket_expires_in = held.expires_in;
    return now_is;
}

metrics_snapshot chat_client::impl::metrics() const {
    const auto websocket = connection_->status();
    metrics_snapshot all;
    messages_->count(all);
    all.messages_sent = websocket.messages_sent;
    all.messages_received = websocket.messages_received;
    all.bytes_sent = websocket.bytes_sent;
    all.bytes_received = websocket.bytes_received;
    all.connections_opened = opened_;
    all.connections_lost = lost_;
    all.reconnect_attempts = attempts_;
    if (owns_tickets()) {
        const auto held = tickets_->snapshot(); // includes the renewal
        all.tickets_requested = held.requests;
        all.tickets_failed = held.failures;
    } else {
        all.tickets_requested = tally_->requests;
        all.tickets_failed = tally_->failures;
    }
    all.configurations_unanswered = configurations_unanswered_;
    all.handlers_failed = handlers_failed_;
    all.log_failures = log_.failures();
    return all;
}

} // namespace parley
