#pragma once

#include <parley/testing/answer_script.hpp>
#include <parley/testing/chat_server_options.hpp>

#include "testing/call_ledger.hpp"
#include "testing/fault_plan.hpp"
#include "testing/record_book.hpp"
#include "testing/ticket_office.hpp"

#include <chrono>
#include <functional>
#include <mutex>
#include <utility>

namespace parley::testing {

/// What all connections of one server share. For any thread, but for `calls`.
class server_context {
public:
    using script_function = std::function<answer_script(const received_message&)>;

    explicit server_context(chat_server_options given)
        : options(std::move(given)), book(options.max_recorded),
          office(options.ticket_lifetime, options.accepted_tokens,
                 options.awkward_tickets ? ticket_office::spelling::awkward
                                         : ticket_office::spelling::url_safe) {}

    void set_script(script_function choose) {
        const std::lock_guard lock(mutex_);
        script_ = std::move(choose);
    }
    script_function script() const {
        const std::lock_guard lock(mutex_);
        return script_;
    }
    /// The time that the server reports.
    std::chrono::system_clock::time_point wall_now() const {
        return std::chrono::system_clock::now() + options.clock_offset;
    }

    const chat_server_options options;
    record_book book;
    ticket_office office;
    fault_plan faults;
    call_ledger calls; ///< the server's thread only

private:
    mutable std::mutex mutex_;
    script_function script_{demo_answer};
};

} // namespace parley::testing
