#pragma once

#include <parley/config.hpp>
#include <parley/export.hpp>
#include <parley/fwd.hpp>
#include <parley/secret.hpp>
#include <parley/ticket.hpp>

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

namespace parley {

/// Why a ticket is requested.
enum class ticket_reason {
    first,    ///< none is held
    expired,  ///< the held one is no longer valid
    renewal,  ///< the held one is about to expire
    rejected, ///< the server rejected the held one
    requested ///< `refresh_ticket()` was called
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(ticket_reason) noexcept;

/// One request for a ticket.
class PARLEY_EXPORT ticket_request {
public:
    /// Made by the manager, and by tests of a source.
    ticket_request(auth_data auth, ticket_reason reason, unsigned attempt,
                   std::chrono::steady_clock::time_point deadline,
                   std::optional<secret> replaces = std::nullopt)
        : auth_(std::move(auth)), reason_(reason), attempt_(attempt), deadline_(deadline),
          replaces_(std::move(replaces)) {}

    /// The identity that requests the ticket.
    const auth_data& auth() const noexcept { return auth_; }
    /// The reason.
    ticket_reason reason() const noexcept { return reason_; }
    unsigned attempt() const noexcept { return attempt_; } ///< from 1

    /// The request is cancelled at this time.
    std::chrono::steady_clock::time_point deadline() const noexcept { return deadline_; }
    /// The ticket that the new one replaces: for `rejected` the one that the server rejected, else
    /// the held one; nullopt when there is none. A source that caches tickets must not return it
    /// again: each time counts as one more rejection.
    const std::optional<secret>& replaces() const noexcept { return replaces_; }

private:
    auth_data auth_;
    ticket_reason reason_;
    unsigned attempt_;
    std::chrono::steady_clock::time_point deadline_;
    std::optional<secret> replaces_;
};

/// The origin of tickets. The default is the HTTP exchange of doc/protocol.md 1.3; a service may
/// provide its own.
///
/// @code
/// class vault : public ticket_source {
/// public:
///     explicit vault(std::function<std::string()> issue) : issue_(std::move(issue)) {}
///
///     awaitable<ticket> fetch(ticket_request request) override {
///         if (request.auth().user_mp_auth_token.empty())
///             throw_error(error_info(errc::ticket_refused, "There is no token to sign in with."));
///         const auto expires_at = std::chrono::system_clock::now() + std::chrono::hours(1);
///         co_return ticket(secret(issue_()), expires_at);
///     }
///
/// private:
///     std::function<std::string()> issue_;
/// };
///
/// std::shared_ptr<ticket_manager> tickets_from(std::shared_ptr<vault> source, auth_data auth,
///                                              asio::any_io_executor executor) {
///     return std::make_shared<ticket_manager>(executor, auth, source);
/// }
/// @endcode
class PARLEY_EXPORT ticket_source {
public:
    virtual ~ticket_source();

    /// Fetches one ticket in one attempt; the manager retries.
    ///
    /// Runs on the manager's strand, one at a time unless an earlier one ignores its
    /// cancellation. The ticket states its kind.
    ///
    /// @par Errors         `ticket_error`, retried only when its details say `retryable`, and
    ///                     then not before `retry_after`; `authentication_error`, never
    ///                     retried. A system error of the network counts as a retryable
    ///                     `ticket_error`, anything else as one that is not.
    /// @par Cancellation   terminal, at the request's deadline and when its outcome is no longer
    ///                     needed. A source that continues nevertheless delays stop() only: its
    ///                     result is dropped.
    /// @par Lifetime       the manager keeps the source until this has returned
    virtual awaitable<ticket> fetch(ticket_request request) = 0;

protected:
    ticket_source() = default;
    /// For copies of derived classes.
    ticket_source(const ticket_source&) = default;
    /// For copies of derived classes.
    ticket_source& operator=(const ticket_source&) = default;
};

} // namespace parley
