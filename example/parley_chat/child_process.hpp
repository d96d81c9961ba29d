#pragma once

#include "bell.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>

namespace parley_chat {

/// A command of the shell in a process group of its own, with its three streams.
///
/// Everything happens on one executor that runs one thing at a time.
class child_process : public std::enable_shared_from_this<child_process> {
public:
    struct outcome {
        int status = 0; ///< exit status
        int signal = 0; ///< that ended it, or 0
        bool too_much = false;
        bool stopped = false; ///< by `stop`
        std::string output;
        std::string errors; ///< the end of standard error
    };

    /// Keeps a process for a scope, and ends it with its whole group at the end of that.
    class owner {
    public:
        explicit owner(std::shared_ptr<child_process> owned) : owned_(std::move(owned)) {}
        owner(const owner&) = delete;
        owner& operator=(const owner&) = delete;
        ~owner() { owned_->end(); }
        child_process* operator->() const { return owned_.get(); }

    private:
        std::shared_ptr<child_process> owned_;
    };

    explicit child_process(asio::any_io_executor executor);
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process();

    /// Runs `/bin/sh -c command`. Throws `std::system_error` when there can be no process.
    void start(std::string command, std::string input);
    /// Until the shell has ended; its background processes are not waited for.
    awaitable<void> wait();
    /// Ends it with its group, unless it has ended.
    void stop();
    outcome take_outcome();

private:
    // An output stream of the child, and its text so far.
    struct reading {
        reading(asio::any_io_executor executor, std::size_t most)
            : stream(std::move(executor)), limit(most) {}
        asio::posix::stream_descriptor stream;
        std::size_t limit;
        bool at_end = false;
        std::string text;
        std::array<char, 16'384> piece{};
    };

    void write_input();
    void read(reading& from);
    void take(reading& from, std::size_t size);
    void drain(reading& from);
    void await_exit();
    bool reap(int flags);
    void end();
    void close();

    asio::signal_set child_signal_;
    asio::posix::stream_descriptor input_;
    reading output_;
    reading errors_;
    bell changed_;
    pid_t process_ = -1;  // also the group; -1 when there is none, or it has been reaped
    bool exited_ = false; // the shell; its last words may still be in the pipes
    bool ended_ = false;
    int status_ = 0;
    int signal_ = 0;
    bool too_much_ = false;
    bool stopped_ = false;
    std::string to_write_;
};

} // namespace parley_chat
