#pragma once

#include "bell.hpp"
#include "console.hpp"
#include "conversation.hpp"
#include "demo.hpp"
#include "interactive.hpp"
#include "options.hpp"
#include "output.hpp"
#include "piped_input.hpp"
#include "shell_tool.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <exception>
#include <memory>
#include <optional>

namespace parley_chat {

/// From the options to the exit status.
class program {
public:
    program(asio::io_context& io, options wanted, console& screen);
    program(const program&) = delete;
    program& operator=(const program&) = delete;
    ~program();

    /// Starts; runs while the io_context does, and stops it.
    void start();
    exit_status status() const { return status_; }

private:
    awaitable<void> live();
    awaitable<void> talk();
    awaitable<void> choose_script();
    awaitable<void> open();
    awaitable<void> say_messages();
    awaitable<void> put_away();
    void report(const std::exception_ptr& thrown);
    bool may_wait(const failure& reported) const;
    void await_signal();
    void interrupted(int signal);

    asio::io_context& io_;
    options wanted_;
    console& screen_;
    bool on_terminal_; // a person types
    std::unique_ptr<output> output_;
    const std::shared_ptr<running_commands> commands_; // that tools run
    bell changed_;
    asio::signal_set signals_;
    side_task living_;
    bool scripted_ = false;
    std::optional<exit_status> leaving_; // by a signal
    exit_status status_ = exit_status::unforeseen;

    // In the order in which they come to be, each needing those before it.
    std::optional<piped_input> piped_;
    std::optional<demo> demo_;
    std::optional<conversation> talk_;
    std::optional<interactive> person_;
};

} // namespace parley_chat
