#pragma once

#include <parley/config.hpp>

#include <string>
#include <utility>
#include <vector>

namespace parley {

/// The headers that the configuration adds to both requests, checked: Beast sends what it is given,
/// line breaks included (doc/pitfalls.md P26).
class request_headers {
public:
    /// Throws `client_error` (`invalid_header`), naming the header and never its value. What frames
    /// the message or belongs to the connection is refused too.
    explicit request_headers(const connection_config& config);

    const std::string& user_agent() const noexcept { return user_agent_; }
    const std::vector<std::pair<std::string, std::string>>& extra() const noexcept {
        return extra_;
    }

    /// To a request of Beast's.
    template <class Request>
    void add_to(Request& request) const {
        request.set("User-Agent", user_agent_);
        for (const auto& [name, value] : extra_)
            request.insert(name, value);
    }

private:
    std::string user_agent_;
    std::vector<std::pair<std::string, std::string>> extra_;
};

} // namespace parley
