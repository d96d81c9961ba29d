#include <parley/ticket_manager.hpp>
#include <parley/version.hpp>

#include "core/setting_tables.hpp"
#include "dialect/parley/endpoints.hpp"
#include "dialect/parley/server_exchange.hpp"
#include "ticket/ticket_manager_impl.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace parley {

namespace {

using std::chrono::milliseconds;

environment_ptr or_real(environment_ptr given) {
    return given ? std::move(given) : real_environment();
}

std::string user_agent_of(const connection_config& config) {
    return config.user_agent.empty() ? "parley/" + std::string(version) : config.user_agent;
}

} // namespace

ticket_manager::impl::impl(const asio::any_io_executor& executor, auth_data auth,
                           std::shared_ptr<ticket_source> source,
                           std::shared_ptr<http_ticket_source> http, const ticket_config& config,
                           ticket_manager_options options, environment_ptr environment)
    : strand_(detail::strand::of(executor)), context_(detail::context_watch::of(strand_)),
      environment_(std::move(environment)), clock_(environment_->clock()),
      source_(std::move(source)), http_(std::move(http)), config_(config),
      validate_timeout_(options.validate_timeout),
      log_(std::move(options.log), options.log_threshold),
      tasks_(strand_, clock_,
             [log = log_](const std::exception_ptr& thrown) {
                 report(log, thrown, "ticket: the renewal has ended: ");
             }),
      idle_(strand_, clock_), renewal_changed_(strand_, clock_), tickets_(config_) {
    if (!source_)
        throw_error(
            error_info(errc::invalid_configuration, "A ticket_manager needs a source of tickets."));
    check_identity(auth);
    auth_ = std::make_shared<const auth_data>(std::move(auth));
}

bool ticket_manager::impl::is_valid() const {
    const auto at = now();
    const std::lock_guard lock(mutex_);
    return tickets_.serve(at) != nullptr;
}

std::optional<ticket> ticket_manager::impl::at_hand() const {
    const auto at = now();
    const std::lock_guard lock(mutex_);
    const ticket* held = stopped_ ? nullptr : tickets_.serve(at);
    return held ? std::optional(*held) : std::nullopt;
}

std::optional<error_info> ticket_manager::impl::trouble() const {
    const std::lock_guard lock(mutex_);
    const auto flying = refresh_.lock();
    return flying ? flying->last_error : std::nullopt;
}

std::optional<milliseconds> ticket_manager::impl::expires_in() const {
    const auto at = now();
    const std::lock_guard lock(mutex_);
    return tickets_.expires_in(at);
}

std::optional<std::chrono::system_clock::time_point> ticket_manager::impl::expires_at() const {
    const std::lock_guard lock(mutex_);
    return tickets_.expires_at();
}

ticket_snapshot ticket_manager::impl::snapshot() const {
    const auto at = now();
    const std::lock_guard lock(mutex_);
    auto all = counts_;
    all.valid = tickets_.serve(at) != nullptr;
    all.expires_in = tickets_.expires_in(at);
    all.lifetime = tickets_.lifetime();
    all.expires_at = tickets_.expires_at();
    return all;
}

void ticket_manager::impl::update_auth_data(auth_data_patch patch) {
    std::unique_lock lock(mutex_);
    auto changed = *auth_;
    const auto take = [](auto& field, auto& value) {
        if (value) field = std::move(*value);
    };
    take(changed.user_mp_auth_token, patch.user_mp_auth_token);
    take(changed.chat_server_key, patch.chat_server_key);
    take(changed.user_id, patch.user_id);
    take(changed.entity_id, patch.entity_id);
    take(changed.entity_type, patch.entity_type);
    take(changed.provider_res_id, patch.provider_res_id);
    check_identity(changed);
    auth_ = std::make_shared<const auth_data>(std::move(changed));
    begin_generation(std::move(lock));
}

void ticket_manager::impl::clear() {
    std::unique_lock lock(mutex_);
    ++clears_;
    begin_generation(std::move(lock));
}

/// Throws away what is under way for an identity that is gone.
void ticket_manager::impl::begin_generation(std::unique_lock<std::mutex> held) {
    callers woken;
    tickets_.begin_generation();
    auto old = supersede(woken);
    held.unlock();
    send_home(std::move(woken), nullptr);
    where().post([self = shared_from_this(), old = std::move(old)] {
        if (old)
            self->log_.write(log_level::debug,
                             "ticket: the identity has changed, a request is given up");
        self->abandon(old);
        self->follow_identity();
    });
}

awaitable<void> ticket_manager::impl::stop(std::shared_ptr<impl> self) {
    auto where = self->where();
    return detail::on_strand<void>(std::move(where),
                                   [self = std::move(self)] { return end_all(self); });
}

awaitable<void> ticket_manager::impl::end_all(std::shared_ptr<impl> self) {
    self->end_tasks(self->retire());
    co_await self->tasks_.join();
    while (self->running_ > 0)
        co_await self->idle_.wait_until();
    co_await asio::post(self->strand_.executor(), asio::use_awaitable); // past what was called off
}

awaitable<void> ticket_manager::impl::give_up_refresh(std::shared_ptr<impl> self) {
    auto where = self->where();
    return detail::on_strand<void>(std::move(where),
                                   [self = std::move(self)] { return end_refresh(self); });
}

awaitable<void> ticket_manager::impl::end_refresh(std::shared_ptr<impl> self) {
    callers given_up;
    std::shared_ptr<refresh> old;
    {
        const std::lock_guard lock(self->mutex_);
        old = self->supersede(given_up);
    }
    for (auto& one : given_up)
        one.why = detail::aborted();
    send_home(std::move(given_up), nullptr);
    self->abandon(old);
    while (self->running_ > 0)
        co_await self->idle_.wait_until();
}

/// Once the manager is gone no handler is called, no request begins, and nobody waits.
void ticket_manager::impl::shut_down_later() noexcept {
    std::shared_ptr<refresh> old;
    take_all(log_, [&] { old = retire(); });
    last_post_(where(), [self = shared_from_this(), old] { self->end_tasks(old); });
}

ticket_manager::ticket_manager(asio::any_io_executor executor, auth_data auth,
                               std::string server_url_text, ticket_config config,
                               ticket_manager_options options, environment_ptr environment) {
    config = checked(std::move(config), "config.");
    options = checked(std::move(options), "options.");
    environment = or_real(std::move(environment));
    auto server = parse_server_url(server_url_text, options.connection.allow_plaintext);
    auto source = std::make_shared<http_ticket_source>(
        environment->make_http(std::make_shared<const connection_config>(options.connection)),
        std::move(server), user_agent_of(options.connection), environment->clock());
    impl_ = std::make_shared<impl>(std::move(executor), std::move(auth), source, source, config,
                                   std::move(options), std::move(environment));
}

ticket_manager::ticket_manager(asio::any_io_executor executor, auth_data auth,
                               std::shared_ptr<ticket_source> source, ticket_config config,
                               ticket_manager_options options, environment_ptr environment)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(auth), std::move(source), nullptr,
                                   checked(std::move(config), "config."),
                                   checked(std::move(options), "options."),
                                   or_real(std::move(environment)))) {}

ticket_manager::~ticket_manager() { impl_->shut_down_later(); }

awaitable<ticket> ticket_manager::get_valid_ticket() { return get_valid_ticket(time_point::max()); }

awaitable<ticket> ticket_manager::get_valid_ticket(std::chrono::steady_clock::time_point deadline) {
    return get_valid_ticket(deadline, nullptr);
}

awaitable<ticket> ticket_manager::get_valid_ticket(std::chrono::steady_clock::time_point deadline,
                                                   tally_ptr counted) {
    return impl::get(impl_, impl::demand(impl::demand::kind::valid, deadline, std::move(counted)));
}

std::optional<ticket> ticket_manager::at_hand() const { return impl_->at_hand(); }

std::optional<error_info> ticket_manager::trouble() const { return impl_->trouble(); }

awaitable<ticket> ticket_manager::refresh_ticket() { return refresh_ticket(nullptr); }

awaitable<ticket> ticket_manager::refresh_ticket(tally_ptr counted) {
    return impl::get(
        impl_, impl::demand(impl::demand::kind::fresh, time_point::max(), std::move(counted)));
}

awaitable<ticket> ticket_manager::replace_ticket(ticket rejected) {
    return replace_ticket(std::move(rejected), time_point::max());
}

awaitable<ticket> ticket_manager::replace_ticket(ticket rejected,
                                                 std::chrono::steady_clock::time_point deadline) {
    return replace_ticket(std::move(rejected), deadline, nullptr);
}

awaitable<ticket> ticket_manager::replace_ticket(ticket rejected,
                                                 std::chrono::steady_clock::time_point deadline,
                                                 tally_ptr counted) {
    return impl::get(impl_, impl::demand(rejected.value(), deadline, std::move(counted)));
}

awaitable<ticket_validation> ticket_manager::validate_with_server() {
    return impl::validate(impl_);
}

void ticket_manager::start_proactive_renewal(renewed_handler on_renewed) {
    impl_->start_renewal(std::move(on_renewed));
}

void ticket_manager::on_renewal_failed(std::function<void(const error_info&)> handler) {
    impl_->on_renewal_failed(std::move(handler));
}

void ticket_manager::stop_proactive_renewal() { impl_->stop_renewal(); }

bool ticket_manager::is_valid() const { return impl_->is_valid(); }

std::optional<milliseconds> ticket_manager::expires_in() const { return impl_->expires_in(); }

std::optional<std::chrono::system_clock::time_point> ticket_manager::expires_at() const {
    return impl_->expires_at();
}

void ticket_manager::update_auth_data(auth_data_patch patch) {
    impl_->update_auth_data(std::move(patch));
}

void ticket_manager::clear() { impl_->clear(); }

ticket_snapshot ticket_manager::snapshot() const { return impl_->snapshot(); }

awaitable<void> ticket_manager::give_up_refresh() { return impl::give_up_refresh(impl_); }

awaitable<void> ticket_manager::stop() { return impl::stop(impl_); }

} // namespace parley
