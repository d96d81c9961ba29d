#include "websocket/upgrade_check.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace parley {

namespace {

/// The reason for a refusal; null when there is none.
using complaint = const char*;

/// The windows in bits of the offer of permessage-deflate; 0 for one that it does not name.
struct windows {
    int server = 0;
    int client = 0;
};

/// 8 to 15 (RFC 7692 section 7.1.2), quoted or not.
std::optional<int> window_of(std::string_view value) noexcept {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
    if (value == "8" || value == "9") return value.front() - '0';
    if (value.size() != 2 || value[0] != '1' || value[1] < '0' || value[1] > '5')
        return std::nullopt;
    return 10 + (value[1] - '0');
}

struct parameter {
    std::string_view name;
    std::optional<std::string_view> value;
};

parameter parameter_of(std::string_view text) noexcept {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return {text, std::nullopt};
    return {trimmed(text.substr(0, equals)), trimmed(text.substr(equals + 1))};
}

windows windows_of(std::string_view offered) {
    windows allowed;
    for (const auto part : split_list(offered, ';')) {
        const auto [name, value] = parameter_of(part);
        const int most = window_of(value.value_or("15")).value_or(15); // without a value: any
        if (same_name(name, "server_max_window_bits")) allowed.server = most;
        if (same_name(name, "client_max_window_bits")) allowed.client = most;
    }
    return allowed;
}

complaint take_window(const parameter& given, int allowed, int& agreed) {
    const auto window = window_of(given.value.value_or(""));
    if (!window) return "a window size of permessage-deflate is out of range";
    if (*window > allowed) return "a window of permessage-deflate is larger than it was offered";
    agreed = *window;
    return nullptr;
}

complaint take_flag(const parameter& given, bool& agreed) {
    if (given.value) return "a parameter of permessage-deflate has a value that it cannot have";
    agreed = true;
    return nullptr;
}

complaint take_parameter(const parameter& given, const windows& offered,
                         deflate_parameters& agreed) {
    if (same_name(given.name, "server_no_context_takeover"))
        return take_flag(given, agreed.server_no_context_takeover);
    if (same_name(given.name, "client_no_context_takeover"))
        return take_flag(given, agreed.client_no_context_takeover);
    // A server may reduce its own window without an offer, but not the client's.
    if (same_name(given.name, "server_max_window_bits"))
        return take_window(given, offered.server == 0 ? 15 : offered.server, agreed.server_window);
    if (same_name(given.name, "client_max_window_bits")) {
        if (offered.client == 0) return "a window of permessage-deflate that was not offered";
        return take_window(given, offered.client, agreed.client_window);
    }
    return "an unknown parameter of permessage-deflate";
}

complaint take_extension(std::string_view extension, const windows& offered,
                         deflate_parameters& agreed) {
    const auto parts = split_list(extension, ';');
    if (!same_name(parts.front(), "permessage-deflate"))
        return "an extension that was not requested";
    // RFC 7692 section 7.1.2.2: without a parameter in the response the offer holds.
    if (offered.client != 0) agreed.client_window = offered.client;
    std::vector<std::string_view> seen;
    for (std::size_t at = 1; at < parts.size(); ++at) {
        const auto given = parameter_of(parts[at]);
        if (std::ranges::any_of(seen, [&](auto other) { return same_name(given.name, other); }))
            return "a parameter of permessage-deflate occurs twice";
        seen.push_back(given.name);
        if (const auto wrong = take_parameter(given, offered, agreed)) return wrong;
    }
    return nullptr;
}

bool lists(std::string_view list, std::string_view token) {
    return std::ranges::any_of(split_list(list, ','),
                               [token](auto each) { return same_name(each, token); });
}

/// Checks one header after the other.
class upgrade_judge {
public:
    upgrade_judge(std::string_view accept, std::string_view offered) noexcept
        : accept_(accept), offered_(offered) {}

    complaint look_at(const header_list::value_type& given) {
        const auto& [name, value] = given;
        if (same_name(name, "Upgrade")) {
            upgrade_ = upgrade_ || lists(value, "websocket");
        } else if (same_name(name, "Connection")) {
            connection_ = connection_ || lists(value, "upgrade");
        } else if (same_name(name, "Sec-WebSocket-Accept")) {
            if (std::exchange(accepted_, true)) return "two Sec-WebSocket-Accept headers";
            if (accept_.empty() || value != accept_) return "the wrong Sec-WebSocket-Accept";
        } else if (same_name(name, "Sec-WebSocket-Protocol")) {
            return "a subprotocol that was not requested";
        } else if (same_name(name, "Sec-WebSocket-Extensions")) {
            return look_at_extensions(value);
        }
        return nullptr;
    }

    /// After the last header.
    complaint missing() const noexcept {
        if (!upgrade_) return "no Upgrade: websocket";
        if (!connection_) return "no Connection: upgrade";
        if (!accepted_) return "no Sec-WebSocket-Accept";
        return nullptr;
    }

    const std::optional<deflate_parameters>& deflate() const noexcept { return deflate_; }

private:
    complaint look_at_extensions(std::string_view value) {
        for (const auto extension : split_list(value, ',')) {
            if (extension.empty()) continue; // RFC 9110 section 5.6.1: an empty element is none
            if (offered_.empty()) return "an extension that was not requested";
            if (deflate_) return "permessage-deflate occurs twice";
            const auto allowed = windows_of(offered_);
            if (const auto wrong = take_extension(extension, allowed, deflate_.emplace()))
                return wrong;
        }
        return nullptr;
    }

    const std::string_view accept_;
    const std::string_view offered_;
    bool upgrade_ = false;
    bool connection_ = false;
    bool accepted_ = false;
    std::optional<deflate_parameters> deflate_;
};

} // namespace

upgrade_verdict judge_upgrade(std::string_view head, std::string_view accept,
                              std::string_view offered) {
    if (!head.starts_with("HTTP/1.1 ")) return {"an answer that is not HTTP/1.1", std::nullopt};
    const auto headers = headers_of(head);
    if (!headers) return {"a header line that HTTP forbids", std::nullopt};
    upgrade_judge judge(accept, offered);
    for (const auto& each : *headers)
        if (const auto wrong = judge.look_at(each)) return {wrong, std::nullopt};
    if (const auto wrong = judge.missing()) return {wrong, std::nullopt};
    return {std::nullopt, judge.deflate()};
}

} // namespace parley
