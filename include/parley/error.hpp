#pragma once

#include <parley/error_code.hpp>
#include <parley/export.hpp>

#include <boost/system/system_error.hpp>

#include <chrono>
#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace parley {

/// The phase that a connection, or the request for a ticket, had reached.
enum class phase {
    none,    ///< no connection is concerned
    ticket,  ///< a ticket is requested
    resolve, ///< the host name is looked up
    tcp,     ///< TCP is being connected
    proxy,   ///< the proxy opens a tunnel
    tls,     ///< the TLS handshake
    upgrade, ///< the WebSocket upgrade
    session, ///< the opening: `session_established` and the tools
    ready,   ///< a ready session
    closing  ///< the close
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(phase) noexcept;

/// The circumstances of an error. Every field is optional; none ever contains a secret.
class PARLEY_EXPORT error_details {
public:
    error_details() noexcept {}

    parley::phase phase = parley::phase::none;       ///< the phase it had reached
    std::optional<int> http_status;                  ///< of the answer, if there was one
    std::optional<unsigned> close_code;              ///< RFC 6455 section 7.4
    std::optional<unsigned> attempt;                 ///< from 1
    std::optional<std::chrono::seconds> retry_after; ///< the `Retry-After` of the answer
    bool retryable = false; ///< whether to try again, by doc/protocol.md 1.7 and 3

    /// True: the error comes from the chat server itself, in the JSON of its protocol, or from a
    /// custom ticket source. False, the default: it may come from a gateway, so that a later
    /// attempt may reach the server. Only HTTP answers and ticket sources set it.
    bool from_server = false;
    std::string url;         ///< without the ticket
    std::string server_code; ///< the server's own code: `TICKET_EXPIRED`
    std::string server_text; ///< the server's own text; both on one line, at most 200 bytes each
    std::string reason;      ///< the text of the system or of the TLS library

    /// `phase=upgrade status=401 attempt=2 …`, known values only.
    std::string to_string() const;
};

/// An error by value, as in events and in `result`.
class PARLEY_EXPORT error_info {
public:
    error_info() noexcept {}
    /// An error with any code, an operating system's among them.
    error_info(boost::system::error_code what, std::string sentence, error_details more)
        : code(what), message(std::move(sentence)), details(std::move(more)) {}
    /// An error of this library, without details.
    error_info(errc what, std::string sentence) : code(what), message(std::move(sentence)) {}
    /// An error of this library.
    error_info(errc what, std::string sentence, error_details more)
        : code(what), message(std::move(sentence)), details(std::move(more)) {}

    /// True for errors of this library with exactly that code.
    bool is(errc e) const noexcept { return code == make_error_code(e); }

    boost::system::error_code code; ///< an errc, or the system's
    std::string message;            ///< one sentence for a person
    error_details details;          ///< in addition to the code
};

/// The base of everything that this library throws, except for a cancelled operation, which is
/// `boost::system::system_error` with `boost::asio::error::operation_aborted`.
class PARLEY_EXPORT client_error : public boost::system::system_error {
public:
    /// Uses the sentence of the code where `info` has none.
    explicit client_error(error_info info);
    ~client_error() override;

    /// The sentence, the advice, and in brackets the code's name and the details.
    const char* what() const noexcept override;
    /// One sentence for a person, without the advice.
    const std::string& message() const noexcept { return info_.message; }
    /// The details.
    const error_details& details() const noexcept { return info_.details; }
    /// The whole error by value.
    const error_info& info() const noexcept { return info_; }

private:
    error_info info_;
    std::string text_;
};

/// No ticket was available.
class PARLEY_EXPORT ticket_error : public client_error {
public:
    /// As the base.
    using client_error::client_error;
    ~ticket_error() override;
};

/// The server rejected the credentials.
class PARLEY_EXPORT authentication_error : public client_error {
public:
    /// As the base.
    using client_error::client_error;
    ~authentication_error() override;
};

/// The connection failed, or it was lost.
class PARLEY_EXPORT connection_error : public client_error {
public:
    /// As the base.
    using client_error::client_error;
    ~connection_error() override;
};

/// The tools are invalid, or the server rejected them.
class PARLEY_EXPORT tool_configuration_error : public client_error {
public:
    /// As the base.
    using client_error::client_error;
    ~tool_configuration_error() override;
};

/// `TICKET_ERROR`, `AUTHENTICATION_ERROR`, `CONNECTION_ERROR`, `TOOL_CONFIGURATION_ERROR`, and
/// `CLIENT_ERROR` for the base.
PARLEY_EXPORT std::string_view error_kind(const client_error&) noexcept;
/// The same for an error by value.
PARLEY_EXPORT std::string_view error_kind(const error_info&) noexcept;

/// Throws the class that the code's block stands for; a cancelled operation as `system_error`.
[[noreturn]] PARLEY_EXPORT void throw_error(error_info info);

namespace detail {

/// The error of a result, allocated separately: results lie in the frames of coroutines, and most
/// have no error.
class PARLEY_EXPORT result_error {
public:
    result_error() noexcept {}
    explicit result_error(error_info why);
    /// Of an exception, which `raise` throws again.
    result_error(error_info why, std::exception_ptr thrown);
    // Without moves: what has been moved from must not turn into a success.
    result_error(const result_error&) = default;
    result_error& operator=(const result_error&) = default;
    ~result_error() = default;

    explicit operator bool() const noexcept { return kept_ != nullptr; }
    const error_info& get() const noexcept; ///< an empty error if there is none
    [[noreturn]] void raise() const;        ///< undefined if there is none

private:
    struct contents;
    std::shared_ptr<const contents> kept_;
};

} // namespace detail

/// A value or an error, for the paths on which an exception would get lost (doc/pitfalls.md P7).
/// A moved-from result keeps its state.
template <class T>
class result {
public:
    /// A default-constructed value.
    result()
        requires std::default_initializable<T>
        : value_(std::in_place) {}
    /// A value.
    template <class U>
        requires(std::is_convertible_v<U, T> && !std::is_same_v<std::remove_cvref_t<U>, result>)
    result(U&& value) : value_(std::in_place, std::forward<U>(value)) {}
    /// An error.
    result(error_info why) : error_(std::move(why)) {}
    /// An error, with the exception that it comes from.
    result(detail::result_error why) : error_(std::move(why)) {}

    /// Whether it holds a value, and no error.
    bool has_value() const noexcept { return value_.has_value(); }
    /// As has_value.
    explicit operator bool() const noexcept { return has_value(); }

    /// The value; undefined without one.
    T& operator*() & noexcept { return *value_; }
    /// The value; undefined without one.
    const T& operator*() const& noexcept { return *value_; }
    /// The value; undefined without one.
    T&& operator*() && noexcept { return *std::move(value_); }
    /// The value; undefined without one.
    T* operator->() noexcept { return &*value_; }
    /// The value; undefined without one.
    const T* operator->() const noexcept { return &*value_; }

    /// Throws the error.
    const T& value() const& {
        if (!has_value()) error_.raise();
        return *value_;
    }
    /// Throws the error.
    T value() && {
        if (!has_value()) error_.raise();
        return *std::move(value_);
    }

    /// The error; an empty error when there is a value.
    const error_info& error() const& noexcept { return error_.get(); }
    /// The error; an empty error when there is a value.
    error_info error() && { return error_.get(); }

private:
    std::optional<T> value_;
    detail::result_error error_;
};

/// Success or an error.
template <>
class result<void> {
public:
    /// A default-constructed value.
    result() noexcept {}
    /// An error.
    result(error_info why) : error_(std::move(why)) {}
    /// An error, with the exception that it comes from.
    result(detail::result_error why) : error_(std::move(why)) {}

    /// Whether it is a success.
    bool has_value() const noexcept { return !error_; }
    /// As has_value.
    explicit operator bool() const noexcept { return has_value(); }

    /// Throws the error.
    void value() const {
        if (error_) error_.raise();
    }

    /// The error; an empty error when there is a value.
    const error_info& error() const& noexcept { return error_.get(); }
    /// The error; an empty error when there is a value.
    error_info error() && { return error_.get(); }

private:
    detail::result_error error_;
};

} // namespace parley
