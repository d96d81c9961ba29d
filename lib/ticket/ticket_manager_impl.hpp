#pragma once

#include <parley/detail/on_strand.hpp>
#include <parley/ticket_manager.hpp>

#include "async/condition.hpp"
#include "async/flight.hpp"
#include "async/task_group.hpp"
#include "core/log.hpp"
#include "policy/ticket_fsm.hpp"
#include "ticket/http_ticket_source.hpp"
#include "transport/environment.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

namespace parley {

/// The actor behind ticket_manager. What callers read and change at once, on their own threads, is
/// behind `mutex_`, which is never held across a suspension nor while foreign code runs; all else
/// belongs to the strand.
///
/// Three kinds of task: a refresh (one at a time that counts, and older ones that have been told to
/// end), each of its attempts, and a validation. `running_` counts them all, for stop. The renewal
/// is the only task of `tasks_`.
class ticket_manager::impl : public std::enable_shared_from_this<ticket_manager::impl> {
public:
    using failed_handler = std::function<void(const error_info&)>;

    /// What a caller wants: a valid ticket, a new one, or any but the rejected one.
    class demand {
    public:
        enum class kind { valid, fresh, other };

        demand(kind of, time_point until) : what(of), deadline(until) {}
        demand(secret refused, time_point until)
            : what(kind::other), deadline(until), rejected(std::move(refused)) {}

        kind what;
        time_point deadline;
        secret rejected;
        std::optional<std::uint64_t> clears; // how often it had been cleared when he asked
    };

    impl(const asio::any_io_executor& executor, auth_data auth,
         std::shared_ptr<ticket_source> source, std::shared_ptr<http_ticket_source> http,
         const ticket_config& config, ticket_manager_options options, environment_ptr environment);

    // Any thread.
    static awaitable<ticket> get(std::shared_ptr<impl> self, demand what);
    static awaitable<ticket_validation> validate(std::shared_ptr<impl> self);
    static awaitable<void> give_up_refresh(std::shared_ptr<impl> self);
    static awaitable<void> stop(std::shared_ptr<impl> self);
    void start_renewal(renewed_handler on_renewed);
    void on_renewal_failed(failed_handler handler);
    void stop_renewal();
    bool is_valid() const;
    std::optional<std::chrono::milliseconds> expires_in() const;
    std::optional<std::chrono::system_clock::time_point> expires_at() const;
    void update_auth_data(auth_data_patch patch);
    void clear();
    ticket_snapshot snapshot() const;
    void shut_down_later();

private:
    struct refresh;
    struct validation;
    struct verdict; // an answer that is remembered
    class waiting;

    moment now() const { return {clock_->now(), clock_->wall_now()}; }
    [[noreturn]] static void abort();
    void check_caller(std::uint64_t clears) const; // with the mutex

    // ticket_refresh.cpp: the one flight
    std::optional<ticket> serve(demand& what);
    static awaitable<ticket> cross(std::shared_ptr<impl> self, demand what);
    static awaitable<ticket> obtain(std::shared_ptr<impl> self, demand what);
    std::shared_ptr<refresh> join_refresh(std::optional<ticket_reason> reason);
    static awaitable<void> wait_for(std::shared_ptr<impl> self, std::shared_ptr<refresh> joined,
                                    time_point deadline);
    static awaitable<void> perform(std::shared_ptr<impl> self, std::shared_ptr<refresh> flying);
    static awaitable<void> make_attempts(std::shared_ptr<impl> self,
                                         std::shared_ptr<refresh> flying);
    static awaitable<result<ticket>> attempt(std::shared_ptr<impl> self,
                                             std::shared_ptr<refresh> flying, unsigned number);
    static awaitable<ticket> fetch(std::shared_ptr<impl> self, ticket_request request);
    void arrive(const std::shared_ptr<refresh>& flying, ticket fresh);
    void fail(const std::shared_ptr<refresh>& flying, error_info why);
    void land(const std::shared_ptr<refresh>& flying);
    void supersede();
    void follow_identity();
    static awaitable<void> end_refresh(std::shared_ptr<impl> self);
    static awaitable<void> end_all(std::shared_ptr<impl> self);
    void shut_down();
    template <class T, class Operation>
    std::shared_ptr<flight<T>> launch(Operation operation);
    void task_ended();

    // ticket_upkeep.cpp: renewal and validation
    void run_renewal();
    bool renewing() const;
    renewal_step next_renewal() const;
    static awaitable<void> renew(std::shared_ptr<impl> self);
    static awaitable<void> renew_once(std::shared_ptr<impl> self);
    void renewed(const ticket& fresh);
    void renewal_failed(const error_info& why);
    static awaitable<ticket_validation> cross_to_validate(std::shared_ptr<impl> self,
                                                          std::uint64_t clears);
    static awaitable<ticket_validation> ask_server(std::shared_ptr<impl> self,
                                                   std::uint64_t clears);
    std::shared_ptr<validation> join_validation(std::uint64_t clears);
    static awaitable<result<ticket_validation>>
    perform_validation(std::shared_ptr<impl> self, std::shared_ptr<validation> flying);
    bool still_counts(const validation& landed) const;
    void give_up_validation();
    std::optional<ticket_validation> remembered(const secret& value);
    void remember(const secret& value, const ticket_validation& answer);
    void drop(const validation& refused);

    const detail::strand strand_;
    const environment_ptr environment_;
    const std::shared_ptr<clock_source> clock_;
    const std::shared_ptr<ticket_source> source_;
    const std::shared_ptr<http_ticket_source> http_; // null when the source is not ours
    const ticket_config config_;
    const std::chrono::milliseconds validate_timeout_;
    const logger log_;

    // Strand only.
    task_group tasks_;
    condition idle_;
    condition renewal_changed_;
    unsigned running_ = 0;
    bool renewal_running_ = false;
    std::shared_ptr<refresh> refresh_;
    std::shared_ptr<validation> validation_;
    std::list<verdict> verdicts_;

    mutable std::mutex mutex_; // guards the rest
    std::shared_ptr<const auth_data> auth_;
    ticket_fsm tickets_;
    ticket_snapshot counts_; // but for what the clock and `tickets_` say
    std::uint64_t clears_ = 0;
    bool stopped_ = false;
    std::shared_ptr<const renewed_handler> on_renewed_; // null: no renewal
    std::shared_ptr<const failed_handler> on_renewal_failed_;
};

/// One refresh, with all its attempts: what those who wait for it look at. Strand only.
struct ticket_manager::impl::refresh {
    refresh(const impl& of, ticket_reason why, std::uint64_t born,
            std::shared_ptr<const auth_data> identity)
        : reason(why), generation(born), auth(std::move(identity)), changed(of.strand_, of.clock_) {
    }

    bool over() const noexcept { return landed || superseded; }

    const ticket_reason reason;
    const std::uint64_t generation;
    const std::shared_ptr<const auth_data> auth;
    condition changed;                  // over, or about to pause
    std::shared_ptr<flight<void>> task; // for its cancellation alone
    unsigned waiters = 0;
    bool superseded = false; // the identity has changed, or the manager has stopped
    bool given_up = false;   // and whoever waited is told so
    bool landed = false;
    bool kept = false;    // its ticket is held now
    bool claimed = false; // a single-use ticket has found its user
    std::optional<ticket> value;
    std::optional<error_info> error;
    std::optional<error_info> last_error;        // of the attempts so far
    time_point paused_until = time_point::min(); // the next attempt begins then
};

struct ticket_manager::impl::validation {
    secret value;
    std::uint64_t generation = 0;
    std::shared_ptr<const auth_data> auth;
    std::shared_ptr<flight<result<ticket_validation>>> task;
    bool given_up = false;
};

struct ticket_manager::impl::verdict {
    secret value;
    ticket_validation answer;
    time_point until;
};

/// Starts one of the tasks that stop waits for; it says task_ended when it ends.
template <class T, class Operation>
std::shared_ptr<flight<T>> ticket_manager::impl::launch(Operation operation) {
    ++running_;
    try {
        return flight<T>::start(strand_, clock_, std::move(operation));
    } catch (...) { // no memory: it has not started
        task_ended();
        throw;
    }
}

/// Somebody waits for a refresh, as long as this lives.
class ticket_manager::impl::waiting {
public:
    waiting(std::shared_ptr<impl> owner, std::shared_ptr<refresh> joined);
    waiting(const waiting&) = delete;
    waiting& operator=(const waiting&) = delete;
    ~waiting();

private:
    void add(int number);

    std::shared_ptr<impl> owner_;
    std::shared_ptr<refresh> joined_;
};

} // namespace parley
