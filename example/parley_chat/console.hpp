#pragma once

#include "exit_status.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace parley_chat {

enum class style { plain, dim, strong, warning, error };

/// Standard output and standard error, which may be one terminal.
///
/// Keeps what goes to the one from running into what goes to the other, and a shown prompt last.
/// Writes at once. Throws `output_closed` when nobody reads standard output any more; a standard
/// error that nobody reads is no reason to stop.
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

    /// Shows the prompt now, and again after whatever is written while it is on.
    void prompt(bool on);
    /// Asked for what has been typed so far when a prompt is shown, to show it again behind that.
    void typed_by(std::function<std::string()> typed) { typed_ = std::move(typed); }
    /// The terminal has shown the end of the line that was typed at the prompt.
    void line_was_entered();

    /// Whether a person reads standard error.
    bool error_is_terminal() const noexcept { return error_is_terminal_; }

private:
    enum class line { none, answer, aside };

    void begin(line wanted);
    void show_prompt();
    std::string dressed(style look, std::string_view text) const;

    bool output_is_terminal_;
    bool error_is_terminal_;
    bool coloured_;
    line open_ = line::none;   // the line that the next piece may go on with
    bool answer_ended_ = true; // whether standard output is at the beginning of a line
    bool prompt_on_ = false;
    bool prompt_shown_ = false;
    std::function<std::string()> typed_;
};

} // namespace parley_chat
