#include "interactive.hpp"

#include <parley/status.hpp>

#include "console.hpp"
#include "shell_tool.hpp"
#include "text.hpp"

#include <exception>
#include <string_view>
#include <utility>

namespace parley_chat {

namespace {

constexpr std::string_view white = " \t";

std::string trimmed(const std::string& line) {
    const auto first = line.find_first_not_of(white);
    if (first == std::string::npos) return {};
    return line.substr(first, line.find_last_not_of(white) - first + 1);
}

} // namespace

interactive::interactive(conversation& talk, console& screen, running_commands& commands)
    : talk_(talk), screen_(screen), commands_(commands),
      input_(make_line_input(talk.executor(), screen)) {
    screen_.prompted_by(input_.get());
}

interactive::~interactive() { screen_.prompted_by(nullptr); }

awaitable<void> interactive::run() {
    std::exception_ptr thrown;
    screen_.note(style::dim, "  /help lists the commands; Ctrl-C stops an answer");
    listening_.start(talk_.executor(), listen(), talk_.changed());
    try {
        co_await converse();
    } catch (...) {
        thrown = std::current_exception(); // the input is put in order first
    }
    screen_.end_prompt();
    input_->stop();
    while (listening_.running())
        co_await talk_.changed().wait();
    if (thrown) std::rethrow_exception(thrown);
    listening_.rethrow();
}

void interactive::interrupt() {
    if (interrupted_ || !talk_.is_open()) {
        talk_.leave(exit_status::interrupted);
        return;
    }
    interrupted_ = true;
    messages_.clear();
    input_->forget_unfinished();
    if (talk_.message_waits()) {
        talk_.withdraw();
        screen_.note(style::dim, "  the message is withdrawn; Ctrl-C again quits");
    } else if (talk_.answer_is_awaited()) {
        screen_.note(style::dim, "  stopping; Ctrl-C again quits");
        stop_answer();
    } else {
        screen_.note(style::dim, "  Ctrl-C again quits");
    }
}

awaitable<void> interactive::listen() {
    for (;;) {
        auto line = co_await input_->next();
        if (!line) break;
        interrupted_ = false;
        std::string text = trimmed(*line);
        const bool is_command = text.starts_with('/') && !text.starts_with("//");
        if (text.starts_with("//")) text.erase(0, 1); // a message that begins with a slash
        if (is_command) {
            co_await obey(std::move(text));
        } else if (!text.empty()) {
            messages_.push_back(std::move(text));
            talk_.changed().ring();
        }
        if (messages_.empty() && !talk_.answer_is_awaited() && !talk_.leaving()) {
            screen_.prompt(true);
        }
    }
    input_ended_ = true;
}

awaitable<void> interactive::converse() {
    const std::function<bool()> something = [this] { return !messages_.empty() || input_ended_; };
    for (;;) {
        if (messages_.empty()) screen_.prompt(true);
        co_await talk_.wait(something);
        screen_.prompt(false);
        if (messages_.empty()) co_return;
        std::string message = std::move(messages_.front());
        messages_.pop_front();
        co_await say(std::move(message));
    }
}

// What goes wrong with one message is no reason to end the conversation.
awaitable<void> interactive::say(std::string message) {
    std::exception_ptr thrown;
    if (!talk_.client().status().connected) {
        screen_.note(style::dim, "  there is no connection now; the message waits for it");
    }
    try {
        co_await talk_.say(std::move(message));
    } catch (const parley::client_error&) {
        thrown = std::current_exception();
    }
    screen_.end_answer();
    if (thrown) screen_.complain(describe(thrown));
}

awaitable<void> interactive::obey(std::string command) {
    if (command == "/quit" || command == "/exit") {
        talk_.leave(exit_status::done);
    } else if (command == "/stop") {
        if (talk_.answer_is_awaited()) {
            messages_.clear();
            stop_answer();
        } else {
            screen_.note(style::dim, "  there is no answer to stop");
        }
    } else if (command == "/status") {
        show_status();
    } else if (command == "/reconnect") {
        co_await attempt(talk_.client().reconnect());
    } else if (command == "/help") {
        show_help();
    } else {
        screen_.note(style::warning, "  unknown command " + command + "; /help lists them");
    }
}

// The server gets stop_run first: after a tool's failure it would continue the answer.
void interactive::stop_answer() {
    stopping_.start(talk_.executor(), attempt(talk_.client().stop_run()), talk_.changed());
    commands_.stop();
}

// A command that fails says why; the end of the program is told by `conversation`.
awaitable<void> interactive::attempt(awaitable<void> work) {
    std::exception_ptr thrown;
    try {
        co_await std::move(work);
    } catch (const std::exception&) {
        thrown = std::current_exception();
    }
    if (thrown && !talk_.leaving()) screen_.complain(describe(thrown));
}

void interactive::show_status() {
    const parley::connection_status now = talk_.client().status();
    std::string connection = "  connection: ";
    connection.append(parley::to_string(now.state));
    if (now.reconnect_attempts > 0) {
        connection.append(", attempt ").append(std::to_string(now.reconnect_attempts));
    }
    if (now.websocket.last_error && !now.connected) {
        connection.append(", ").append(now.websocket.last_error->message);
    }
    screen_.note(style::plain, connection);

    std::string ticket = "  ticket:     ";
    ticket.append(now.has_valid_ticket ? "valid" : "none that is valid");
    if (now.ticket_expires_in) ticket.append(" for ").append(readable(*now.ticket_expires_in));
    screen_.note(style::plain, ticket);

    const auto& wire = now.websocket;
    std::string traffic = "  messages:   ";
    traffic.append(std::to_string(wire.messages_sent)).append(" sent, ");
    traffic.append(std::to_string(wire.messages_received)).append(" received");
    if (wire.round_trip) {
        traffic.append(", round trip ");
        traffic.append(std::to_string(wire.round_trip->count())).append(" us");
    }
    screen_.note(style::plain, traffic);
}

void interactive::show_help() {
    for (const std::string_view line : {"  /stop       stops the current answer",
                                        "  /status     shows the connection and the ticket",
                                        "  /reconnect  closes the connection and opens it again",
                                        "  /quit       ends the program, as Ctrl-D does",
                                        "  //text      sends a message that begins with a slash"}) {
        screen_.note(style::plain, line);
    }
}

} // namespace parley_chat
