#include "line_input.hpp"

#include <utility>

namespace parley_chat {

std::unique_ptr<line_input> make_line_input(asio::any_io_executor executor, console& screen) {
    return make_plain_line_input(std::move(executor), screen);
}

} // namespace parley_chat
