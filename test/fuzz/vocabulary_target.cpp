// The small parsers of what others say: URLs, dates, HTTP answers, the head of a 101, close codes.
// The first character of the input says which.

#include <parley/error.hpp>

#include "core/iso8601.hpp"
#include "core/retry_after.hpp"
#include "core/text.hpp"
#include "dialect/parley/endpoints.hpp"
#include "dialect/parley/ticket_wire.hpp"
#include "fuzz/target.hpp"
#include "policy/close_policy.hpp"
#include "websocket/upgrade_check.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace parley::fuzz {

namespace {

using namespace std::chrono_literals;

const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 19h};

bool plain(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) <= ' ' || c == '\x7F') return false;
    return true;
}

void take_url(std::string_view text) {
    try {
        const auto url = parse_server_url(text, false);
        require(url.secure() || url.loopback(), "nothing is plain beyond loopback");
        require(!url.host().empty() && url.port() != 0, "a URL has a host and a port");
        require(plain(url.host_header()), "no header can be injected");
        const auto target = session_request(url, ticket(secret("a b\r\n#"), {})).target;
        require(plain(target) && target.find('#') == std::string::npos, "no target can be broken");
        require(plain(url.http_target(tickets_path)), "nor can that of a request");
    } catch (const client_error& thrown) {
        require(thrown.code() == errc::invalid_url || thrown.code() == errc::plaintext_refused,
                "a URL is refused as one");
    }
    try {
        require(plain(proxy_url::parse(text).host()), "a proxy's host is one");
    } catch (const client_error& thrown) {
        require(thrown.code() == errc::invalid_url, "a proxy is refused as a URL");
    }
}

void take_date(std::string_view text) {
    if (const auto when = parse_iso8601(text)) {
        const auto again = parse_iso8601(format_iso8601(*when));
        require(again.has_value(), "what is written is read");
        require(std::chrono::floor<std::chrono::milliseconds>(*when) == *again,
                "and is the same, to the millisecond");
    }
    parse_http_date(text, now);
    if (const auto wait = parse_retry_after(text, now))
        require(*wait >= 0s && *wait <= 300s, "a wait is bounded");
}

void take_answer(std::string_view text) {
    for (const int status : {200, 401, 503}) {
        http_response from;
        from.status = status;
        from.body = text;
        server_response answer(std::move(from), now);
        answer.date = text.substr(0, 29);
        answer.retry_after = text.substr(0, 10);
        const auto held = parse_ticket_response(answer);
        require(!held || status == 200, "only a success brings a ticket");
        if (held) {
            const auto size = held.value().value().expose().size();
            require(size > 0 && size <= 8'192, "a ticket has a size");
        }
        parse_validation_response(answer);
        parse_update_response(answer);
    }
}

void take_headers(std::string_view head) {
    const auto headers = headers_of(head);
    if (!headers) return;
    require(head.ends_with("\r\n\r\n"), "headers end with an empty line");
    for (const auto& [name, value] : *headers) {
        require(valid_header_name(name), "the name of a header is a token");
        require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
                "the value of a header is one line");
        require(value.empty() || (value.front() != ' ' && value.back() != ' '),
                "and has no space around it");
        require(header_value(*headers, name).has_value(), "what there is is found");
    }
}

void take_upgrade(std::string_view head) {
    for (const std::string_view offered :
         {"permessage-deflate; client_max_window_bits=12", "permessage-deflate", ""}) {
        const auto verdict = judge_upgrade(head, "right", offered);
        require(verdict.complaint || headers_of(head).has_value(),
                "an upgrade has headers that can be read");
        require(!verdict.complaint || !verdict.deflate, "what is refused agrees on nothing");
        require(judge_upgrade(head, "", offered).complaint.has_value(), "nothing answers no key");
        if (!verdict.deflate) continue;
        require(!offered.empty(), "nothing is agreed that was not offered");
        const auto& agreed = *verdict.deflate;
        require(agreed.server_window >= 8 && agreed.server_window <= 15, "a window has a size");
        const bool ours_may_be_set = offered.ends_with("=12");
        require(agreed.client_window >= (ours_may_be_set ? 8 : 15) &&
                    agreed.client_window <= (ours_may_be_set ? 12 : 15),
                "our window is no larger than it was offered");
    }
}

void take_head(std::string_view text) {
    response_head head;
    std::size_t fed = 0;
    while (fed < text.size() && head.current() == response_head::state::incomplete) {
        const auto taken = head.feed(text.substr(fed, 7));
        require(taken > 0 && taken <= 7, "a head that is incomplete takes bytes");
        fed += taken;
    }
    require(head.text().size() <= response_head::max_size, "a head is bounded");
    if (head.current() == response_head::state::complete)
        require(head.status() >= 100 && head.status() <= 999, "a status has three digits");
    take_headers(text);
    take_upgrade(text);
    // And with all that an answer needs, so that the rest of it is looked at.
    std::string whole = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: right\r\n";
    whole.append(text).append("\r\n\r\n");
    take_headers(whole);
    take_upgrade(whole);
}

void take_close(std::string_view text) {
    unsigned code = 0;
    for (const char c : text.substr(0, 5))
        code = code * 10 + static_cast<unsigned char>(c) % 10;
    error_details details;
    details.close_code = code;
    const error_info why(errc::connection_closed, "", details);
    using normal = reconnect_config::normal_close;
    for (const bool ready : {false, true}) {
        const auto verdict = classify_close(why, ready, normal::finish);
        require(ready || verdict.what != reaction::refresh_and_retry,
                "what comes before a session is a rejection");
        require(!ready || verdict.what != reaction::rejection, "a ready session is not rejected");
        classify_close(why, ready, normal::reconnect);
    }
    require(percent_encode(text).size() <= 3 * text.size(), "an encoded text is bounded");
}

} // namespace

void take_vocabulary(std::string_view input) {
    if (input.empty()) return;
    const auto text = input.substr(1);
    switch (input.front()) {
    case 'u':
        return take_url(text);
    case 'd':
        return take_date(text);
    case 'a':
        return take_answer(text);
    case 'h':
        return take_head(text);
    default:
        return take_close(text);
    }
}

} // namespace parley::fuzz
