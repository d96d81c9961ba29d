// The only file that knows of libedit.

#include "console.hpp"
#include "exit_status.hpp"
#include "line_input.hpp"
#include "line_reader.hpp"
#include "text.hpp"
#include "wide_text.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <histedit.h>
#include <memory>
#include <new>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace parley_chat {

namespace {

constexpr std::size_t longest_typed_line = std::size_t{64}
                                           << 10; // keys cost more than bytes of a pipe
constexpr int lines_remembered = 500;
constexpr wchar_t end_of_input = 0x04; // how libedit says so behind a line
constexpr wchar_t invisible = 0x01;    // around the parts of a prompt that move no cursor

// libedit prints into a string, which goes to the terminal only while the prompt is shown.
class collected_output {
public:
    collected_output() {
        cookie_io_functions_t functions{};
        functions.write = [](void* self, const char* data, std::size_t size) {
            static_cast<collected_output*>(self)->text_.append(data, size);
            return static_cast<ssize_t>(size);
        };
        file_ = ::fopencookie(this, "w", functions);
        if (file_ == nullptr) throw std::runtime_error("no stream for the line editor");
    }
    collected_output(const collected_output&) = delete;
    collected_output& operator=(const collected_output&) = delete;
    ~collected_output() { std::fclose(file_); }

    std::FILE* file() const { return file_; }
    std::string take() {
        std::fflush(file_);
        return std::exchange(text_, {});
    }

private:
    std::FILE* file_;
    std::string text_;
};

// The escape sequences in it are marked for libedit, which loses one at the end.
std::wstring marked(const std::string& prompt) {
    std::wstring wide;
    for (const wchar_t c : to_wide(prompt)) {
        if (c == L'\033') wide.push_back(invisible);
        wide.push_back(c);
        if (c == L'm') wide.push_back(invisible);
    }
    return wide;
}

class line_editor final : public line_input {
public:
    /// `terminal` is a descriptor of its own.
    line_editor(asio::any_io_executor executor, int terminal, console& screen)
        : screen_(screen), prompt_(marked(screen.prompt_text())), input_(executor, terminal),
          signals_(executor, SIGWINCH, SIGCONT), history_(::history_winit(), ::history_wend),
          editor_(::el_init_fd("parley-chat", stdin, output_.file(), output_.file(),
                               input_.native_handle(), STDERR_FILENO, STDERR_FILENO),
                  ::el_end) {
        if (!editor_ || !history_) throw std::bad_alloc();
        HistEventW event{};
        ::history_w(history_.get(), &event, H_SETSIZE, lines_remembered);
        ::history_w(history_.get(), &event, H_SETUNIQUE, 1);
        ::el_wset(editor_.get(), EL_CLIENTDATA, this);
        ::el_wset(editor_.get(), EL_GETCFN, &line_editor::next_key);
        ::el_wset(editor_.get(), EL_PROMPT_ESC, &line_editor::prompt, static_cast<int>(invisible));
        ::el_wset(editor_.get(), EL_HIST, history_w, history_.get());
        ::el_wset(editor_.get(), EL_EDITOR, L"emacs");
        // These read on by themselves, and would wait for a key that is not there yet.
        ::el_wset(editor_.get(), EL_BIND, L"^V", L"ed-unassigned", nullptr);
        ::el_wset(editor_.get(), EL_BIND, L"^[x", L"ed-unassigned", nullptr);
        ::el_wset(editor_.get(), EL_BIND, L"^[X", L"ed-unassigned", nullptr);
        ::el_wset(editor_.get(), EL_UNBUFFERED, 1);
        output_.take();
        await_signal();
    }
    ~line_editor() override {
        signals_.cancel();
        ::el_wset(editor_.get(), EL_UNBUFFERED, 0); // the terminal's usual ways
    }

    std::string drawn() override {
        output_.take();
        ::el_wset(editor_.get(), EL_REFRESH);
        return output_.take();
    }

    std::string erased() override {
        const LineInfoW* line = ::el_wline(editor_.get());
        const auto typed = static_cast<std::size_t>(line->cursor - line->buffer);
        std::wstring shown = L"> ";
        shown.append(line->buffer, typed);
        const std::size_t columns = screen_.columns();
        const cursor_place cursor = place_after(shown, columns);
        // libedit has gone on to the next row where one is full.
        const std::size_t up = cursor.row + (cursor.column == columns ? 1 : 0);
        std::string text = "\r";
        if (up > 0) text.append("\033[").append(std::to_string(up)).append("A");
        return text.append("\033[J");
    }

    awaitable<std::optional<std::string>> next() override {
        while (lines_.empty() && !at_end_) {
            std::array<char, 4096> piece;
            boost::system::error_code failed;
            const std::size_t size = co_await input_.async_read_some(
                asio::buffer(piece), asio::redirect_error(asio::use_awaitable, failed));
            take(std::string_view(piece.data(), size));
            if (failed == asio::error::eof || failed == asio::error::operation_aborted) {
                at_end_ = true;
            } else if (failed) {
                throw usage_error("Standard input cannot be read: " + failed.message() + ".");
            }
        }
        if (lines_.empty()) co_return std::nullopt;
        std::string line = std::move(lines_.front());
        lines_.pop_front();
        co_return line;
    }

    void stop() override {
        at_end_ = true;
        lines_.clear();
        boost::system::error_code ignored; // closing for good
        input_.cancel(ignored);
    }

    void forget_unfinished() override {
        pending_.clear();
        screen_.redraw([this] { begin_line(); });
        screen_.typing(false);
    }

    void restore_terminal() override { ::el_wset(editor_.get(), EL_PREP_TERM, 0); }

private:
    static line_editor& of(EditLine* editor) {
        void* self = nullptr;
        ::el_wget(editor, EL_CLIENTDATA, &self);
        return *static_cast<line_editor*>(self);
    }
    static wchar_t* prompt(EditLine* editor) { return of(editor).prompt_.data(); }
    static int next_key(EditLine* editor, wchar_t* key) {
        auto& keys = of(editor).keys_;
        if (keys.empty()) return 0;
        *key = keys.front();
        keys.pop_front();
        return 1;
    }

    // libedit gets whole keys: it would wait for the rest of one.
    void take(std::string_view bytes) {
        pending_.append(bytes);
        while (const std::size_t size = first_key(pending_)) {
            const std::wstring key = to_wide(std::string_view(pending_).substr(0, size));
            pending_.erase(0, size);
            keys_.assign(key.begin(), key.end());
            while (!keys_.empty() && !at_end_)
                edit();
        }
    }

    void edit() {
        int size = 0;
        const wchar_t* text = ::el_wgets(editor_.get(), &size);
        screen_.echo(output_.take());
        const auto typed = text == nullptr || size < 0 ? 0 : static_cast<std::size_t>(size);
        const wchar_t last = typed == 0 ? L'\0' : text[typed - 1];
        if (last == L'\n') {
            enter(std::wstring(text, typed - 1));
        } else if (last == end_of_input) {
            at_end_ = true;
        } else if (typed > longest_typed_line) {
            throw usage_error("A line of the input is too long.");
        } else {
            screen_.typing(typed > 0);
        }
    }

    void enter(const std::wstring& line) {
        screen_.line_was_entered();
        if (line.find_first_not_of(L" \t") != std::wstring::npos) {
            HistEventW event{};
            ::history_w(history_.get(), &event, H_ENTER, line.c_str());
        }
        begin_line();
        lines_.push_back(to_utf8(line));
    }

    void begin_line() {
        ::el_reset(editor_.get()); // and the terminal, to its usual ways
        ::el_wset(editor_.get(), EL_PREP_TERM, 1);
        output_.take();
    }

    // The window has another size, or the program was in the background, where the shell had the
    // terminal its way.
    void await_signal() {
        signals_.async_wait([this](boost::system::error_code failed, int) {
            if (failed) return;
            screen_.redraw([this] {
                ::el_wset(editor_.get(), EL_PREP_TERM, 0);
                ::el_wset(editor_.get(), EL_PREP_TERM, 1);
                ::el_resize(editor_.get());
                output_.take();
            });
            await_signal();
        });
    }

    console& screen_;
    std::wstring prompt_;
    asio::posix::stream_descriptor input_;
    asio::signal_set signals_;
    collected_output output_;
    std::unique_ptr<HistoryW, decltype(&::history_wend)> history_;
    std::unique_ptr<EditLine, decltype(&::el_end)> editor_;
    std::string pending_;      // the beginning of a key
    std::deque<wchar_t> keys_; // of the key that libedit is given
    std::deque<std::string> lines_;
    bool at_end_ = false;
};

} // namespace

std::unique_ptr<line_input> make_line_input(asio::any_io_executor executor, console& screen) {
    const bool can_edit = screen.error_is_terminal() && !is_dumb_terminal() && MB_CUR_MAX > 1;
    const int terminal = can_edit ? open_terminal() : -1;
    if (terminal < 0) return make_plain_line_input(std::move(executor), screen);
    return std::make_unique<line_editor>(std::move(executor), terminal, screen);
}

} // namespace parley_chat
