#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/export.hpp>
#include <parley/fwd.hpp>
#include <parley/ticket.hpp>
#include <parley/ticket_source.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace parley {

/// The server's answer about the held ticket.
struct ticket_validation {
    bool valid = false;     ///< false drops it
    std::string error;      ///< the server's words, shortened and escaped
    std::string code;       ///< the same
    bool retryable = false; ///< whether the server would be asked again
    bool expired = false;   ///< as the server says
    bool revoked = false;   ///< as the server says
    std::string reason;     ///< the server's words, shortened and escaped
};

/// A snapshot of the held ticket and of the refreshes so far.
struct ticket_snapshot {
    bool valid = false;                                              ///< as is_valid()
    std::optional<std::chrono::milliseconds> expires_in;             ///< as expires_in()
    std::optional<std::chrono::milliseconds> lifetime;               ///< when it arrived
    std::optional<std::chrono::system_clock::time_point> expires_at; ///< as expires_at()
    std::uint64_t requests = 0;           ///< made to the source, retries included
    std::uint64_t refreshes = 0;          ///< that brought a ticket
    std::uint64_t failures = 0;           ///< refreshes that brought none
    unsigned waiters = 0;                 ///< callers that wait for the refresh in flight
    bool in_flight = false;               ///< a refresh is on
    std::optional<error_info> last_error; ///< of the last refresh, if it failed
};

/// Settings of a ticket_manager that are not its policy.
struct ticket_manager_options {
    connection_config connection; ///< TLS, proxy, headers and timeouts of HTTP
    std::chrono::milliseconds validate_timeout{10'000}; ///< of validate_with_server(), in all
    log_sink log;                                       ///< default: nothing is logged
    log_level log_threshold = log_level::info;          ///< less severe lines are dropped

    /// Counts what the manager does, beside others that were given the same one; default: nothing
    /// is counted.
    std::shared_ptr<parley::telemetry> telemetry;
};

/// The one source of truth for tickets: N callers, one request, one outcome for all.
///
/// @code
/// awaitable<void> serve(asio::any_io_executor executor, std::string server, std::string token) {
///     auth_data auth;
///     auth.user_mp_auth_token = secret(token);
///     ticket_manager tickets(executor, auth, server);
///     tickets.start_proactive_renewal(); // from now on nobody waits for a ticket
///     try {
///         ticket held = co_await tickets.get_valid_ticket(); // the held one, or joins the request
///         const ticket_validation said = co_await tickets.validate_with_server();
///         if (!said.valid) held = co_await tickets.get_valid_ticket();
///     } catch (const authentication_error& refused) {
///         std::cerr << refused.what() << '\n'; // says who refused and why, and no secret
///     }
///     co_await tickets.stop(); // nothing is left running
/// }
/// @endcode
///
/// @par Thread safety   every member may be called from any thread, at the same time
/// @par Lifetime        destroying it never blocks, also from one of its handlers: callers that
/// still
///                      wait get `operation_aborted`, and no handler is called any more. Destroy it
///                      before its execution context.
class PARLEY_EXPORT ticket_manager {
public:
    /// Receives the new ticket.
    using renewed_handler = std::function<void(const ticket&)>;

    /// Fetches by HTTP (doc/protocol.md 1.3) from the server at that URL, whose WebSocket form will
    /// do.
    ///
    /// Everything runs on a strand of `executor`, or on `executor` itself when it is a
    /// `strand<any_io_executor>`. No request is made before a caller needs a ticket.
    ///
    /// @par Errors   throws `client_error`: `invalid_configuration` for settings that
    ///               cannot work, for an empty executor, and for a URL that is malformed or that is
    ///               plain text beyond loopback; `invalid_header` for a token, key or header that
    ///               HTTP cannot carry; `invalid_utf8`. The field is named, its value is not.
    /// @param environment   clock, randomness and network; default: the real ones
    ticket_manager(asio::any_io_executor executor, auth_data auth, std::string server_url,
                   ticket_config config = {}, ticket_manager_options options = {},
                   environment_ptr environment = nullptr);

    /// Fetches from a source of the service's own.
    ///
    /// `options.connection` is not used. validate_with_server() fails: there is no server to ask.
    ///
    /// @par Errors     throws `client_error` as above; `invalid_configuration` for no source
    /// @par Lifetime   the source is kept as long as one of its requests is in flight
    ticket_manager(asio::any_io_executor executor, auth_data auth,
                   std::shared_ptr<ticket_source> source, ticket_config config = {},
                   ticket_manager_options options = {}, environment_ptr environment = nullptr);
    ticket_manager(const ticket_manager&) = delete;
    ticket_manager& operator=(const ticket_manager&) = delete;
    ~ticket_manager();

    /// The held ticket while it is valid, at once; else the outcome of the one refresh in flight,
    /// which is started if there is none.
    ///
    /// A ticket that arrives with less than `validity_buffer` left is given to its waiters, once,
    /// and never causes a second request (doc/protocol.md 1.4). A single-use ticket is given to one
    /// waiter, and each other waiter gets one of its own.
    ///
    /// It waits at most (1 + max_retries) × request_timeout and the backoff between the attempts.
    /// Once no caller waits any more, the attempt in flight is finished and its ticket kept, but no
    /// other attempt is made.
    ///
    /// @par Completion     on the caller's executor; without suspending when a valid ticket is held
    /// @par Errors         `ticket_error`, among them `ticket_cleared` after clear(); for 401 and
    ///                     403, `authentication_error`; `operation_aborted` when cancelled, stopped
    ///                     or destroyed; never others
    /// @par Cancellation   terminal, partial, total: this caller leaves at once; the refresh and
    /// the
    ///                     other callers go on
    awaitable<ticket> get_valid_ticket();

    /// The same with a deadline of the caller's.
    ///
    /// At the deadline the caller leaves, and the refresh goes on for the others. A pause between
    /// two attempts that would outlast the deadline (the backoff, a long `Retry-After`) is not
    /// waited for: the caller gets the error of the last attempt at once.
    ///
    /// @par Completion     as get_valid_ticket(); a held ticket is given even after the deadline
    /// @par Errors         also `ticket_error` (`ticket_timeout`) at the deadline, when no attempt
    ///                     has failed before it
    /// @par Cancellation   as get_valid_ticket()
    awaitable<ticket> get_valid_ticket(std::chrono::steady_clock::time_point deadline);

    /// Joins or starts a refresh even while a valid ticket is held.
    ///
    /// If it fails, the held ticket stays.
    ///
    /// @par Completion     on the caller's executor, with the outcome that all callers of this
    /// refresh get
    /// @par Errors         as get_valid_ticket()
    /// @par Cancellation   as get_valid_ticket()
    awaitable<ticket> refresh_ticket();

    /// A ticket other than `rejected`, which the server rejected: the one held by now, else as
    /// refresh_ticket().
    ///
    /// The rejected one is dropped at once, also when this caller is cancelled later.
    ///
    /// @par Completion     on the caller's executor; without suspending when another is held
    /// @par Errors         as get_valid_ticket()
    /// @par Cancellation   as get_valid_ticket()
    awaitable<ticket> replace_ticket(ticket rejected);
    /// The same with the caller's deadline, which is that of get_valid_ticket().
    awaitable<ticket> replace_ticket(ticket rejected,
                                     std::chrono::steady_clock::time_point deadline);

    /// Asks the server about the held ticket (doc/protocol.md 1.5).
    ///
    /// `valid: false` drops the ticket. A failed request throws, says nothing about the ticket, and
    /// is not tried again. Definitive answers are remembered for 30 s per ticket, and concurrent
    /// callers share one request. A caller whose ticket is replaced meanwhile gets the answer about
    /// the new one.
    ///
    /// @par Completion     on the caller's executor, at the latest `validate_timeout` after the
    ///                     request began
    /// @par Errors         `ticket_error`: `ticket_absent` when none is held, `ticket_cleared`
    ///                     after clear(), `ticket_source_failed` when the tickets come from a
    ///                     source of the service's own, or the error of the exchange; for 401
    ///                     and 403, `authentication_error`; `operation_aborted` when cancelled,
    ///                     stopped or destroyed; never others
    /// @par Cancellation   terminal, partial, total: this caller leaves, the request and the other
    ///                     callers go on
    awaitable<ticket_validation> validate_with_server();

    /// Renews the held ticket before it expires, until stop_proactive_renewal().
    ///
    /// The held ticket is checked every min(`check_interval`, lifetime / 10) ± 10 %, and renewed
    /// when less than min(`renewal_threshold`, lifetime / 3) is left. While none is held, no
    /// request is made. A renewal that fails leaves the held ticket and is tried again by the
    /// backoff.
    ///
    /// Called again, it replaces the handler. `on_renewed` runs on the executor given to the
    /// constructor, one call at a time. An exception of the handler is logged and ends nothing; the
    /// handler may call any member, and may destroy the manager.
    ///
    /// @par Lifetime   objects that `on_renewed` refers to must live until
    /// stop_proactive_renewal(), called
    ///                 on the executor it runs on, or until stop() has completed
    void start_proactive_renewal(renewed_handler on_renewed = {});

    /// Sets the handler of renewals that failed with all their retries; empty for none.
    ///
    /// Runs where and as `on_renewed` does.
    void on_renewal_failed(std::function<void(const error_info&)> handler);

    /// Ends the renewal at once: its request in flight is finished and the ticket kept, and no
    /// handler is called for it. Idempotent.
    void stop_proactive_renewal();

    /// True while more than `validity_buffer` is left of a held ticket, on the steady clock and on
    /// the wall clock. Never blocks.
    bool is_valid() const;
    /// Until the held ticket expires; 0 once it has, nullopt when none is held. Never blocks.
    std::optional<std::chrono::milliseconds> expires_in() const;
    /// When it does, by the server's clock; nullopt when none is held. Never blocks.
    std::optional<std::chrono::system_clock::time_point> expires_at() const;

    /// Changes the identity and drops the ticket; a request in flight is thrown away, and its
    /// callers join one for the new identity.
    ///
    /// Once it has returned, no caller gets an answer that was requested for the old identity.
    ///
    /// @par Errors   throws `client_error`, and nothing changes: `invalid_header` for a token or
    ///               key that HTTP cannot carry, `invalid_utf8`. The field is named, its value not.
    void update_auth_data(auth_data_patch patch);

    /// Drops the ticket; callers that wait get `ticket_cleared`. Later calls start anew.
    void clear();

    /// A consistent snapshot. Never blocks.
    ticket_snapshot snapshot() const;

    /// Abandons the refresh in flight: its waiters get `operation_aborted`. The held ticket stays,
    /// and later calls start anew.
    ///
    /// @par Completion     on the caller's executor, when no request is in flight any more; see
    ///                     stop()
    /// @par Errors         `operation_aborted` when cancelled; never others
    /// @par Cancellation   terminal, partial, total: this caller leaves; the tasks still end
    awaitable<void> give_up_refresh();

    /// Ends every task of this manager. Callers that wait get `operation_aborted`, and so do later
    /// calls. Idempotent.
    ///
    /// @par Completion     on the caller's executor, when no task is left and no handler is called
    ///                     any more. A source that takes no notice of its cancellation is waited
    ///                     for.
    /// @par Errors         `operation_aborted` when cancelled; never others
    /// @par Cancellation   terminal, partial, total: this caller leaves; the tasks still end
    awaitable<void> stop();

    class impl;
    /// The implementation, which a chat_client shares. Not for applications.
    const std::shared_ptr<impl>& implementation() const noexcept { return impl_; }

private:
    std::shared_ptr<impl> impl_;
};

} // namespace parley
