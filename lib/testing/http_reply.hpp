#pragma once

#include <string>
#include <utility>
#include <vector>

namespace parley::testing {

/// An answer to an HTTP request.
class http_reply {
public:
    explicit http_reply(unsigned status, std::string body = {})
        : status_(status), body_(std::move(body)) {}

    http_reply& header(std::string name, std::string value) {
        headers_.emplace_back(std::move(name), std::move(value));
        return *this;
    }

    unsigned status() const noexcept { return status_; }
    const std::string& body() const noexcept { return body_; }
    const std::vector<std::pair<std::string, std::string>>& headers() const noexcept {
        return headers_;
    }

private:
    unsigned status_;
    std::string body_;
    std::vector<std::pair<std::string, std::string>> headers_;
};

} // namespace parley::testing
