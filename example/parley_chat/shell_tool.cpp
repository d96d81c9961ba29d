#include "shell_tool.hpp"

#include <parley/error.hpp>

#include "child_process.hpp"
#include "text.hpp"

#include <boost/asio/this_coro.hpp>

#include <memory>
#include <stdexcept>
#include <utility>

namespace parley_chat {

namespace {

constexpr std::size_t longest_error = 1'000;

std::string last_line(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.pop_back();
    const auto feed = text.rfind('\n');
    return feed == std::string::npos ? text : text.substr(feed + 1);
}

std::string error_of(const child_process::outcome& ended) {
    const std::string said = last_line(as_utf8(ended.errors));
    if (!said.empty()) return shortened(said, longest_error);
    if (ended.signal != 0) {
        return "the command was terminated by signal " + std::to_string(ended.signal);
    }
    return "the command ended with status " + std::to_string(ended.status);
}

awaitable<parley::json_text> run_command(std::string command, std::string parameters,
                                         std::shared_ptr<running_commands> running) {
    auto executor = co_await asio::this_coro::executor;
    // Ends the process group when this coroutine is cancelled.
    const auto process = std::make_shared<child_process>(executor);
    const child_process::owner child{process};
    running->add(process);
    child->start(std::move(command), std::move(parameters));
    co_await child->wait();
    child_process::outcome ended = child->take_outcome();
    if (ended.stopped) throw std::runtime_error("stopped by the user");
    if (ended.too_much) throw std::runtime_error("the output of the command is too large");
    if (ended.status != 0 || ended.signal != 0) throw std::runtime_error(error_of(ended));
    co_return output_as_json(std::move(ended.output));
}

} // namespace

void running_commands::add(const std::shared_ptr<child_process>& command) {
    std::erase_if(commands_, [](const auto& each) { return each.expired(); });
    commands_.push_back(command);
}

void running_commands::stop() {
    for (const auto& each : std::exchange(commands_, {})) {
        if (const auto command = each.lock()) command->stop();
    }
}

parley::json_text output_as_json(std::string output) {
    if (!output.empty() && output.back() == '\n') output.pop_back();
    try {
        if (!output.empty()) return parley::json_text::parse(output);
    } catch (const parley::client_error& error) {
        // No JSON: it is a text then, and every text will do.
        if (error.code() != parley::make_error_code(parley::errc::invalid_json)) throw;
    }
    return parley::json_text::from_string(as_utf8(output));
}

parley::tool shell_tool(std::string name, std::string command, parley::json_text schema,
                        std::shared_ptr<running_commands> running) {
    std::string description = "Runs a command: " + name;
    return {std::move(name), std::move(description), std::move(schema),
            [command = std::move(command), running = std::move(running)](parley::tool_call call) {
                return run_command(command, std::string(call.parameters().view()), running);
            }};
}

} // namespace parley_chat
