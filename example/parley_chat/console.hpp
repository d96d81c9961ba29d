#pragma once

#include "exit_status.hpp"
#include "line_input.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace parley_chat {

enum class style { plain, dim, strong, warning, error };

/// Standard output and standard error, which may be one terminal.
///
/// Keeps what goes to the one from running into what goes to the other, and a shown prompt last.
/// Writes at once. Throws `output_closed` when standard output has no reader any more; a standard
/// error without a reader is ignored.
class console {
public:
    console();
    console(const console&) = delete;
    console& operator=(const console&) = delete;

    /// A piece of the answer, for standard output.
    void answer(std::string_view piece);
    /// Ends the line of the answer, if one is open.
    void end_answer();
    /// A line for standard output.
    void record(std::string_view line);

    /// A line for standard error.
    void note(style look, std::string_view line);
    /// A piece of a dimmed paragraph for standard error; `opening` begins its line.
    void aside(std::string_view opening, std::string_view piece);
    void end_aside();
    /// The sentence of an error, and a line with its details.
    void complain(const failure& reported);

    /// The line editor that draws the prompt from now on, or null.
    void prompted_by(prompt_view* view) { view_ = view; }
    /// Shows the prompt now, and again after whatever is written while it is on.
    void prompt(bool on);
    /// The same for as long as there is text behind it that has not been entered; below an answer
    /// that is still coming, whose next piece goes where it left off.
    void typing(bool on);
    /// What typing has changed at the prompt, for the terminal; nothing while it is not shown.
    void echo(std::string_view change);
    /// The terminal has shown the end of the line that was typed at the prompt.
    void line_was_entered();
    /// Changes the typed text, and draws the prompt again if it is shown.
    void redraw(const std::function<void()>& change);
    /// For good.
    void end_prompt();
    std::string prompt_text() const { return dressed(style::strong, ">") + " "; }

    /// Whether a person reads standard error.
    bool error_is_terminal() const noexcept { return error_is_terminal_; }
    /// The width of the terminal.
    std::size_t columns() const;

private:
    enum class line { none, answer, aside };

    void begin(line wanted);
    void hide_prompt();
    void show_prompt();
    void grow_row(std::string_view piece);
    void go_back_to_row();
    std::string dressed(style look, std::string_view text) const;

    bool output_is_terminal_;
    bool error_is_terminal_;
    bool coloured_;
    line open_ = line::none;   // the line that the next piece may go on with
    bool answer_ended_ = true; // whether standard output is at the beginning of a line
    std::string row_;          // the part of the open line on the terminal's last row
    bool row_left_ = false;    // the prompt has taken the row below it
    bool prompt_on_ = false;
    bool typing_ = false;
    bool prompt_shown_ = false;
    prompt_view* view_ = nullptr;
};

/// Whether the environment says that the terminal can move no cursor.
bool is_dumb_terminal();

} // namespace parley_chat
