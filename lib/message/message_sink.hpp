#pragma once

#include <parley/event.hpp>

#include "core/redactor.hpp"

#include <cstdint>
#include <string>

namespace parley {

/// Takes what a message_handler::impl makes of the frames. Called on its strand.
class message_sink {
public:
    virtual void on_session_established() = 0;
    /// `error` and `code` of `authentication_error`.
    virtual void on_authentication_refused(quotation error, quotation code) = 0;
    virtual void on_tools_acknowledged(bool of_update) = 0;
    virtual void on_configuration_requested() = 0;
    virtual void on_event(event&& happened) = 0;
    virtual void send_control(std::string frame) = 0; ///< heartbeat answers
    /// The answer to a tool call. `id` names it for `answer_too_large`.
    virtual void send_answer(std::string frame, std::uint64_t id) = 0;

protected:
    ~message_sink() = default;
    message_sink() = default;
    message_sink(const message_sink&) = default;
    message_sink& operator=(const message_sink&) = default;
};

} // namespace parley
