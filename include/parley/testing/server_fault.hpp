#pragma once

#include <parley/export.hpp>
#include <parley/named.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::testing {

/// As the count of a fault: until `clear_faults()`.
inline constexpr unsigned always = std::numeric_limits<unsigned>::max();

/// What a client asks for over HTTP.
enum class endpoint {
    ticket,   ///< `POST …/api/v1/tickets`
    validate, ///< `POST …/api/v1/tickets/validate`
    thread,   ///< `PATCH …/api/v1/threads/{id}`
    upgrade,  ///< `GET …/ws`
};

using parley::operator<<;
/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(endpoint) noexcept;

/// What happens to an HTTP request instead of, or before, its proper answer.
class PARLEY_EXPORT http_fault {
public:
    /// What is done to a request.
    enum class kind {
        status, ///< an HTTP status
        delay,  ///< the proper answer, later
        hang,   ///< no answer
        reset,  ///< a reset of the connection
        raw     ///< any bytes
    };

    /// Answers with this status. Without a body a JSON error is made up.
    static http_fault status(unsigned status, std::string body = {});
    /// Answers 200 with `{"success":false,"error":…,"code":…}`; no code when it is empty.
    static http_fault failure(const std::string& error, const std::string& code = {});
    /// Answers properly, but later.
    static http_fault delay(std::chrono::milliseconds duration);
    /// Reads the request and never answers; the connection stays open.
    static http_fault hang();
    /// Reads the request and resets the connection.
    static http_fault reset();
    /// Writes exactly these bytes and closes the connection.
    static http_fault raw(std::string bytes);

    /// Adds a header to a `status` or `failure`.
    http_fault& header(std::string name, std::string value) &;
    /// The same for a temporary.
    http_fault&& header(std::string name, std::string value) &&;
    /// Waits this long before whatever it does.
    http_fault& after(std::chrono::milliseconds duration) &;
    /// The same for a temporary.
    http_fault&& after(std::chrono::milliseconds duration) &&;

    /// What is done.
    kind what() const noexcept { return kind_; }
    /// Of a `status`; else 0.
    unsigned status_code() const noexcept { return status_; }
    /// Of a `status` or `failure`, or the bytes of `raw`.
    const std::string& body() const noexcept { return body_; }
    /// Before anything is done.
    std::chrono::milliseconds wait() const noexcept { return wait_; }
    /// That were added.
    const std::vector<std::pair<std::string, std::string>>& headers() const noexcept {
        return headers_;
    }

private:
    explicit http_fault(kind what) noexcept;

    kind kind_;
    unsigned status_{0};
    std::string body_;
    std::chrono::milliseconds wait_{0};
    std::vector<std::pair<std::string, std::string>> headers_;
};

/// The enumerator's own name.
PARLEY_EXPORT std::string_view to_string(http_fault::kind) noexcept;

/// The faults of a session after its 101. Each setter adds to the others.
class PARLEY_EXPORT session_fault {
public:
    session_fault();

    /// Sends `authentication_error` with this code in the place of `session_established`, then
    /// closes with 4401.
    session_fault& authentication_error(std::string code, std::string error = {});
    /// Closes in the place of `session_established`.
    session_fault& close(std::uint16_t code, std::string reason = {});
    /// Sends `session_established` later.
    session_fault& delay_established(std::chrono::milliseconds duration);
    /// Never sends `session_established`.
    session_fault& never_established();
    /// Never sends `tools_configured` nor `client_tools_updated`.
    session_fault& ignore_tools();
    /// Answers `configure_tools` and `update_tools` with an `error`.
    session_fault& refuse_tools(std::string error, std::string code = {});
    /// Never sends `heartbeat_ack`.
    session_fault& ignore_heartbeats();
    /// Resets the connection when the n-th message of the client arrives; 0: at the 101.
    session_fault& drop_after(unsigned messages);
    /// Reads nothing and writes nothing after the 101; TCP stays open.
    session_fault& silent();

    /// All that was set.
    struct values {
        std::optional<std::string> authentication_code; ///< see authentication_error
        std::string authentication_text;                ///< see authentication_error
        std::optional<std::uint16_t> close_code;        ///< see close
        std::string close_reason;                       ///< see close
        std::chrono::milliseconds established_delay{0}; ///< see delay_established
        bool never_established{false};                  ///< see never_established()
        bool ignore_tools{false};                       ///< see ignore_tools()
        std::optional<std::string> tools_error;         ///< see refuse_tools
        std::string tools_error_code;                   ///< see refuse_tools
        bool ignore_heartbeats{false};                  ///< see ignore_heartbeats()
        std::optional<unsigned> drop_after;             ///< see drop_after()
        bool silent{false};                             ///< see silent()
    };
    /// All that was set.
    const values& get() const noexcept { return values_; }

private:
    values values_;
};

} // namespace parley::testing
