#pragma once

#include "testing/http_reply.hpp"
#include "testing/server_context.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace parley::testing {

/// What the server answers over HTTP (doc/protocol.md 1), faults aside. No I/O.
class http_api {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit http_api(server_context& context) : context_(context) {}

    /// Nullopt: there is nothing of that name.
    std::optional<endpoint> route(const received_request& request) const;

    /// For every endpoint but the upgrade.
    http_reply answer(endpoint where, const received_request& request, time_point now);
    /// What a `status` fault answers.
    http_reply answer(const http_fault& fault) const;
    http_reply not_found() const;

    /// Whether it is a browser's question before a request to another origin (a preflight), for an
    /// endpoint that there is.
    bool is_preflight(const received_request& request) const;
    http_reply preflight(const received_request& request) const;

    /// Whether an upgrade's ticket is valid.
    struct admission {
        ticket_office::verdict verdict;
        std::string ticket;
    };
    admission admit(const received_request& upgrade, time_point now);
    http_reply rejection(ticket_office::verdict verdict) const;

private:
    http_reply ticket(const received_request& request, time_point now);
    http_reply validate(const received_request& request, time_point now);
    http_reply update_thread(const received_request& request);
    http_reply finished(http_reply reply) const;
    std::optional<std::string_view> path_under_prefix(const received_request& request) const;
    http_reply failure(unsigned status, std::string_view error, std::string_view code) const;
    bool authorized(const received_request& request) const;

    server_context& context_;
};

/// Lets scripts of that origin read the reply; nothing when it is empty: the client is no browser.
void share_with(http_reply& reply, std::string_view origin);

/// The `code` that gives the reason for an invalid ticket.
std::string_view code_of(ticket_office::verdict verdict) noexcept;

} // namespace parley::testing
