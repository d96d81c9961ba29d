#pragma once

#include <parley/detail/context_watch.hpp>
#include <parley/detail/strand.hpp>
#include <parley/ticket_manager.hpp>

#include "async/condition.hpp"
#include "async/reserved_post.hpp"
#include "async/shared_awaitable.hpp"
#include "core/log.hpp"
#include "core/redactor.hpp"
#include "dialect/parley/http_ticket_source.hpp"
#include "policy/ticket_fsm.hpp"
#include "telemetry/telemetry_impl.hpp"
#include "ticket/verdict_cache.hpp"
#include "transport/environment.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace parley {

/// What one client of a shared ticket_manager has caused. Any thread.
struct ticket_tally {
    std::atomic<std::uint64_t> requests{0}; ///< made to the source, retries included
    std::atomic<std::uint64_t> failures{0}; ///< refreshes that brought no ticket
};

/// The actor behind ticket_manager.
///
/// What is held is in `tickets_`, and what is in flight are at most three operations: `refresh_`,
/// `validation_` and `renewal_`. A refresh or a validation counts only for the generation of the
/// identity that it was begun for.
class ticket_manager::impl final : public std::enable_shared_from_this<ticket_manager::impl>,
                                   private telemetry_source {
    struct refresh;

public:
    using failed_handler = std::function<void(const error_info&)>;

    /// What a caller wants: a valid ticket, a fresh one, or any but the rejected one.
    class get_options {
    public:
        enum class kind { valid, fresh, other };

        get_options(kind wants, time_point until, std::shared_ptr<ticket_tally> counted = nullptr)
            : what(wants), deadline(until), tally(std::move(counted)) {}
        get_options(secret refused, time_point until,
                    std::shared_ptr<ticket_tally> counted = nullptr)
            : what(kind::other), deadline(until), rejected(std::move(refused)),
              tally(std::move(counted)) {}

        kind what;
        time_point deadline;
        secret rejected;
        std::shared_ptr<ticket_tally> tally; // null: uncounted

        // Noted when the call begins, on the caller's thread:
        std::optional<std::uint64_t> clears; // how many clears preceded it
        std::shared_ptr<refresh> joined;     // the refresh in flight, if any
    };

    impl(const asio::any_io_executor& executor, auth_data auth,
         std::shared_ptr<ticket_source> source, std::shared_ptr<http_ticket_source> http,
         const ticket_config& config, ticket_manager_options options, environment_ptr environment);
    ~impl() { leave(); }
    /// With a source that asks that server.
    static std::shared_ptr<impl> over_http(const asio::any_io_executor& executor, auth_data auth,
                                           const std::string& server_url_text,
                                           const ticket_config& config,
                                           ticket_manager_options options,
                                           environment_ptr environment);

    // Any thread, any executor; as the public members of these names.
    static awaitable<ticket> get(std::shared_ptr<impl> self, get_options what);
    static awaitable<ticket_validation> validate(std::shared_ptr<impl> self);
    void start_renewal(renewed_handler on_renewed);
    void on_renewal_failed(failed_handler handler);
    void stop_renewal();
    bool is_valid() const;
    std::optional<std::chrono::milliseconds> expires_in() const;
    std::optional<std::chrono::system_clock::time_point> expires_at() const;
    void update_auth_data(auth_data_patch patch);
    void clear();
    ticket_snapshot snapshot() const;
    void shut_down() noexcept; ///< of a destructor: no handler is called any more, no caller waits

    /// The ticket that get would return without a request, if any. Any thread.
    std::optional<ticket> held_ticket() const;
    /// The last failure of the refresh in flight. Any thread.
    std::optional<error_info> refresh_error() const;

    // Strand only; for call_on_strand.
    static awaitable<void> give_up_refresh(std::shared_ptr<impl> self);
    static awaitable<void> stop(std::shared_ptr<impl> self);
    /// For calls from outside: ends the process when the context is gone.
    const detail::strand& where() const {
        context_->check("ticket_manager");
        return strand_;
    }

private:
    struct validation;
    class waiter;
    using ticket_result = result<ticket>;

    void add_counters(metric_readings&) const noexcept override {}
    void add_gauges(metric_readings& to) const noexcept override;
    moment now() const { return {clock_->now(), clock_->wall_now()}; }
    bool is_current(std::uint64_t generation) const;
    bool refreshing() const;
    void check_caller(std::uint64_t clears) const; // with the mutex
    void begin_generation(std::unique_lock<std::mutex> lock);
    void end_stale_operations();
    void retire() noexcept;
    void end_operations() noexcept;
    void operation_ended();

    // ticket_refresh.cpp
    std::optional<ticket> serve(get_options& what);
    static awaitable<ticket> wait_for_ticket(std::shared_ptr<impl> self, get_options what);
    bool out_of_time(const refresh& joined, time_point deadline) const;
    error_info no_ticket_in_time(const refresh& joined) const;
    std::shared_ptr<refresh> join_refresh(const get_options* what);
    void abandon_refresh();
    bool release(const refresh& ended) noexcept;
    static awaitable<ticket_result> run_refresh(std::shared_ptr<impl> self,
                                                std::shared_ptr<refresh> begun);
    static awaitable<ticket_result> obtain(std::shared_ptr<impl> self,
                                           std::shared_ptr<refresh> begun);
    static awaitable<ticket_result> attempt(std::shared_ptr<impl> self,
                                            std::shared_ptr<refresh> begun, unsigned number);
    static awaitable<ticket_result> fetch(std::shared_ptr<impl> self,
                                          std::shared_ptr<refresh> begun, unsigned number,
                                          time_point deadline);
    static awaitable<void> pause(std::shared_ptr<impl> self, std::shared_ptr<refresh> begun,
                                 error_info why, time_point until);
    void count_request(ticket_reason reason, request_result how, time_point begun) const;
    void keep(refresh& ended, const ticket& fresh);
    void fail(const refresh& ended, const error_info& why);

    // ticket_renewal.cpp
    void run_renewal();
    bool renewing() const;
    renewal_step next_renewal() const;
    static awaitable<void> renew(std::shared_ptr<impl> self);
    static awaitable<void> renew_once(std::shared_ptr<impl> self);
    void renewed(const ticket& fresh);
    void renewal_failed(const error_info& why);

    // ticket_validation.cpp
    static awaitable<ticket_validation> wait_for_verdict(std::shared_ptr<impl> self,
                                                         std::uint64_t clears);
    std::shared_ptr<validation> join_validation(std::uint64_t clears);
    static awaitable<result<ticket_validation>> run_validation(std::shared_ptr<impl> self,
                                                               std::shared_ptr<validation> begun);
    void abandon_validation();
    bool drop(const secret& refused);

    const detail::strand strand_;
    const std::shared_ptr<detail::context_watch> context_; // that of the strand
    reserved_post last_post_;                              // of the destructor
    const environment_ptr environment_;
    const std::shared_ptr<clock_source> clock_;
    const std::shared_ptr<ticket_source> source_;
    const std::shared_ptr<http_ticket_source> http_; // null: the source is the user's
    const ticket_config config_;
    const std::chrono::milliseconds validate_timeout_;
    const logger log_;

    // Strand only.
    redactor gate_; // for the texts of the source
    condition changed_;
    unsigned running_ = 0; // refreshes, requests and validations that have not ended
    std::shared_ptr<validation> validation_;                   // likewise
    std::shared_ptr<shared_awaitable<ticket_result>> request_; // the last one made to the source
    std::shared_ptr<shared_awaitable<void>> renewal_;
    verdict_cache verdicts_;

    // Any thread. The mutex is never held across a suspension, nor while foreign code runs.
    mutable std::mutex mutex_;
    std::shared_ptr<const auth_data> auth_;
    ticket_fsm tickets_;
    std::shared_ptr<refresh> refresh_; // in flight, else null; written on the strand
    ticket_snapshot counts_;           // without what the clock, `tickets_` and `refresh_` know
    std::uint64_t clears_ = 0;
    bool stopped_ = false;
    std::shared_ptr<const renewed_handler> on_renewed_; // null: no renewal
    std::shared_ptr<const failed_handler> on_renewal_failed_;
};

/// One refresh with all its attempts.
struct ticket_manager::impl::refresh {
    ticket_reason reason;
    std::optional<secret> replaces;
    std::uint64_t generation = 0;
    std::shared_ptr<const auth_data> auth;
    std::shared_ptr<ticket_tally> tally; // of the client that began it

    std::shared_ptr<shared_awaitable<ticket_result>> outcome;
    time_point paused_until = time_point::min(); // between two attempts
    std::optional<error_info> failure;           // of the last attempt; written with the mutex
    std::atomic<unsigned> waiters{0};
    bool held = false;    // its ticket was kept for later callers
    bool claimed = false; // its single-use ticket was given to a waiter
};

/// A caller, or the renewal, that waits for a refresh: counted as long as this lives.
class ticket_manager::impl::waiter {
public:
    explicit waiter(refresh& joined) : joined_(joined) { ++joined_.waiters; }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    ~waiter() { --joined_.waiters; }

private:
    refresh& joined_;
};

/// One question to the server about the held ticket.
struct ticket_manager::impl::validation {
    secret value;
    std::uint64_t generation = 0;
    std::shared_ptr<const auth_data> auth;
    std::shared_ptr<shared_awaitable<result<ticket_validation>>> outcome;
};

} // namespace parley
