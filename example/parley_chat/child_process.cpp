#include "child_process.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace parley_chat {

namespace {

constexpr std::size_t largest_output = std::size_t{4} << 20;
constexpr std::size_t kept_errors = std::size_t{32} << 10;

void check(int error, const char* what) {
    if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

// A pipe, both ends of which close themselves.
class pipe_ends {
public:
    pipe_ends() {
        if (::pipe2(ends_.data(), O_CLOEXEC) != 0) check(errno, "no pipe");
    }
    pipe_ends(const pipe_ends&) = delete;
    pipe_ends& operator=(const pipe_ends&) = delete;
    ~pipe_ends() {
        for (const int end : ends_) {
            if (end >= 0) ::close(end);
        }
    }
    int reading() const { return ends_[0]; }
    int writing() const { return ends_[1]; }
    void give_reading_to(asio::posix::stream_descriptor& stream) { give(ends_[0], stream); }
    void give_writing_to(asio::posix::stream_descriptor& stream) { give(ends_[1], stream); }

private:
    static void give(int& end, asio::posix::stream_descriptor& stream) {
        stream.assign(end);
        end = -1;
        stream.native_non_blocking(true);
    }
    std::array<int, 2> ends_{-1, -1};
};

// What the shell is started with: three streams and nothing else that is open here, a group of its
// own, and the signals as a shell expects them (an ignored one would be inherited).
class spawn_settings {
public:
    spawn_settings(int input, int output, int errors) {
        check(::posix_spawn_file_actions_init(&actions_), "no file actions");
        check(::posix_spawnattr_init(&attributes_), "no attributes");
        check(::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO), "no input");
        check(::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO), "no output");
        check(::posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO), "no errors");
        check(::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1),
              "no closing");
        sigset_t none;
        sigset_t defaults;
        ::sigemptyset(&none);
        ::sigemptyset(&defaults);
        for (const int each : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD})
            ::sigaddset(&defaults, each);
        check(::posix_spawnattr_setsigmask(&attributes_, &none), "no signal mask");
        check(::posix_spawnattr_setsigdefault(&attributes_, &defaults), "no signal defaults");
        check(::posix_spawnattr_setpgroup(&attributes_, 0), "no process group");
        check(::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP |
                                                           POSIX_SPAWN_SETSIGMASK |
                                                           POSIX_SPAWN_SETSIGDEF),
              "no flags");
    }
    spawn_settings(const spawn_settings&) = delete;
    spawn_settings& operator=(const spawn_settings&) = delete;
    ~spawn_settings() {
        ::posix_spawnattr_destroy(&attributes_);
        ::posix_spawn_file_actions_destroy(&actions_);
    }

    pid_t spawn_shell(std::string command) const {
        std::string shell = "sh";
        std::string option = "-c";
        std::array<char*, 4> arguments{shell.data(), option.data(), command.data(), nullptr};
        pid_t started = -1;
        check(
            ::posix_spawn(&started, "/bin/sh", &actions_, &attributes_, arguments.data(), environ),
            "/bin/sh cannot be started");
        return started;
    }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

} // namespace

child_process::child_process(asio::any_io_executor executor)
    : child_signal_(executor), input_(executor), output_(executor, largest_output),
      errors_(executor, kept_errors), changed_(executor) {}

child_process::~child_process() { end(); }

void child_process::start(std::string command, std::string input) {
    child_signal_.add(SIGCHLD); // before there is a child, so that no end is missed
    pipe_ends in;
    pipe_ends out;
    pipe_ends err;
    const spawn_settings settings{in.reading(), out.writing(), err.writing()};
    process_ = settings.spawn_shell(std::move(command));
    in.give_writing_to(input_);
    out.give_reading_to(output_.stream);
    err.give_reading_to(errors_.stream);
    to_write_ = std::move(input);
    write_input();
    read(output_);
    read(errors_);
    await_exit();
}

awaitable<void> child_process::wait() {
    while (!ended_)
        co_await changed_.wait();
}

// A command that does not read its parameters has a right to: EPIPE is no error.
void child_process::write_input() {
    asio::async_write(input_, asio::buffer(to_write_),
                      [self = shared_from_this()](boost::system::error_code, std::size_t) {
                          boost::system::error_code ignored; // the child sees the end of its input
                          self->input_.close(ignored);
                      });
}

void child_process::read(reading& from) {
    from.stream.async_read_some(
        asio::buffer(from.piece),
        [self = shared_from_this(), &from](boost::system::error_code failed, std::size_t size) {
            if (self->ended_) return;
            self->take(from, size);
            if (failed && failed != asio::error::operation_aborted) from.at_end = true;
            if (self->exited_) {
                self->drain(from);
            } else if (!failed && !self->ended_) {
                self->read(from);
            }
        });
}

// Once the shell has ended, a read that waits is called back: it may have got something already,
// and what it has not is in the pipe.
void child_process::await_exit() {
    if (reap(WNOHANG)) {
        exited_ = true;
        boost::system::error_code ignored; // nothing waits
        for (reading* each : {&output_, &errors_}) {
            if (each->at_end) continue;
            each->stream.cancel(ignored);
        }
        if (output_.at_end && errors_.at_end) close();
        return;
    }
    child_signal_.async_wait([self = shared_from_this()](boost::system::error_code failed, int) {
        if (!failed && !self->ended_) self->await_exit();
    });
}

// True when there is no process any more.
bool child_process::reap(int flags) {
    if (process_ < 0) return true;
    int state = 0;
    pid_t reaped = 0;
    do {
        reaped = ::waitpid(process_, &state, flags);
    } while (reaped < 0 && errno == EINTR);
    if (reaped == 0) return false;
    process_ = -1;
    if (reaped > 0 && WIFEXITED(state)) status_ = WEXITSTATUS(state);
    if (reaped > 0 && WIFSIGNALED(state)) signal_ = WTERMSIG(state);
    return true;
}

void child_process::take(reading& from, std::size_t size) {
    from.text.append(from.piece.data(), size);
    if (from.text.size() <= from.limit) return;
    if (&from == &output_) {
        too_much_ = true;
        end();
    } else {
        from.text.erase(0, from.text.size() - from.limit / 2); // the end of the text is kept
    }
}

// The end of a pipe is not awaited: something in the background may hold it open. It is
// non-blocking.
void child_process::drain(reading& from) {
    while (!from.at_end && !ended_) {
        const auto size = ::read(from.stream.native_handle(), from.piece.data(), from.piece.size());
        if (size > 0) {
            take(from, static_cast<std::size_t>(size));
        } else {
            from.at_end = size == 0 || errno != EINTR;
        }
    }
    if (output_.at_end && errors_.at_end) close();
}

child_process::outcome child_process::take_outcome() {
    return {
        status_, signal_, too_much_, stopped_, std::move(output_.text), std::move(errors_.text)};
}

void child_process::stop() {
    if (ended_) return;
    stopped_ = true;
    end();
}

void child_process::end() {
    if (process_ > 0) {
        ::kill(-process_, SIGKILL);
        reap(0);
    }
    close();
}

void child_process::close() {
    if (std::exchange(ended_, true)) return;
    boost::system::error_code ignored; // closing for good
    child_signal_.cancel(ignored);
    input_.close(ignored);
    output_.stream.close(ignored);
    errors_.stream.close(ignored);
    changed_.ring();
}

} // namespace parley_chat
