#pragma once

#include "conversation.hpp"
#include "line_input.hpp"

#include <deque>
#include <memory>
#include <string>

namespace parley_chat {

class console;
class running_commands;

/// A conversation with the person at the terminal.
///
/// A line is a message, or a command when it begins with a slash; messages that are typed while an
/// answer is still coming wait for its end.
class interactive {
public:
    interactive(conversation& talk, console& screen, running_commands& commands);
    interactive(const interactive&) = delete;
    interactive& operator=(const interactive&) = delete;
    ~interactive();

    /// Until the end of the input, `/quit`, or an interruption. Throws what `conversation::wait`
    /// throws.
    awaitable<void> run();

    /// Ctrl-C: once ends the answer and the command that a tool runs for it, twice the program.
    void interrupt();
    /// Leaves the terminal as it was found: the process ends at once.
    void restore_terminal() { input_->restore_terminal(); }

private:
    awaitable<void> listen();
    awaitable<void> converse();
    awaitable<void> say(std::string message);
    awaitable<void> obey(std::string command);
    awaitable<void> attempt(awaitable<void> work);
    void stop_answer();
    void show_status();
    void show_help();

    conversation& talk_;
    console& screen_;
    running_commands& commands_;
    std::unique_ptr<line_input> input_;
    side_task listening_;
    side_task stopping_;
    std::deque<std::string> messages_;
    bool input_ended_ = false;
    bool interrupted_ = false; // since the last line
};

} // namespace parley_chat
