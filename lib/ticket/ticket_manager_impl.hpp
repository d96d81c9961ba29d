#pragma once

#include <parley/detail/on_strand.hpp>
#include <parley/ticket_manager.hpp>

#include "async/condition.hpp"
#include "async/reserved_post.hpp"
#include "async/shared_awaitable.hpp"
#include "async/task_group.hpp"
#include "core/log.hpp"
#include "core/redactor.hpp"
#include "dialect/parley/http_ticket_source.hpp"
#include "policy/retry_fsm.hpp"
#include "policy/ticket_fsm.hpp"
#include "ticket/ticket_tally.hpp"
#include "transport/environment.hpp"

#include <boost/intrusive/set.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
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
/// Two kinds of task: a request to the source (one at a time that counts, and older ones that have
/// been told to end), and a validation. `running_` counts them all, for stop. The renewal is the
/// only task of `tasks_`.
class ticket_manager::impl : public std::enable_shared_from_this<ticket_manager::impl> {
public:
    using failed_handler = std::function<void(const error_info&)>;

    /// What a caller wants: a valid ticket, a new one, or any but the rejected one.
    class demand {
    public:
        enum class kind { valid, fresh, other };

        demand(kind of, time_point until, tally_ptr counted)
            : what(of), deadline(until), tally(std::move(counted)) {}
        demand(secret refused, time_point until, tally_ptr counted)
            : what(kind::other), deadline(until), rejected(std::move(refused)),
              tally(std::move(counted)) {}

        kind what;
        time_point deadline;
        secret rejected;
        tally_ptr tally;                     // of the client that asks; null: uncounted
        std::optional<std::uint64_t> clears; // how often it had been cleared when he asked
        std::uint64_t seen = 0;              // what there was when he looked, as `changes_`
    };

    impl(const asio::any_io_executor& executor, auth_data auth,
         std::shared_ptr<ticket_source> source, std::shared_ptr<http_ticket_source> http,
         const ticket_config& config, ticket_manager_options options, environment_ptr environment);

    // Any thread.
    static awaitable<ticket> get(std::shared_ptr<impl> self, demand what);
    static awaitable<ticket> get_there(std::shared_ptr<impl> self, demand what);
    static awaitable<ticket_validation> validate(std::shared_ptr<impl> self);
    static awaitable<void> give_up_refresh(std::shared_ptr<impl> self);
    static awaitable<void> stop(std::shared_ptr<impl> self);
    void start_renewal(renewed_handler on_renewed);
    void on_renewal_failed(failed_handler handler);
    void stop_renewal();
    bool is_valid() const;
    std::optional<ticket> at_hand() const;
    std::optional<error_info> trouble() const;
    std::optional<std::chrono::milliseconds> expires_in() const;
    std::optional<std::chrono::system_clock::time_point> expires_at() const;
    void update_auth_data(auth_data_patch patch);
    void clear();
    ticket_snapshot snapshot() const;
    void shut_down_later() noexcept;

private:
    struct refresh;
    struct validation;
    struct verdict; // an answer that is remembered
    struct home;    // of callers
    class caller;
    template <class Handler>
    class parked_caller;
    struct outcome;
    class way_home;
    struct earlier;
    class waiting;
    using caller_ptr = std::shared_ptr<caller>;
    class callers;

    moment now() const { return {clock_->now(), clock_->wall_now()}; }
    [[noreturn]] static void abort();
    void check_caller(std::uint64_t clears) const; // with the mutex

    // ticket_waiting.cpp: who waits for the one flight
    std::optional<ticket> serve(demand& what);
    static auto wait(impl* self, const demand* what);
    void join(const caller_ptr& who, const asio::any_io_executor& executor, const demand& what);
    void leave(caller& who);
    error_info out_of_callers_time(const refresh& flying) const;
    time_point see_off(refresh& flying);
    bool wanted(const refresh& flying) const;
    callers release(refresh& flying);
    static void send_home(callers all, const std::shared_ptr<refresh>& landed);

    // ticket_refresh.cpp: how it is flown
    std::shared_ptr<refresh> begin_refresh(ticket_reason reason, const demand* of);
    void depart(const std::shared_ptr<refresh>& flying);
    void move_on(const std::shared_ptr<refresh>& flying);
    void watch(const std::shared_ptr<refresh>& flying);
    void ask(const std::shared_ptr<refresh>& flying);
    static awaitable<void> fetch(std::shared_ptr<impl> self, std::shared_ptr<refresh> flying,
                                 time_point deadline);
    void fetched(const std::shared_ptr<refresh>& flying, std::uint64_t request,
                 std::optional<ticket> fresh, const std::exception_ptr& failed);
    void let_next(std::uint64_t request);
    void give_up_attempt(const std::shared_ptr<refresh>& flying);
    void attempt_failed(const std::shared_ptr<refresh>& flying, error_info why);
    void arrive(const std::shared_ptr<refresh>& flying, ticket fresh);
    void fail(const std::shared_ptr<refresh>& flying, error_info why);
    void fail_inside(const std::shared_ptr<refresh>& flying, const std::exception_ptr& thrown);
    callers land(refresh& flying);
    void begin_generation(std::unique_lock<std::mutex> held);
    std::shared_ptr<refresh> supersede(callers& woken);
    void abandon(const std::shared_ptr<refresh>& old);
    void follow_identity();
    static awaitable<void> end_refresh(std::shared_ptr<impl> self);
    static awaitable<void> end_all(std::shared_ptr<impl> self);
    std::shared_ptr<refresh> retire();
    void end_tasks(const std::shared_ptr<refresh>& old);
    template <class T, class Operation>
    std::shared_ptr<shared_awaitable<T>> launch(Operation operation);
    void task_ended();

    // ticket_upkeep.cpp: renewal and validation
    void run_renewal();
    bool renewing() const;
    renewal_step next_renewal() const;
    static awaitable<void> renew(std::shared_ptr<impl> self);
    static awaitable<void> renew_once(std::shared_ptr<impl> self);
    std::shared_ptr<refresh> current() const;
    std::shared_ptr<refresh> join_for_renewal();
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

    /// For whoever calls from outside: ends the process when the context is gone.
    const detail::strand& where() const {
        context_->check("ticket_manager");
        return strand_;
    }

    const detail::strand strand_;
    const std::shared_ptr<detail::context_watch> context_; // that of the strand
    reserved_post last_post_;                              // of the destructor
    const environment_ptr environment_;
    const std::shared_ptr<clock_source> clock_;
    const std::shared_ptr<ticket_source> source_;
    const std::shared_ptr<http_ticket_source> http_; // null when the source is not ours
    const ticket_config config_;
    const std::chrono::milliseconds validate_timeout_;
    const logger log_;

    // Strand only.
    redactor gate_; // of all that a source throws
    task_group tasks_;
    condition idle_;
    condition renewal_changed_;
    unsigned running_ = 0;
    bool renewal_running_ = false;
    std::uint64_t requests_ = 0; // made to the source
    bool asking_ = false;        // the last of them is on
    std::shared_ptr<validation> validation_;
    std::list<verdict> verdicts_;

    mutable std::mutex mutex_; // guards the rest
    std::shared_ptr<const auth_data> auth_;
    ticket_fsm tickets_;
    ticket_snapshot counts_; // but for what the clock and `tickets_` say
    std::uint64_t clears_ = 0;
    std::uint64_t changes_ = 0; // of whatever decides what a caller gets
    bool stopped_ = false;
    // Kept by what the context runs for it alone: the context frees that, and with it whoever waits
    // (doc/pitfalls.md P19).
    std::weak_ptr<refresh> refresh_;
    std::shared_ptr<const renewed_handler> on_renewed_; // null: no renewal
    std::shared_ptr<const failed_handler> on_renewal_failed_;
};

/// The executor of callers who wait, with work on it as long as there is one.
struct ticket_manager::impl::home {
    explicit home(const asio::any_io_executor& on);

    const asio::any_io_executor executor;
    const asio::any_io_executor at_work;
};

/// Who waits for a refresh, on whatever executor: no coroutine of ours, and no timer. With the
/// manager's mutex, but for `complete`.
class ticket_manager::impl::caller : public boost::intrusive::set_base_hook<> {
public:
    explicit caller(time_point until) : deadline(until) {}
    caller(const caller&) = delete;
    caller& operator=(const caller&) = delete;
    virtual ~caller();

    /// On his executor: all that is left of him.
    virtual void complete(std::shared_ptr<refresh> landed) = 0;

    const time_point deadline;
    std::shared_ptr<const home> at;
    std::weak_ptr<refresh> joined; // none: he is on the way home
    caller_ptr self;               // while he is one of `callers`
    caller_ptr next;               // on the way home
    std::exception_ptr why;        // he gets nothing
};

struct ticket_manager::impl::earlier {
    bool operator()(const caller& one, const caller& other) const noexcept {
        return one.deadline < other.deadline;
    }
};

/// By deadline, then by age.
class ticket_manager::impl::callers
    : public boost::intrusive::multiset<caller, boost::intrusive::compare<earlier>> {
public:
    callers() = default;
    callers(callers&& other) noexcept : multiset(std::move(other)) {}
    callers& operator=(callers&&) = default;
    ~callers() {
        clear_and_dispose([](caller* gone) { const auto last = std::move(gone->self); });
    }
};

/// One refresh, with all its attempts: what those who wait for it look at.
struct ticket_manager::impl::refresh {
    enum class state { under_way, landed, superseded };
    enum class step { queued, asking, pausing };

    refresh(const impl& of, ticket_reason why, std::optional<secret> old, std::uint64_t born,
            std::shared_ptr<const auth_data> identity)
        : reason(why), replaces(std::move(old)), generation(born), auth(std::move(identity)),
          retry(of.config_.max_retries, of.config_.backoff) {}

    bool over() const noexcept { return now != state::under_way; }

    const ticket_reason reason;
    const std::optional<secret> replaces;
    const std::uint64_t generation;
    const std::shared_ptr<const auth_data> auth;

    // Strand only.
    retry_fsm retry;
    step at = step::queued;
    time_point until = time_point::max(); // what it is at lasts no longer
    std::uint64_t request = 0;            // the one that counts
    std::unique_ptr<alarm> bell;          // for `until`, or a deadline that is near; else none
    std::shared_ptr<shared_awaitable<void>> task; // for its cancellation alone

    // Written on the strand, with the manager's mutex.
    std::optional<error_info> last_error; // of the attempts so far

    // Written with the manager's mutex.
    std::atomic<state> now = state::under_way; // superseded: the identity has changed, or the end
    callers parked;
    tally_ptr tally;                        // of the client that began it
    std::weak_ptr<const home> newest;       // of the last who came
    time_point watched = time_point::min(); // the first deadline that the strand knows of
    unsigned waiters = 0;                   // those who are parked, and the renewal

    // Written before it lands.
    bool kept = false; // its ticket is held now
    std::optional<ticket> value;
    std::optional<error_info> error;
    std::atomic<bool> claimed = false; // a single-use ticket has found its user
};

struct ticket_manager::impl::validation {
    secret value;
    std::uint64_t generation = 0;
    std::shared_ptr<const auth_data> auth;
    std::shared_ptr<shared_awaitable<result<ticket_validation>>> task;
    bool given_up = false;
};

struct ticket_manager::impl::verdict {
    secret value;
    ticket_validation answer;
    time_point until;
};

/// Starts one of the tasks that stop waits for; it says task_ended when it ends.
template <class T, class Operation>
std::shared_ptr<shared_awaitable<T>> ticket_manager::impl::launch(Operation operation) {
    ++running_;
    try {
        return shared_awaitable<T>::start(strand_, clock_, std::move(operation));
    } catch (...) { // no memory: it has not started
        task_ended();
        throw;
    }
}

/// The renewal waits for a refresh, as long as this lives.
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
