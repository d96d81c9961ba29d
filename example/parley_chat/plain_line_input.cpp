#include "console.hpp"
#include "line_input.hpp"
#include "line_reader.hpp"
#include "text.hpp"

#include <utility>

namespace parley_chat {

namespace {

class plain_line_input final : public line_input {
public:
    plain_line_input(asio::any_io_executor executor, console& screen)
        : screen_(screen), reader_(std::move(executor)) {}

    std::string drawn() override { return screen_.prompt_text() + one_line(reader_.unfinished()); }
    std::string erased() override { return "\r\033[K"; }

    awaitable<std::optional<std::string>> next() override {
        std::optional<std::string> line = co_await reader_.next();
        if (line) screen_.line_was_entered();
        co_return line;
    }
    void stop() override { reader_.stop(); }
    void forget_unfinished() override { reader_.forget_unfinished(); } // as the terminal has
    void restore_terminal() override {}

private:
    console& screen_;
    line_reader reader_;
};

} // namespace

std::unique_ptr<line_input> make_plain_line_input(asio::any_io_executor executor, console& screen) {
    return std::make_unique<plain_line_input>(std::move(executor), screen);
}

} // namespace parley_chat
