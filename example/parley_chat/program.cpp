#include "program.hpp"

#include "client_setup.hpp"
#include "json_output.hpp"
#include "text_output.hpp"

#include <csignal>
#include <cstdlib>
#include <unistd.h>
#include <utility>

namespace parley_chat {

namespace {

std::unique_ptr<output> make_output(const options& wanted, bool on_terminal, console& screen) {
    if (wanted.json) return std::make_unique<json_output>(screen);
    const bool is_watched = wanted.messages.empty() && (on_terminal || wanted.demo);
    return std::make_unique<text_output>(screen, is_watched ? text_output::detail::full
                                                            : text_output::detail::quiet);
}

} // namespace

program::program(asio::io_context& io, options wanted, console& screen)
    : io_(io), wanted_(std::move(wanted)), screen_(screen),
      on_terminal_(wanted_.messages.empty() && ::isatty(STDIN_FILENO) == 1),
      output_(make_output(wanted_, on_terminal_, screen)),
      commands_(std::make_shared<running_commands>()), changed_(io.get_executor()),
      signals_(io, SIGINT, SIGTERM) {}

program::~program() = default;

void program::start() {
    await_signal();
    living_.start(io_.get_executor(), live(), changed_);
}

awaitable<void> program::live() {
    std::exception_ptr thrown;
    try {
        co_await talk();
    } catch (...) {
        thrown = std::current_exception();
    }
    try {
        co_await put_away();
    } catch (...) {
        if (!thrown) thrown = std::current_exception();
    }
    status_ = exit_status::done;
    if (leaving_ || (talk_ && talk_->leaving())) {
        status_ = leaving_ ? *leaving_ : *talk_->leaving();
    } else if (thrown) {
        report(thrown);
    }
    io_.stop();
}

awaitable<void> program::talk() {
    if (wanted_.messages.empty() && !on_terminal_) {
        piped_.emplace(io_.get_executor(), changed_);
        piped_->start();
    }
    if (wanted_.demo) {
        co_await choose_script();
        if (leaving_) co_return;
        demo_.emplace(scripted_);
        if (wanted_.messages.empty()) demo_->introduce(screen_);
    }
    co_await open();
    if (!wanted_.messages.empty()) {
        co_await say_messages();
        co_return;
    }
    if (on_terminal_) person_.emplace(*talk_, screen_, *commands_);
    if (scripted_) {
        co_await demo_->perform(*talk_, screen_);
        screen_.note(style::strong, person_ ? "6. Your turn" : "6. A clean end");
    }
    if (person_) {
        co_await person_->run();
    } else {
        co_await piped_->say_all(*talk_);
    }
}

// Without messages the demonstration uses a script.
awaitable<void> program::choose_script() {
    scripted_ = on_terminal_;
    if (piped_) {
        const bool brought = co_await piped_->has_message();
        scripted_ = !brought;
    }
}

awaitable<void> program::open() {
    auto built_in = demo_ ? demo::tools() : std::vector<parley::tool>{};
    auto config = client_config(wanted_, demo_ ? demo_->url() : wanted_.url, std::move(built_in),
                                screen_, commands_);
    if (demo_) demo_->adjust(config);
    conversation::settings chosen;
    chosen.answer_timeout = wanted_.answer_timeout;
    chosen.provider_res_id = wanted_.provider_res_id;
    talk_.emplace(io_.get_executor(), std::move(config), *output_, changed_, std::move(chosen));
    if (on_terminal_ && !demo_) {
        // A query may hold a secret.
        screen_.note(style::dim, "  connecting to " + wanted_.url.substr(0, wanted_.url.find('?')));
    }
    co_await talk_->open();
}

awaitable<void> program::say_messages() {
    for (const auto& each : wanted_.messages) {
        std::string message = each;
        if (co_await talk_->say(std::move(message)) == conversation::answer::failed) {
            throw ended(exit_status::chat);
        }
    }
}

awaitable<void> program::put_away() {
    if (piped_) co_await piped_->stop();
    if (talk_) co_await talk_->close();
}

void program::report(const std::exception_ptr& thrown) {
    const failure reported = describe(thrown);
    status_ = reported.status;
    if (reported.silent) return;
    try {
        output_->failed(reported);
        if (may_wait(reported)) {
            screen_.note(style::dim, "  --retry-first waits for a server that is not up yet");
        }
    } catch (const output_closed&) {
        status_ = exit_status::unforeseen;
    }
}

// Whether what kept the first session from opening could pass, and no option asked to wait for
// that.
bool program::may_wait(const failure& reported) const {
    const bool was_open = talk_ && talk_->is_open();
    // A name without an address, a proxy and TLS that fail are rather wrong settings.
    const bool could_pass = reported.details && reported.details->retryable &&
                            reported.details->phase != parley::phase::resolve &&
                            reported.details->phase != parley::phase::proxy &&
                            reported.details->phase != parley::phase::tls;
    const bool has_been_said = reported.message.find("--retry-first") != std::string::npos;
    return could_pass && !was_open && !wanted_.retry_first && !has_been_said;
}

void program::await_signal() {
    signals_.async_wait([this](boost::system::error_code failed, int signal) {
        if (failed) return;
        interrupted(signal);
        await_signal();
    });
}

void program::interrupted(int signal) {
    const auto asked = signal == SIGINT ? exit_status::interrupted : exit_status::terminated;
    if (leaving_ || (talk_ && talk_->leaving())) {
        if (person_) person_->restore_terminal();
        std::_Exit(static_cast<int>(asked)); // the user does not wait for the clean end
    }
    if (person_ && signal == SIGINT) {
        person_->interrupt();
        return;
    }
    leaving_ = asked;
    if (talk_) {
        talk_->leave(asked);
    } else {
        changed_.ring();
    }
}

} // namespace parley_chat
