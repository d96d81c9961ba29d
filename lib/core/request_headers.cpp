#include "core/request_headers.hpp"

#include <parley/error.hpp>
#include <parley/version.hpp>

#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace parley {

namespace {

/// Reserved for this library: an `Accept-Encoding`, say, would bring responses without a decoder.
constexpr std::array<std::string_view, 13> reserved{"host",
                                                    "upgrade",
                                                    "connection",
                                                    "keep-alive",
                                                    "content-length",
                                                    "content-type",
                                                    "content-encoding",
                                                    "transfer-encoding",
                                                    "te",
                                                    "trailer",
                                                    "accept-encoding",
                                                    "expect",
                                                    "user-agent"};

constexpr std::array<std::string_view, 2> reserved_prefixes{"sec-", "proxy-"};

bool is_reserved(std::string_view name) {
    const std::string lower = lower_case(name);
    return std::ranges::find(reserved, lower) != reserved.end() ||
           std::ranges::any_of(reserved_prefixes, [&lower](std::string_view prefix) {
               return lower.starts_with(prefix);
           });
}

[[noreturn]] void refuse(std::string_view name, std::string_view why) {
    throw_error(error_info(errc::invalid_header, "The header " + shorten_and_escape(name, 60) +
                                                     " " + std::string(why) + "."));
}

} // namespace

request_headers::request_headers(const connection_config& config)
    : user_agent_(config.user_agent.empty() ? "parley/" + std::string(version)
                                            : config.user_agent) {
    if (!valid_header_value(user_agent_)) refuse("User-Agent", "has a value that HTTP forbids");
    for (const header& each : config.headers) {
        if (!valid_header_name(each.name)) refuse(each.name, "has a name that HTTP forbids");
        if (is_reserved(each.name)) refuse(each.name, "cannot be set: use the setting for it");
        if (!valid_header_value(each.value)) refuse(each.name, "has a value that HTTP forbids");
        extra_.emplace_back(each.name, each.value);
    }
}

void request_headers::add_to(header_list& headers) const {
    const auto given = headers;
    headers.emplace_back("User-Agent", user_agent_);
    for (const auto& [name, value] : extra_)
        if (!header_value(given, name)) headers.emplace_back(name, value);
}

std::string write_request(std::string_view method, std::string_view target,
                          const header_list& headers, std::string_view body) {
    constexpr std::string_view line_end = " HTTP/1.1\r\n";
    std::size_t size = method.size() + 1 + target.size() + line_end.size() + 2 + body.size();
    for (const auto& [name, value] : headers)
        size += name.size() + value.size() + 4;
    std::string text;
    text.reserve(size);
    text.append(method).append(" ").append(target).append(line_end);
    for (const auto& [name, value] : headers)
        text.append(name).append(": ").append(value).append("\r\n");
    return text.append("\r\n").append(body);
}

} // namespace parley
