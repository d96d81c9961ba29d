#include "line_reader.hpp"

#include "exit_status.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>
#include <utility>

namespace parley_chat {

namespace {

constexpr std::size_t longest_line = std::size_t{8} << 20;

} // namespace

int open_terminal() {
    if (::isatty(STDIN_FILENO) == 1) {
        std::array<char, 256> name{};
        if (::ttyname_r(STDIN_FILENO, name.data(), name.size()) == 0) {
            const int own = ::open(name.data(), O_RDONLY | O_NOCTTY | O_CLOEXEC);
            if (own >= 0) return own;
        }
    }
    return -1;
}

line_reader::line_reader(asio::any_io_executor executor) : input_(std::move(executor)) {
    int descriptor = open_terminal();
    if (descriptor < 0) {
        restored_flags_ = ::fcntl(STDIN_FILENO, F_GETFL);
        descriptor = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    }
    boost::system::error_code refused;
    if (descriptor >= 0) input_.assign(descriptor, refused);
    if (refused) ::close(descriptor);
    at_end_ = descriptor < 0 || refused;
    is_terminal_ = !at_end_ && ::isatty(descriptor) == 1;
}

line_reader::~line_reader() {
    boost::system::error_code ignored; // closing for good
    input_.close(ignored);
    if (restored_flags_ >= 0) ::fcntl(STDIN_FILENO, F_SETFL, restored_flags_);
}

awaitable<std::optional<std::string>> line_reader::next() {
    for (;;) {
        if (auto line = take_line()) co_return line;
        if (at_end_) {
            if (buffer_.empty()) co_return std::nullopt;
            searched_ = 0;
            co_return std::exchange(buffer_, {});
        }
        if (buffer_.size() > longest_line) throw usage_error("A line of the input is too long.");

        std::array<char, 4096> piece;
        boost::system::error_code failed;
        const std::size_t size = co_await input_.async_read_some(
            asio::buffer(piece), asio::redirect_error(asio::use_awaitable, failed));
        buffer_.append(piece.data(), size);
        if (failed == asio::error::eof) {
            at_end_ = true;
        } else if (std::exchange(woken_, false)) {
            continue;
        } else if (failed == asio::error::operation_aborted) {
            at_end_ = true;
            buffer_.clear();
        } else if (failed) {
            throw usage_error("Standard input cannot be read: " + failed.message() + ".");
        }
    }
}

void line_reader::stop() {
    at_end_ = true;
    woken_ = false;
    buffer_.clear();
    boost::system::error_code ignored; // closing for good
    input_.cancel(ignored);
}

std::string line_reader::unfinished() {
    if (is_terminal_) read_unfinished();
    if (buffer_.find('\n') == std::string::npos) return buffer_;
    woken_ = true;
    boost::system::error_code ignored; // then nothing waits
    input_.cancel(ignored);
    return {};
}

void line_reader::forget_unfinished() {
    buffer_.clear();
    searched_ = 0;
}

// The terminal keeps a line to itself until it ends, unless it is told for a moment not to put
// lines together. A process in the background must not tell it anything (SIGTTOU).
void line_reader::read_unfinished() {
    const int terminal = input_.native_handle();
    termios usual{};
    if (::tcgetpgrp(terminal) != ::getpgrp() || ::tcgetattr(terminal, &usual) != 0) return;
    if ((usual.c_lflag & ICANON) == 0) return;
    termios raw = usual;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (::tcsetattr(terminal, TCSANOW, &raw) != 0) return;
    std::array<char, 4096> piece;
    const auto size = ::read(terminal, piece.data(), piece.size());
    ::tcsetattr(terminal, TCSANOW, &usual);
    if (size > 0) buffer_.append(piece.data(), static_cast<std::size_t>(size));
}

std::optional<std::string> line_reader::take_line() {
    const auto end = buffer_.find('\n', searched_);
    if (end == std::string::npos) {
        searched_ = buffer_.size();
        return std::nullopt;
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    searched_ = 0;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
}

} // namespace parley_chat
