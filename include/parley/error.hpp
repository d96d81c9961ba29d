#pragma once

#include <parley/error_code.hpp>

#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

/// How far a connection, or the request for a ticket, had come.
enum class phase { none, ticket, resolve, tcp, proxy, tls, upgrade, session, ready, closing };

std::string_view to_string(phase) noexcept;

/// What a person needs at three in the morning. Every field is optional; no secret is ever in it.
class error_details {
public:
    error_details() noexcept {}

    parley::phase phase = parley::phase::none;
    std::optional<int> http_status;
    std::optional<unsigned> close_code; ///< RFC 6455 section 7.4
    std::optional<unsigned> attempt;    ///< from 1
    std::optional<std::chrono::seconds> retry_after;
    bool retryable = false;  ///< worth another try, by PROTOCOL.md 1 and 3
    std::string url;         ///< with the ticket left out
    std::string server_code; ///< the server's own code: `TICKET_EXPIRED`
    std::string server_text; ///< the server's own words, shortened and escaped
    std::string reason;      ///< the system's or the TLS library's words

    /// `phase=upgrade status=401 attempt=2 …`, only what is known.
    std::string to_string() const;
};

/// An error by value: what events carry and what `result` holds.
class error_info {
public:
    error_info() noexcept {}
    error_info(boost::system::error_code what, std::string sentence, error_details more)
        : code(what), message(std::move(sentence)), details(std::move(more)) {}
    error_info(errc what, std::string sentence) : code(what), message(std::move(sentence)) {}
    error_info(errc what, std::string sentence, error_details more)
        : code(what), message(std::move(sentence)), details(std::move(more)) {}

    /// True for errors of this library with that very code.
    bool is(errc e) const noexcept { return code == make_error_code(e); }

    boost::system::error_code code;
    std::string message; ///< one sentence that a person understands
    error_details details;
};

/// The base of everything this library throws, but for a cancelled operation, which is
/// `boost::system::system_error` with `boost::asio::error::operation_aborted`.
class client_error : public boost::system::system_error {
public:
    explicit client_error(error_info info);
    ~client_error() override;

    /// The sentence, and after it in brackets the code's name and what is known.
    const char* what() const noexcept override;
    const std::string& message() const noexcept { return info_.message; }
    const error_details& details() const noexcept { return info_.details; }
    const error_info& info() const noexcept { return info_; }

private:
    error_info info_;
    std::string text_;
};

/// No ticket could be had.
class ticket_error : public client_error {
public:
    using client_error::client_error;
    ~ticket_error() override;
};

/// The server knows us and says no.
class authentication_error : public client_error {
public:
    using client_error::client_error;
    ~authentication_error() override;
};

/// The ticket was had and the connection was not, or it was lost.
class connection_error : public client_error {
public:
    using client_error::client_error;
    ~connection_error() override;
};

/// The tools are wrong, or the server did not take them.
class tool_configuration_error : public client_error {
public:
    using client_error::client_error;
    ~tool_configuration_error() override;
};

/// `TICKET_ERROR`, `AUTHENTICATION_ERROR`, `CONNECTION_ERROR`, `TOOL_CONFIGURATION_ERROR`, and
/// `CLIENT_ERROR` for the base.
std::string_view error_kind(const client_error&) noexcept;
std::string_view error_kind(const error_info&) noexcept;

/// A value or an error, for the paths on which an exception would get lost (PITFALLS P7).
template <class T>
using result = boost::system::result<T, error_info>;

/// Throws the class that the code's block stands for; a cancelled operation as `system_error`.
[[noreturn]] void throw_error(error_info info);

[[noreturn]] inline void throw_exception_from_error(const error_info& info,
                                                    const boost::source_location&) {
    throw_error(info);
}

} // namespace parley
