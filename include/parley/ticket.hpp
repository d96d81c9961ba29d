#pragma once

#include <parley/export.hpp>
#include <parley/named.hpp>
#include <parley/secret.hpp>

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

namespace parley {

/// Whether a ticket opens several connections until it expires, or exactly one.
enum class ticket_kind {
    reusable,  ///< several, until it expires
    single_use ///< exactly one
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(ticket_kind) noexcept;

/// A ticket as its source hands it out. Its value cannot be printed.
class PARLEY_EXPORT ticket {
public:
    /// Times of the calendar.
    using wall_time = std::chrono::system_clock::time_point;

    ticket() = default;
    /// `issued_at` is the source's own clock at the answer (HTTP `Date`): the lifetime is taken
    /// against it when it is known, else against ours (doc/protocol.md 1.4).
    ticket(secret value, wall_time expires_at, std::optional<wall_time> issued_at = std::nullopt,
           ticket_kind kind = ticket_kind::reusable)
        : value_(std::move(value)), expires_at_(expires_at), issued_at_(issued_at), kind_(kind) {}

    /// The ticket itself.
    const secret& value() const noexcept { return value_; }
    /// When it expires, by the source's clock.
    wall_time expires_at() const noexcept { return expires_at_; }
    /// The source's clock when it was issued.
    std::optional<wall_time> issued_at() const noexcept { return issued_at_; }
    /// Whether it opens one connection or several.
    ticket_kind kind() const noexcept { return kind_; }
    /// Whether there is none.
    bool empty() const noexcept { return value_.empty(); }

    /// The value of the header `Cookie` of the upgrade that uses this ticket, `name=value; …`;
    /// empty, the default, for none. The library's own source takes it from what the ticket's
    /// answer sets: a load balancer keeps its stickiness in a cookie. A secret, like the ticket.
    const secret& cookies() const noexcept { return cookies_; }
    /// For a ticket_source of the user's. At most 8 KiB of visible ASCII and spaces, else the
    /// request for the ticket fails with `ticket_malformed`.
    void set_cookies(secret header_value) { cookies_ = std::move(header_value); }

private:
    secret value_;
    wall_time expires_at_{};
    std::optional<wall_time> issued_at_;
    ticket_kind kind_ = ticket_kind::reusable;
    secret cookies_;
};

} // namespace parley
