#pragma once

#include <parley/config.hpp>

#include "core/response_head.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

/// The headers that the configuration adds to every request, checked: a line break in one of them
/// would begin another header (doc/pitfalls.md P26).
class request_headers {
public:
    /// Throws `client_error` (`invalid_header`) for an invalid header, and for one that frames the
    /// message or belongs to the connection. The message names the header, never its value.
    explicit request_headers(const connection_config& config);

    const std::string& user_agent() const noexcept { return user_agent_; }

    /// Adds `User-Agent` and the others, as views, but for those that the list has already.
    void add_to(header_list& headers) const;

private:
    std::string user_agent_;
    std::vector<std::pair<std::string, std::string>> extra_;
};

/// The text of an HTTP/1.1 request. It may hold secrets, and is written into one block of memory:
/// wiping the result leaves no copy of them.
std::string write_request(std::string_view method, std::string_view target,
                          const header_list& headers, std::string_view body = {});

} // namespace parley
