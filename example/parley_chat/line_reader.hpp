#pragma once

#include "bell.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <optional>
#include <string>

namespace parley_chat {

/// A descriptor of one's own for the terminal on standard input, or -1 where that is no terminal.
/// Asio makes its descriptors non-blocking, and the one that we were given is shared with the shell
/// and with whatever else writes to this terminal.
int open_terminal();

/// Reads standard input line by line: a terminal, a pipe, a file, or nothing at all.
class line_reader {
public:
    explicit line_reader(asio::any_io_executor executor);
    line_reader(const line_reader&) = delete;
    line_reader& operator=(const line_reader&) = delete;
    ~line_reader();

    /// The next line without its end; nullopt at the end of the input, and after `stop`. Throws
    /// `usage_error` when the input cannot be read.
    awaitable<std::optional<std::string>> next();

    void stop();

    /// What has been typed at a terminal of a line that has not ended yet. From now on it cannot be
    /// erased there any more.
    std::string unfinished();
    /// The terminal has thrown that away, as it does at Ctrl-C.
    void forget_unfinished();

private:
    void read_unfinished();
    std::optional<std::string> take_line();

    asio::posix::stream_descriptor input_;
    int restored_flags_ = -1; // of the file that others have open too
    bool is_terminal_ = false;
    bool at_end_ = false;
    bool woken_ = false; // there is a line that the wait for input knows nothing of
    std::string buffer_;
    std::size_t searched_ = 0; // bytes of the buffer that hold no line feed
};

} // namespace parley_chat
