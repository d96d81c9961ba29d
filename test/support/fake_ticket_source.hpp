#pragma once

#include <parley/error.hpp>
#include <parley/ticket_source.hpp>

#include "core/clock.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace parley::test {

/// A source of tickets that does what the test says: gives what is queued, in order, and for an
/// empty queue `ticket-1`, `ticket-2` and so on with the lifetime set. Any thread.
class fake_ticket_source : public ticket_source {
public:
    explicit fake_ticket_source(std::shared_ptr<clock_source> clock);
    ~fake_ticket_source() override;

    awaitable<ticket> fetch(ticket_request request) override;

    /// Of tickets that are made here, from now on; an hour unless said.
    void lifetime(std::chrono::seconds left);
    ticket make(std::string_view value, std::chrono::seconds left) const;

    /// What the next requests get, in order.
    void give(ticket next);
    void fail(error_info next);
    void fail_retryable(std::chrono::seconds retry_after = std::chrono::seconds(0));
    void fail_with(std::exception_ptr next);

    /// Requests that begin from now on wait for their answer, until `release`.
    void hold();
    /// Answers every request that is held, and holds no more.
    void release();
    /// While it holds: answers the one that was asked first.
    void release_one();
    /// Held requests take no notice of being cancelled. What a badly written source does.
    void deaf(bool on);

    unsigned calls() const;
    unsigned held() const;      ///< that wait for `release`
    unsigned cancelled() const; ///< while they were held
    std::vector<ticket_request> requests() const;

    class state;

private:
    std::shared_ptr<state> state_;
};

} // namespace parley::test
