#include "text_output.hpp"

#include "console.hpp"
#include "text.hpp"

#include <string_view>

namespace parley_chat {

namespace {

constexpr std::size_t longest_value = 300; // bytes of a server's or tool's JSON in a note

std::string value(const parley::json_text& json) {
    return shortened(std::string(json.view()), longest_value);
}

std::string with_code(std::string text, const std::optional<std::string>& code) {
    if (code) text.append(" (").append(*code).append(")");
    return text;
}

} // namespace

// One overload for each event.
class text_output::shown {
public:
    explicit shown(text_output& owner) : owner_(owner), screen_(owner.screen_) {}

    void operator()(const parley::text_delta& e) const { screen_.answer(e.text); }

    // A person sees the thought as it comes; a log gets it in one piece.
    void operator()(const parley::reasoning_started&) const {}
    void operator()(const parley::reasoning_delta& e) const {
        if (!screen_.error_is_terminal()) return;
        if (e.id != owner_.thought_) screen_.end_aside();
        owner_.thought_ = e.id;
        screen_.aside("  thinking: ", e.text);
    }
    void operator()(const parley::reasoning_finished& e) const {
        if (screen_.error_is_terminal()) {
            screen_.end_aside();
        } else {
            dim("thinking: " + e.text);
        }
    }

    void operator()(const parley::tool_started& e) const {
        dim("tool " + e.name + " " + value(e.parameters));
    }
    void operator()(const parley::tool_finished& e) const {
        if (e.outcome == parley::tool_outcome::succeeded && e.result) {
            dim("tool " + e.name + " -> " + value(*e.result));
        } else {
            screen_.note(style::warning, "  tool " + e.name + " failed: " + e.error);
        }
    }
    void operator()(const parley::tool_answer_repeated& e) const {
        dim("tool " + e.name + " was requested again: answered as before");
    }
    void operator()(const parley::server_tool_started& e) const {
        dim("server tool " + e.name + (e.arguments ? " " + value(*e.arguments) : std::string()));
    }
    void operator()(const parley::server_tool_finished& e) const {
        dim("server tool " + e.name + (e.result ? " -> " + value(*e.result) : " is done"));
    }
    void operator()(const parley::ui_component& e) const {
        dim("component " + e.name + " " + value(e.props));
    }
    void operator()(const parley::thread_created&) const {}
    void operator()(const parley::messages_persisted&) const {}

    void operator()(const parley::chat_finished&) const { screen_.end_answer(); }
    void operator()(const parley::chat_failed& e) const {
        screen_.end_answer();
        screen_.note(style::error, "The server could not answer: " + with_code(e.error, e.code));
    }
    void operator()(const parley::server_error& e) const {
        screen_.note(style::warning, "  the server reports: " + with_code(e.error, e.code));
    }
    void operator()(const parley::message_skipped& e) const {
        std::string text = "  a message of the server was skipped: ";
        text.append(parley::to_string(e.reason));
        if (!e.detail.empty()) text.append(" (").append(e.detail).append(")");
        screen_.note(style::warning, text);
    }

    void operator()(const parley::connection_lost& e) const {
        screen_.end_answer();
        if (e.reason == parley::loss_reason::requested) return dim("the session is opened again");
        std::string text = "  connection lost: ";
        text.append(e.cause.message.empty() ? parley::to_string(e.reason) : e.cause.message);
        screen_.note(style::warning, text);
    }
    void operator()(const parley::reconnecting& e) const {
        std::string text =
            "reconnecting in " + readable(e.delay) + ", attempt " + std::to_string(e.attempt);
        if (e.attempt > 1 && !e.cause.message.empty()) text += ": " + e.cause.message;
        dim(text);
    }
    void operator()(const parley::connection_restored&) const {
        screen_.note(style::plain, "  connected again");
    }
    void operator()(const parley::connection_failed&) const {} // the program ends with its sentence
    void operator()(const parley::ticket_renewed& e) const {
        if (owner_.wanted_ == detail::full) {
            dim("ticket renewed, valid for " + readable(e.expires_in));
        }
    }
    void operator()(const parley::ticket_renewal_failed& e) const {
        screen_.note(style::warning, "  ticket not renewed yet: " + e.cause.message);
    }
    void operator()(const parley::handler_failed& e) const {
        screen_.note(style::warning, "  " + e.message);
    }

private:
    void dim(const std::string& text) const { screen_.note(style::dim, "  " + text); }

    text_output& owner_;
    console& screen_;
};

void text_output::ready(const std::vector<std::string>& tools) {
    if (wanted_ == detail::quiet) return;
    std::string text = "  session ready";
    if (!tools.empty()) text.append(tools.size() == 1 ? ", tool:" : ", tools:");
    for (const auto& name : tools)
        text.append(" ").append(name);
    screen_.note(style::plain, text);
}

void text_output::happened(const parley::event& event) { std::visit(shown{*this}, event); }

void text_output::failed(const failure& reported) { screen_.complain(reported); }

} // namespace parley_chat
