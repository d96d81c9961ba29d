#include "console.hpp"

#include "text.hpp"
#include "wide_text.hpp"

#include <cerrno>
#include <cstdlib>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace parley_chat {

namespace {

// Standard output may be non-blocking: it can be shared with another program.
bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(descriptor, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            pollfd wanted{descriptor, POLLOUT, 0};
            ::poll(&wanted, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

void to_output(std::string_view text) {
    if (!write_all(STDOUT_FILENO, text)) throw output_closed{};
}

void to_error(std::string_view text) { write_all(STDERR_FILENO, text); }

bool set_and_not_empty(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

} // namespace

bool is_dumb_terminal() {
    const char* name = std::getenv("TERM");
    return name == nullptr || std::string_view(name) == "dumb";
}

console::console()
    : output_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      error_is_terminal_(::isatty(STDERR_FILENO) == 1),
      coloured_(error_is_terminal_ && !set_and_not_empty("NO_COLOR") && !is_dumb_terminal()) {}

void console::answer(std::string_view piece) {
    const std::string shown = output_is_terminal_ ? printable(piece) : std::string(piece);
    if (shown.empty()) return;
    begin(line::answer);
    to_output(shown);
    answer_ended_ = shown.back() == '\n';
    if (output_is_terminal_) grow_row(shown);
    if (answer_ended_) open_ = line::none;
    show_prompt();
}

void console::end_answer() {
    const bool line_has_ended =
        (open_ != line::answer || row_left_) && output_is_terminal_ && error_is_terminal_;
    if (!answer_ended_ && !line_has_ended) to_output("\n");
    answer_ended_ = true;
    if (open_ != line::answer) return;
    open_ = line::none;
    row_left_ = false;
}

void console::record(std::string_view text) {
    begin(line::none);
    std::string whole(text);
    to_output(whole.append("\n"));
    show_prompt();
}

void console::note(style look, std::string_view text) {
    begin(line::none);
    to_error(dressed(look, one_line(text)) + "\n");
    show_prompt();
}

void console::aside(std::string_view opening, std::string_view piece) {
    const bool begins = open_ != line::aside;
    begin(line::aside);
    std::string shown = begins ? std::string(opening) : std::string();
    shown.append(printable(piece));
    to_error(dressed(style::dim, shown));
    grow_row(shown);
    show_prompt();
}

void console::end_aside() {
    if (open_ == line::aside) begin(line::none);
}

void console::complain(const failure& reported) {
    if (reported.silent) return;
    note(style::error, "parley-chat: " + as_utf8(reported.message));
    if (!reported.details) return;
    std::string facts = reported.type.value_or("ERROR");
    if (reported.code) facts.append(" ").append(*reported.code);
    const std::string more = reported.details->to_string();
    if (!more.empty()) facts.append(": ").append(more);
    note(style::dim, "  " + as_utf8(facts));
}

void console::prompt(bool on) {
    prompt_on_ = on;
    if (on) {
        begin(line::none);
        show_prompt();
    } else if (!typing_) {
        end_prompt();
    }
}

void console::typing(bool on) {
    if (std::exchange(typing_, on) == on) return;
    if (on) {
        show_prompt();
    } else if (!prompt_on_) {
        hide_prompt();
    }
}

void console::echo(std::string_view change) {
    if (prompt_shown_) to_error(change);
}

void console::line_was_entered() {
    prompt_shown_ = false;
    typing_ = false;
    row_left_ = false;
    open_ = line::none;
}

void console::redraw(const std::function<void()>& change) {
    hide_prompt();
    change();
    show_prompt();
}

void console::end_prompt() {
    prompt_on_ = false;
    typing_ = false;
    if (std::exchange(prompt_shown_, false) && error_is_terminal_) {
        to_error("\n"); // nothing was entered there, and nothing will be
    }
}

std::size_t console::columns() const {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

// Brings the terminal to the beginning of a line, unless that very line may go on.
void console::begin(line wanted) {
    hide_prompt();
    if (std::exchange(row_left_, false)) {
        if (wanted == open_) return go_back_to_row();
        open_ = line::none; // the prompt has ended it
    }
    const bool answer_is_in_the_way = open_ == line::answer && wanted != line::answer &&
                                      output_is_terminal_ && error_is_terminal_;
    const bool aside_is_in_the_way = open_ == line::aside && wanted != line::aside;
    // To standard error, so that standard output has the answer alone.
    if (answer_is_in_the_way || aside_is_in_the_way) to_error("\n");
    if (open_ != wanted) row_.clear();
    open_ = wanted;
}

void console::hide_prompt() {
    if (std::exchange(prompt_shown_, false) && error_is_terminal_ && view_ != nullptr) {
        to_error(view_->erased());
    }
}

void console::show_prompt() {
    if ((!prompt_on_ && !typing_) || prompt_shown_ || view_ == nullptr) return;
    const bool line_is_in_the_way =
        open_ == line::aside || (open_ == line::answer && output_is_terminal_);
    if (line_is_in_the_way && !row_left_ && error_is_terminal_) {
        row_left_ = true;
        to_error("\n");
    }
    to_error(view_->drawn());
    prompt_shown_ = true;
}

void console::grow_row(std::string_view piece) {
    const auto feed = piece.rfind('\n');
    if (feed != std::string_view::npos) {
        row_.clear();
        piece.remove_prefix(feed + 1);
    }
    const std::wstring grown = to_wide(row_.append(piece));
    row_ = to_utf8(std::wstring_view(grown).substr(place_after(grown, columns()).row_begin));
}

// The cursor is below the row. Writing the row again puts it where it was, also behind a full one.
void console::go_back_to_row() {
    to_error("\033[A\r" + (open_ == line::aside ? dressed(style::dim, row_) : row_));
}

std::string console::dressed(style look, std::string_view text) const {
    if (!coloured_ || look == style::plain) return std::string(text);
    const char* begin = look == style::dim       ? "\033[2m"
                        : look == style::strong  ? "\033[1m"
                        : look == style::warning ? "\033[33m"
                                                 : "\033[31m";
    return std::string(begin).append(text).append("\033[0m");
}

} // namespace parley_chat
