#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
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

/// What the server says of the held ticket.
struct ticket_validation {
    bool valid = false;
    std::string error; ///< the server's words, shortened and escaped
    std::string code;
    bool retryable = false;
    bool expired = false;
    bool revoked = false;
    std::string reason;
};

/// What is known of the ticket and of how it was had, as a snapshot.
struct ticket_snapshot {
    bool valid = false;
    std::optional<std::chrono::milliseconds> expires_in;
    std::optional<std::chrono::system_clock::time_point> expires_at;
    std::uint64_t requests = 0;  ///< asked of the source, retries included
    std::uint64_t refreshes = 0; ///< that brought a ticket
    std::uint64_t failures = 0;  ///< refreshes that brought none
    unsigned waiters = 0;        ///< callers that wait for the one in flight
    bool in_flight = false;
    std::optional<error_info> last_error;
};

/// Settings of a ticket_manager that are not its policy.
struct ticket_manager_options {
    connection_config connection; ///< TLS, proxy, headers and timeouts of the HTTP exchange
    std::chrono::milliseconds validate_timeout{10'000};
    log_sink log;
    log_level log_threshold = log_level::info;
};

/// The one source of truth for tickets: N callers, one request, one outcome for all.
///
///     ticket_manager tickets{executor, auth, "https://chat.example"};
///     ticket held = co_await tickets.get_valid_ticket();   // the held one, or joins the refresh
///
/// Thread safety: every member may be called from any thread. Awaitables resume on the caller's
/// executor. Destroying it never blocks; whoever still waits gets `operation_aborted`. It must go
/// before its execution context does.
class ticket_manager {
public:
    using renewed_handler = std::function<void(const ticket&)>;

    /// Fetches by HTTP (PROTOCOL.md 1). Throws `client_error` for what is wrong in the settings.
    /// Everything runs on a strand of `executor`, or on `executor` itself when it is a
    /// `strand<any_io_executor>`.
    ticket_manager(asio::any_io_executor executor, auth_data auth, std::string server_url,
                   ticket_config config = {}, ticket_manager_options options = {},
                   environment_ptr environment = nullptr);
    /// Fetches from `source`.
    ticket_manager(asio::any_io_executor executor, auth_data auth,
                   std::shared_ptr<ticket_source> source, ticket_config config = {},
                   ticket_manager_options options = {}, environment_ptr environment = nullptr);
    ticket_manager(const ticket_manager&) = delete;
    ticket_manager& operator=(const ticket_manager&) = delete;
    ~ticket_manager();

    /// The held ticket while it is valid, at once; else the outcome of the one refresh in flight,
    /// which is started if there is none.
    ///
    /// A ticket that arrives with less than `validity_buffer` left is given to those who waited for
    /// it, once, and never causes a second request (PROTOCOL.md 1).
    ///
    /// @par Completion    on the caller's executor; without suspending when a valid ticket is held
    /// @par Errors        `ticket_error`, `authentication_error`; `ticket_cleared` after `clear()`;
    ///                    `operation_aborted` when cancelled or stopped
    /// @par Cancellation  any type; this caller leaves, the flight and the others go on
    /// @par Deadline      (1 + max_retries) × request_timeout and the backoff between them. Once
    ///                    nobody waits any more, an attempt that is on is finished and its ticket
    ///                    kept, but no other is made.
    awaitable<ticket> get_valid_ticket();

    /// The same for a caller who has until `deadline`, whatever he wants the ticket for: at it he
    /// leaves, and the flight goes on for the others. A pause between two attempts that would
    /// outlast it (the backoff, a long `Retry-After`) is not waited for: he gets the error of the
    /// last attempt at once.
    ///
    /// @par Errors        also `ticket_error` (`ticket_timeout`) at the deadline, when no attempt
    ///                    has failed before it
    awaitable<ticket> get_valid_ticket(std::chrono::steady_clock::time_point deadline);

    /// Like get_valid_ticket, but joins or starts a refresh even while a valid ticket is held. If
    /// it fails, the held ticket stays.
    awaitable<ticket> refresh_ticket();

    /// Like refresh_ticket, for a ticket that the server did not take: when another one is held by
    /// now, that one is returned without a request. The rejected one is dropped at once.
    awaitable<ticket> replace_ticket(ticket rejected);
    /// The same with the caller's deadline, which is that of get_valid_ticket.
    awaitable<ticket> replace_ticket(ticket rejected,
                                     std::chrono::steady_clock::time_point deadline);

    /// Asks the server about the held ticket (PROTOCOL.md 1). `valid: false` drops it; a failed
    /// request throws and says nothing about the ticket. Definitive answers are remembered for 30 s
    /// per ticket, and concurrent callers share one request. It is made once, without a retry.
    ///
    /// @par Errors        `ticket_error`, also when no ticket is held, after `clear()`, and when
    /// the
    ///                    tickets come from a source of the service's own, which has no server to
    ///                    ask; `authentication_error`
    /// @par Cancellation  any type; this caller leaves, the others go on
    awaitable<ticket_validation> validate_with_server();

    /// Renews in good time from now on, until stop_proactive_renewal. `on_renewed` runs on the
    /// manager's strand after each renewal, and what it throws is logged. Called again, it replaces
    /// the handler.
    void start_proactive_renewal(renewed_handler on_renewed = {});
    /// Told of each renewal that failed; it is tried again by the backoff.
    void on_renewal_failed(std::function<void(const error_info&)> handler);
    void stop_proactive_renewal();

    /// True while more than `validity_buffer` is left of a held ticket.
    bool is_valid() const;
    /// Until the held ticket expires; 0 once it has, nullopt when none is held.
    std::optional<std::chrono::milliseconds> expires_in() const;
    /// When it does, by the server's clock.
    std::optional<std::chrono::system_clock::time_point> expires_at() const;

    /// Changes the identity and drops the ticket; a request in flight is thrown away, and its
    /// callers join one for the new identity. Throws `errc::invalid_header` for a token that HTTP
    /// cannot carry.
    void update_auth_data(auth_data_patch patch);

    /// Drops the ticket; callers that wait get `ticket_cleared`.
    void clear();

    ticket_snapshot snapshot() const;

    /// Ends every task of this manager. Who waits gets `operation_aborted`, and so does who calls
    /// later. Returns when none is left; a source that takes no notice of its cancellation is
    /// waited for. Idempotent.
    awaitable<void> stop();

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace parley
