#include <parley/ticket_manager.hpp>
#include <parley/version.hpp>

#include "async/asio_errors.hpp"
#include "async/call_on_strand.hpp"
#include "core/setting_tables.hpp"
#include "core/url.hpp"
#include "dialect/parley/endpoints.hpp"
#include "dialect/parley/server_exchange.hpp"
#include "ticket/ticket_manager_impl.hpp"

#include <string>
#include <utility>
#include <vector>

namespace parley {

namespace {

using std::chrono::milliseconds;

std::string user_agent_of(const connection_config& config) {
    return config.user_agent.empty() ? "parley/" + std::string(version) : config.user_agent;
}

} // namespace

ticket_manager::impl::impl(const asio::any_io_executor& executor, auth_data auth,
                           std::shared_ptr<ticket_source> source,
                           std::shared_ptr<http_ticket_source> http, const ticket_config& config,
                           ticket_manager_options options, environment_ptr environment)
    : telemetry_source(telemetry::impl::of(options.telemetry)),
      strand_(detail::strand::of(executor)), context_(detail::context_watch::of(strand_)),
      environment_(std::move(environment)), clock_(environment_->clock()),
      source_(std::move(source)), http_(std::move(http)), config_(config),
      validate_timeout_(options.validate_timeout),
      log_(std::move(options.log), options.log_threshold),
      gate_(http_ ? proxy_secrets(options.connection.proxy) : std::vector<secret>()),
      changed_(strand_, clock_), tickets_(config_) {
    if (!source_)
        throw_error(
            error_info(errc::invalid_configuration, "A ticket_manager needs a ticket source."));
    check_identity(auth);
    auth_ = std::make_shared<const auth_data>(std::move(auth));
    enter();
}

std::shared_ptr<ticket_manager::impl>
ticket_manager::impl::over_http(const asio::any_io_executor& executor, auth_data auth,
                                const std::string& server_url_text, const ticket_config& config,
                                ticket_manager_options options, environment_ptr environment) {
    auto server = parse_server_url(server_url_text, options.connection.allow_plaintext);
    auto source = std::make_shared<http_ticket_source>(
        environment->make_http(std::make_shared<const connection_config>(options.connection)),
        std::move(server), user_agent_of(options.connection), environment->clock());
    return std::make_shared<impl>(executor, std::move(auth), source, source, config,
                                  std::move(options), std::move(environment));
}

// ---- what is known, for any thread

bool ticket_manager::impl::is_valid() const {
    const auto at = now();
    const std::lock_guard lock(mutex_);
    return tickets_.serve(at) != nullptr;
}

std::optional<ticket> ticket_manager::impl::held_ticket() const {
    const auto at = now();
    const std::lock_guard lock(mutex_);
    const ticket* held = stopped_ ? nullptr : tickets_.serve(at);
    return held ? std::optional(*held) : std::nullopt;
}

std::optional<error_info> ticket_manager::impl::refresh_error() const {
    const std::lock_guard lock(mutex_);
    return refreshing() ? refresh_->failure : std::nullopt;
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
    all.in_flight = refreshing();
    all.waiters = refresh_ ? refresh_->waiters.load() : 0;
    all.valid = tickets_.serve(at) != nullptr;
    all.expires_in = tickets_.expires_in(at);
    all.lifetime = tickets_.lifetime();
    all.expires_at = tickets_.expires_at();
    return all;
}

/// With the mutex: a refresh for the present identity is in flight.
bool ticket_manager::impl::refreshing() const {
    return refresh_ && !stopped_ && refresh_->generation == tickets_.generation();
}

/// Of a ticket that is to be renewed in good time.
void ticket_manager::impl::add_gauges(metric_readings& to) const noexcept {
    const auto at = now();
    const std::lock_guard lock(mutex_);
    const auto left = tickets_.expires_in(at);
    if (left && on_renewed_) to.add_expiry(after(at.wall, *left));
}

bool ticket_manager::impl::is_current(std::uint64_t generation) const {
    const std::lock_guard lock(mutex_);
    return !stopped_ && generation == tickets_.generation();
}

void ticket_manager::impl::check_caller(std::uint64_t clears) const {
    if (stopped_) throw_aborted();
    if (clears != clears_)
        throw_error(error_info(errc::ticket_cleared,
                               "The ticket was cleared while a caller waited for it."));
}

// ---- a new generation, from any thread

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

void ticket_manager::impl::begin_generation(std::unique_lock<std::mutex> lock) {
    tickets_.begin_generation();
    lock.unlock();
    where().post([self = shared_from_this()] { self->end_stale_operations(); });
}

/// What is in flight for an identity that is gone.
void ticket_manager::impl::end_stale_operations() {
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return; // end_operations sees to them
    }
    if (refresh_ && !is_current(refresh_->generation)) {
        log_.write(log_level::debug, "ticket: the identity has changed, a request is abandoned");
        abandon_refresh();
    }
    if (validation_ && !is_current(validation_->generation)) abandon_validation();
}

// ---- the end

/// Any thread: from now on nobody gets a ticket, and no handler is called.
void ticket_manager::impl::retire() noexcept {
    std::shared_ptr<const renewed_handler> renewed; // both destroyed without the lock
    std::shared_ptr<const failed_handler> failed;
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    renewed = std::exchange(on_renewed_, nullptr);
    failed = std::exchange(on_renewal_failed_, nullptr);
}

void ticket_manager::impl::end_operations() noexcept {
    take_all(log_, [this] { abandon_refresh(); }, [this] { abandon_validation(); });
    changed_.notify_all();
}

void ticket_manager::impl::operation_ended() {
    if (--running_ == 0) changed_.notify_all();
}

void ticket_manager::impl::shut_down() noexcept {
    retire();
    last_post_(where(), [self = shared_from_this()] { self->end_operations(); });
}

awaitable<void> ticket_manager::impl::stop(std::shared_ptr<impl> self) {
    self->retire();
    self->end_operations();
    if (const auto renewal = self->renewal_) co_await renewal->wait_until(time_point::max());
    while (self->running_ > 0)
        co_await self->changed_.wait_until();
}

awaitable<void> ticket_manager::impl::give_up_refresh(std::shared_ptr<impl> self) {
    self->abandon_refresh();
    while (self->running_ > 0)
        co_await self->changed_.wait_until();
}

// ---- the public face

ticket_manager::ticket_manager(asio::any_io_executor executor, auth_data auth,
                               std::string server_url_text, ticket_config config,
                               ticket_manager_options options, environment_ptr environment)
    : impl_(impl::over_http(
          executor, std::move(auth), server_url_text, checked(std::move(config), "config."),
          checked(std::move(options), "options."), or_real(std::move(environment)))) {}

ticket_manager::ticket_manager(asio::any_io_executor executor, auth_data auth,
                               std::shared_ptr<ticket_source> source, ticket_config config,
                               ticket_manager_options options, environment_ptr environment)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(auth), std::move(source), nullptr,
                                   checked(std::move(config), "config."),
                                   checked(std::move(options), "options."),
                                   or_real(std::move(environment)))) {}

ticket_manager::~ticket_manager() { impl_->shut_down(); }

awaitable<ticket> ticket_manager::get_valid_ticket() { return get_valid_ticket(time_point::max()); }

awaitable<ticket> ticket_manager::get_valid_ticket(std::chrono::steady_clock::time_point deadline) {
    return impl::get(impl_, impl::get_options(impl::get_options::kind::valid, deadline));
}

awaitable<ticket> ticket_manager::refresh_ticket() {
    return impl::get(impl_, impl::get_options(impl::get_options::kind::fresh, time_point::max()));
}

awaitable<ticket> ticket_manager::replace_ticket(ticket rejected) {
    return replace_ticket(std::move(rejected), time_point::max());
}

awaitable<ticket> ticket_manager::replace_ticket(ticket rejected,
                                                 std::chrono::steady_clock::time_point deadline) {
    return impl::get(impl_, impl::get_options(rejected.value(), deadline));
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

awaitable<void> ticket_manager::give_up_refresh() {
    return call_on_strand(impl_, &impl::give_up_refresh);
}

awaitable<void> ticket_manager::stop() { return call_on_strand(impl_, &impl::stop); }

} // namespace parley
