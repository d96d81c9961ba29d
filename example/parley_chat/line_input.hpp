#pragma once

#include "bell.hpp"

#include <memory>
#include <optional>
#include <string>

namespace parley_chat {

class console;

/// What is typed at the prompt, as text that draws it on a terminal.
class prompt_view {
public:
    prompt_view() = default;
    prompt_view(const prompt_view&) = delete;
    prompt_view& operator=(const prompt_view&) = delete;
    virtual ~prompt_view() = default;

    /// Draws the prompt and the text typed so far, from the left edge of an empty line on.
    virtual std::string drawn() = 0;
    /// Takes that away again, and leaves the cursor where it began.
    virtual std::string erased() = 0;
};

/// The lines that a person types at a terminal.
class line_input : public prompt_view {
public:
    /// The next line without its end; nullopt at the end of the input, and after `stop`. The
    /// console has been told that it was entered. Throws `usage_error` when the input cannot be
    /// read.
    virtual awaitable<std::optional<std::string>> next() = 0;

    virtual void stop() = 0;
    /// Drops the text of a line that has not been entered.
    virtual void forget_unfinished() = 0;
    /// Leaves the terminal as it was found: the process ends at once.
    virtual void restore_terminal() = 0;
};

/// With editing and a history where the program is built with it and the terminal can do it.
std::unique_ptr<line_input> make_line_input(asio::any_io_executor executor, console& screen);

/// Without: the terminal's own way of typing a line.
std::unique_ptr<line_input> make_plain_line_input(asio::any_io_executor executor, console& screen);

} // namespace parley_chat
