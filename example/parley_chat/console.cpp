#include "console.hpp"

#include "text.hpp"

#include <cerrno>
#include <cstdlib>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace parley_chat {

namespace {

// Standard output may be non-blocking: somebody else's terminal or pipe can be shared.
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

bool is_dumb_terminal() {
    const char* name = std::getenv("TERM");
    return name == nullptr || std::string_view(name) == "dumb";
}

} // namespace

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
    if (answer_ended_) open_ = line::none;
}

void console::end_answer() {
    const bool broken_by_a_note =
        open_ != line::answer && output_is_terminal_ && error_is_terminal_;
    if (!answer_ended_ && !broken_by_a_note) to_output("\n");
    answer_ended_ = true;
    if (open_ == line::answer) open_ = line::none;
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
    to_error(dressed(style::dim, shown.append(printable(piece))));
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
    } else if (std::exchange(prompt_shown_, false) && error_is_terminal_) {
        to_error("\n"); // nothing was entered there, and nothing will be
    }
}

void console::line_was_entered() {
    prompt_shown_ = false;
    open_ = line::none;
}

// Brings the terminal to the beginning of a line, unless that very line may go on.
void console::begin(line wanted) {
    if (prompt_shown_ && error_is_terminal_) to_error("\r\033[K");
    prompt_shown_ = false;
    const bool answer_is_in_the_way = open_ == line::answer && wanted != line::answer &&
                                      output_is_terminal_ && error_is_terminal_;
    const bool aside_is_in_the_way = open_ == line::aside && wanted != line::aside;
    // To standard error, so that what is captured from standard output is the answer and no more.
    if (answer_is_in_the_way || aside_is_in_the_way) to_error("\n");
    open_ = wanted;
}

void console::show_prompt() {
    if (!prompt_on_) return;
    to_error(dressed(style::strong, "> ") + (typed_ ? one_line(typed_()) : std::string()));
    prompt_shown_ = true;
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
