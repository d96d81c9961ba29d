#include <parley/json_text.hpp>
#include <parley/testing/chat_server_options.hpp>
#include <parley/testing/server_fault.hpp>

namespace parley::testing {

std::string_view to_string(endpoint where) noexcept {
    switch (where) {
    case endpoint::ticket:
        return "ticket";
    case endpoint::validate:
        return "validate";
    case endpoint::thread:
        return "thread";
    case endpoint::upgrade:
        return "upgrade";
    }
    return "unknown";
}

std::string_view to_string(http_fault::kind what) noexcept {
    switch (what) {
    case http_fault::kind::status:
        return "status";
    case http_fault::kind::delay:
        return "delay";
    case http_fault::kind::hang:
        return "hang";
    case http_fault::kind::reset:
        return "reset";
    case http_fault::kind::raw:
        return "raw";
    }
    return "unknown";
}

std::string_view to_string(server_tls how) noexcept {
    switch (how) {
    case server_tls::off:
        return "off";
    case server_tls::generated:
        return "generated";
    case server_tls::files:
        return "files";
    }
    return "unknown";
}

http_fault::http_fault(kind what) noexcept : kind_(what) {}

http_fault http_fault::status(unsigned status, std::string body) {
    http_fault result(kind::status);
    result.status_ = status;
    result.body_ = std::move(body);
    return result;
}

http_fault http_fault::failure(const std::string& error, const std::string& code) {
    json_object body;
    body.set("success", false).set("error", error);
    if (!code.empty()) {
        body.set("code", code);
    }
    return status(200, std::string(json_text(body).view()));
}

http_fault http_fault::delay(std::chrono::milliseconds duration) {
    http_fault result(kind::delay);
    result.wait_ = duration;
    return result;
}

http_fault http_fault::hang() { return http_fault(kind::hang); }

http_fault http_fault::reset() { return http_fault(kind::reset); }

http_fault http_fault::raw(std::string bytes) {
    http_fault result(kind::raw);
    result.body_ = std::move(bytes);
    return result;
}

http_fault& http_fault::header(std::string name, std::string value) & {
    headers_.emplace_back(std::move(name), std::move(value));
    return *this;
}

http_fault&& http_fault::header(std::string name, std::string value) && {
    return std::move(header(std::move(name), std::move(value)));
}

http_fault& http_fault::after(std::chrono::milliseconds duration) & {
    wait_ = duration;
    return *this;
}

http_fault&& http_fault::after(std::chrono::milliseconds duration) && {
    return std::move(after(duration));
}

session_fault::session_fault() = default;

session_fault& session_fault::authentication_error(std::string code, std::string error) {
    values_.authentication_code = std::move(code);
    values_.authentication_text = std::move(error);
    return *this;
}

session_fault& session_fault::close(std::uint16_t code, std::string reason) {
    values_.close_code = code;
    values_.close_reason = std::move(reason);
    return *this;
}

session_fault& session_fault::delay_established(std::chrono::milliseconds duration) {
    values_.established_delay = duration;
    return *this;
}

session_fault& session_fault::never_established() {
    values_.never_established = true;
    return *this;
}

session_fault& session_fault::ignore_tools() {
    values_.ignore_tools = true;
    return *this;
}

session_fault& session_fault::refuse_tools(std::string error, std::string code) {
    values_.tools_error = std::move(error);
    values_.tools_error_code = std::move(code);
    return *this;
}

session_fault& session_fault::ignore_heartbeats() {
    values_.ignore_heartbeats = true;
    return *this;
}

session_fault& session_fault::drop_after(unsigned messages) {
    values_.drop_after = messages;
    return *this;
}

session_fault& session_fault::silent() {
    values_.silent = true;
    return *this;
}

} // namespace parley::testing
