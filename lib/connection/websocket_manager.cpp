#include <parley/detail/on_strand.hpp>
#include <parley/websocket_manager.hpp>

#include "async/asio_errors.hpp"
#include "async/condition.hpp"
#include "async/reserved_post.hpp"
#include "async/shared_awaitable.hpp"
#include "connection/websocket_manager_impl.hpp"
#include "core/log.hpp"
#include "core/setting_tables.hpp"
#include "core/text.hpp"
#include "core/url.hpp"
#include "transport/environment.hpp"

#include <cstddef>
#include <deque>
#include <exception>
#include <string_view>
#include <utility>

namespace parley {

namespace {

connection_options options_of(std::string server_url, connection_config config,
                              const websocket_manager_options& options,
                              std::shared_ptr<redactor> gate) {
    connection_options made;
    made.gate = std::move(gate);
    made.server_url = std::move(server_url);
    made.config = std::make_shared<const connection_config>(std::move(config));
    made.log = options.log;
    made.log_threshold = options.log_threshold;
    made.telemetry = options.telemetry;
    return made;
}

} // namespace

/// The session layer of a websocket_manager that is used alone: a session is ready when the
/// WebSocket is open, and messages wait until a caller receives them.
class websocket_manager::mailbox : public std::enable_shared_from_this<websocket_manager::mailbox>,
                                   public session_layer {
public:
    mailbox(const asio::any_io_executor& executor, std::string server_url, connection_config config,
            websocket_manager_options options, environment_ptr environment)
        : strand_(detail::strand::around(executor)), context_(detail::context_watch::of(strand_)),
          clock_(environment->clock()), options_(std::move(options)), limits_(config.limits),
          log_(options_.log, options_.log_threshold),
          gate_(std::make_shared<redactor>(proxy_secrets(config.proxy))),
          connection_(std::make_shared<impl>(
              strand_, std::move(environment),
              options_of(std::move(server_url), std::move(config), options_, gate_))),
          arrived_(strand_, clock_), room_(strand_, clock_) {}

    void attach() { connection_->attach(weak_from_this()); }
    const detail::strand& where() const {
        context_->check("websocket_manager");
        return strand_;
    }
    websocket_status status() const { return connection_->status(); }

    // The caller keeps this alive until they return.
    awaitable<void> connect(ticket held);
    awaitable<void> send(std::string text);
    awaitable<std::optional<incoming_message>> receive();
    awaitable<void> disconnect();
    void update_ticket(ticket held);
    static void abandon_later(std::shared_ptr<mailbox> self) noexcept { // any thread, once
        auto post = self->last_post_;
        const auto strand = self->where();
        post(strand, [self = std::move(self)] { self->abandon(); });
    }
    void abandon();

private:
    std::optional<ticket> ticket_at_hand() override;
    awaitable<ticket> next_ticket(std::optional<ticket> rejected, time_point deadline) override;
    void on_open() override { connection_->session_ready(); }
    void on_text(std::string_view text) override;
    void on_binary(std::size_t size) override;
    bool has_room() const override;
    awaitable<void> wait_for_room() override;
    std::string heartbeat() override { return std::string(); }
    unsigned take_unconfirmed() override { return 0; }
    void on_connection_event(connection_event happened) override;
    void on_end() noexcept override { end(); }

    enum class state {
        open,
        ended,    // for good, since the last `connect`
        abandoned // the manager was destroyed
    };

    awaitable<void> close();
    void end() noexcept;
    void throw_if_abandoned() const {
        if (state_ == state::abandoned) throw_aborted();
    }

    const detail::strand strand_;
    const std::shared_ptr<detail::context_watch> context_; // that of the strand
    reserved_post last_post_;                              // of the destructor
    const std::shared_ptr<clock_source> clock_;
    const websocket_manager_options options_;
    const limits_config limits_;
    const logger log_;
    const std::shared_ptr<redactor> gate_;
    const std::shared_ptr<impl> connection_;
    condition arrived_; // a message, or the end
    condition room_;    // for more messages

    std::deque<incoming_message> messages_;
    std::size_t bytes_ = 0;
    ticket held_;
    bool given_ = false; // `held_` was given to us, and not used since
    state state_ = state::open;
    std::shared_ptr<shared_awaitable<void>> closing_;
};

awaitable<void> websocket_manager::mailbox::connect(ticket held) {
    throw_if_abandoned();
    if (held.empty()) throw_error(error_info(errc::empty_ticket, "The ticket is empty."));
    const auto deadline = after(clock_->now(), options_.connect_timeout);
    if (const auto closing = closing_) co_await closing->wait_until(deadline);
    if (!connection_->active()) {
        held_ = std::move(held);
        given_ = true;
        if (state_ == state::ended) {
            state_ = state::open;
            messages_.clear();
            bytes_ = 0;
        }
    }
    std::exception_ptr failure;
    try {
        co_await connection_->open(deadline);
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    if (!connection_->active()) end();
    std::rethrow_exception(failure);
}

std::optional<ticket> websocket_manager::mailbox::ticket_at_hand() {
    const bool given = std::exchange(given_, false);
    return given || !options_.next_ticket ? std::optional(held_) : std::nullopt;
}

awaitable<ticket> websocket_manager::mailbox::next_ticket(std::optional<ticket> rejected,
                                                          time_point) {
    const bool fresh = rejected.has_value();
    const bool other = !fresh || held_.value() != rejected->value();
    const bool given = std::exchange(given_, false);
    if (given && other) co_return held_;
    if (options_.next_ticket) {
        auto asking = options_.next_ticket(fresh);
        if (!asking.valid())
            throw_error(
                error_info(errc::ticket_source_failed, "next_ticket returned an empty awaitable."));
        held_ = co_await std::move(asking);
    } else if (!other) {
        error_details details;
        details.phase = phase::ticket;
        throw_error(error_info(errc::ticket_rejected,
                               "The server rejected the ticket, and there is no other.", details));
    }
    co_return held_;
}

awaitable<void> websocket_manager::mailbox::send(std::string text) {
    throw_if_abandoned();
    if (!valid_utf8(text))
        throw_error(error_info(errc::invalid_utf8, "The message is not valid UTF-8."));
    if (text.size() > limits_.queue_bytes)
        throw_error(error_info(errc::too_large, "The message is larger than the outbound queue."));
    const auto deadline = after(clock_->now(), options_.send_timeout);
    std::function<void(send_progress)> nobody;
    auto sending = connection_->send(std::move(text), deadline, std::move(nobody));
    co_await std::move(sending);
}

awaitable<std::optional<incoming_message>> websocket_manager::mailbox::receive() {
    while (messages_.empty()) {
        throw_if_abandoned();
        if (state_ == state::ended) co_return std::nullopt;
        co_await arrived_.wait_until();
    }
    std::optional<incoming_message> first(std::move(messages_.front()));
    messages_.pop_front();
    bytes_ -= first->data().size();
    room_.notify_all();
    co_return first;
}

void websocket_manager::mailbox::on_text(std::string_view text) {
    messages_.emplace_back(std::string(text), false);
    bytes_ += text.size();
    arrived_.notify_all();
}

void websocket_manager::mailbox::on_binary(std::size_t) {
    messages_.emplace_back(std::string(), true);
    arrived_.notify_all();
}

bool websocket_manager::mailbox::has_room() const {
    return messages_.size() < limits_.event_count && bytes_ < limits_.event_bytes;
}

awaitable<void> websocket_manager::mailbox::wait_for_room() {
    while (!has_room() && state_ == state::open)
        co_await room_.wait_until();
}

void websocket_manager::mailbox::on_connection_event(connection_event happened) {
    if (std::holds_alternative<connection_failed>(happened)) end();
    if (!options_.on_event || state_ == state::abandoned) return;
    try {
        options_.on_event(happened);
    } catch (const std::exception& thrown) {
        log_.write(log_level::error, "on_event threw: " + gate_->redact(thrown.what()));
    } catch (...) {
        log_.write(log_level::error, "on_event threw an exception that is not a std::exception");
    }
}

void websocket_manager::mailbox::end() noexcept {
    if (state_ == state::open) state_ = state::ended;
    arrived_.notify_all();
    room_.notify_all();
}

void websocket_manager::mailbox::update_ticket(ticket held) {
    held_ = std::move(held);
    given_ = true;
}

awaitable<void> websocket_manager::mailbox::disconnect() {
    throw_if_abandoned();
    if (!closing_ || closing_->done())
        closing_ = shared_awaitable<void>::start(
            strand_, clock_, [self = shared_from_this()] { return self->close(); });
    const auto closing = closing_;
    co_await closing->join();
}

awaitable<void> websocket_manager::mailbox::close() {
    co_await connection_->close(options_.disconnect_timeout);
    end();
}

void websocket_manager::mailbox::abandon() {
    state_ = state::abandoned;
    connection_->abandon();
    arrived_.notify_all();
    room_.notify_all();
}

websocket_manager::websocket_manager(asio::any_io_executor executor, std::string server_url,
                                     connection_config config, websocket_manager_options options,
                                     environment_ptr environment)
    : mailbox_(std::make_shared<mailbox>(
          std::move(executor), std::move(server_url), checked(std::move(config), "config."),
          checked(std::move(options), "options."),
          environment ? std::move(environment) : real_environment())) {
    mailbox_->attach();
}

websocket_manager::~websocket_manager() { mailbox::abandon_later(std::move(mailbox_)); }

awaitable<void> websocket_manager::connect(ticket held) {
    return detail::on_strand<void>(mailbox_->where(), [self = mailbox_, held = std::move(held)] {
        return self->connect(held);
    });
}

awaitable<void> websocket_manager::send(std::string text) {
    return detail::on_strand<void>(mailbox_->where(),
                                   [self = mailbox_, text = std::move(text)]() mutable {
                                       return self->send(std::move(text));
                                   });
}

awaitable<std::optional<incoming_message>> websocket_manager::receive() {
    return detail::on_strand<std::optional<incoming_message>>(
        mailbox_->where(), [self = mailbox_] { return self->receive(); });
}

void websocket_manager::update_ticket(ticket held) {
    mailbox_->where().post([self = mailbox_, held = std::move(held)]() mutable {
        self->update_ticket(std::move(held));
    });
}

awaitable<void> websocket_manager::disconnect() {
    return detail::on_strand<void>(mailbox_->where(),
                                   [self = mailbox_] { return self->disconnect(); });
}

websocket_state websocket_manager::state() const { return mailbox_->status().state; }

websocket_status websocket_manager::status() const { return mailbox_->status(); }

} // namespace parley
