#pragma once

#include "conversation.hpp"
#include "line_reader.hpp"

#include <deque>
#include <string>

namespace parley_chat {

/// The messages on a standard input that is no terminal: a line each, empty ones left out.
class piped_input {
public:
    piped_input(asio::any_io_executor executor, bell& changed);

    void start();
    awaitable<void> stop();

    /// Until there is a message, or there will be none. Throws when the input cannot be read.
    awaitable<bool> has_message();

    /// Says every message until the end of the input. Throws what `conversation` throws, and
    /// `ended` after an answer that failed.
    awaitable<void> say_all(conversation& talk);

private:
    awaitable<void> read();

    asio::any_io_executor executor_;
    bell& changed_;
    line_reader input_;
    side_task reading_;
    std::deque<std::string> messages_;
    bool stopped_ = false;
};

} // namespace parley_chat
