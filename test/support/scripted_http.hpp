#pragma once

#include "core/clock.hpp"
#include "http/http_client.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parley::test {

/// An http_client without a network: gives the queued answers in order, and keeps every request.
/// With nothing queued a request hangs until its deadline, as at a server that says nothing. Any
/// thread.
class scripted_http : public http_client {
public:
    explicit scripted_http(std::shared_ptr<clock_source> clock);
    ~scripted_http() override;

    awaitable<result<http_response>> send(asio::any_io_executor executor,
                                          std::shared_ptr<const http_request> request) override;

    void answer(http_response next);
    void answer(int status, std::string body = {});
    /// 200 with `{"success": true, ...}`; the `Date` is the clock's.
    void answer_ticket(std::string_view value, std::chrono::seconds left);
    void fail(error_info next);
    /// The next answer hangs until the request's deadline, or its cancellation.
    void hang();
    /// What is queued and not yet given is not given any more.
    void forget_answers();

    std::size_t count() const;
    std::size_t cancelled() const;
    std::vector<std::shared_ptr<const http_request>> requests() const;

    class state;

private:
    std::shared_ptr<state> state_;
};

/// The value of that header of a request, or `(absent)`.
std::string header_of(const http_request& request, std::string_view name);

} // namespace parley::test
