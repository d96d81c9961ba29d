#include "piped_input.hpp"

#include <utility>

namespace parley_chat {

namespace {

constexpr std::size_t read_ahead = 16; // messages; a faster writer waits

} // namespace

piped_input::piped_input(asio::any_io_executor executor, bell& changed)
    : executor_(executor), changed_(changed), input_(executor) {}

void piped_input::start() { reading_.start(executor_, read(), changed_); }

awaitable<void> piped_input::stop() {
    stopped_ = true;
    input_.stop();
    changed_.ring();
    while (reading_.running())
        co_await changed_.wait();
}

awaitable<bool> piped_input::has_message() {
    while (messages_.empty() && reading_.running())
        co_await changed_.wait();
    if (messages_.empty()) reading_.rethrow();
    co_return !messages_.empty();
}

awaitable<void> piped_input::say_all(conversation& talk) {
    const std::function<bool()> something = [this] {
        return !messages_.empty() || !reading_.running();
    };
    for (;;) {
        co_await talk.wait(something);
        if (messages_.empty()) break;
        std::string message = std::move(messages_.front());
        messages_.pop_front();
        changed_.ring();
        if (co_await talk.say(std::move(message)) == conversation::answer::failed) {
            throw ended(exit_status::chat);
        }
    }
    reading_.rethrow();
}

awaitable<void> piped_input::read() {
    while (auto line = co_await input_.next()) {
        if (line->find_first_not_of(" \t") == std::string::npos) continue;
        messages_.push_back(std::move(*line));
        changed_.ring();
        while (messages_.size() >= read_ahead && !stopped_)
            co_await changed_.wait();
    }
}

} // namespace parley_chat
