#include "load/server.hpp"

#include <parley/testing/chat_server.hpp>

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <poll.h>
#include <random>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace parley::load {

namespace {

using namespace std::chrono_literals;
using testing::endpoint;
using testing::http_fault;
using testing::session_fault;

void write_all(int to, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(to, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) std::_Exit(1); // the parent has ended
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

testing::chat_server_options frugal() {
    testing::chat_server_options options;
    options.awkward_tickets = true;
    options.max_recorded = 20; // what the server remembers is not what is tested
    return options;
}

/// The child's side.
class harmful_server {
public:
    harmful_server(std::uint32_t seed, unsigned sessions, int commands, int answers)
        : random_(seed), at_once_(1 + sessions / 250), commands_(commands), answers_(answers),
          server_(frugal()) {
        server_.on_message([this](const testing::received_message& got) { return answer(got); });
    }

    void run() {
        write_all(answers_, server_.url() + "\n");
        for (;;) {
            pollfd readable{commands_, POLLIN, 0};
            if (::poll(&readable, 1, 200) == 0) {
                if (harming_) harm();
                continue;
            }
            char command = 0;
            if (::read(commands_, &command, 1) != 1) return;
            if (command == 't') return tell();
            harming_ = command == '+';
            if (!harming_) server_.clear_faults();
            if (!harming_) server_.resume_all();
        }
    }

private:
    unsigned chance(unsigned of) { return static_cast<unsigned>(random_() % of); }

    /// On the server's thread. A content is `number rest`.
    testing::answer_script answer(const testing::received_message& got) {
        const std::lock_guard lock(mutex_);
        ++messages_[std::strtoull(got.content.c_str(), nullptr, 10)];
        testing::answer_script script;
        const auto what = ++answered_ % 40;
        if (what < 8) script.call_tool("echo", R"({"n":1})", fmt::format("call-{}", answered_));
        if (what == 8) return script.chat_error("no", "NO").finish(), script;
        if (what == 9) return script.text("half an").drop(), script;
        if (what == 10) return script.raw(R"({"type":)").text("broken").finish(), script;
        if (what == 11) return script.close(1012), script;
        script.text("one ").text("two").finish();
        return script;
    }

    void harm() {
        ++faults_;
        const auto count = 1 + chance(at_once_);
        switch (chance(400)) {
        case 0:
            return server_.drop_all();
        case 1:
            return server_.close_all(1012);
        case 2:
            return server_.revoke_tickets();
        default:
            break;
        }
        switch (chance(14)) {
        case 0:
            return server_.fail(endpoint::ticket, http_fault::status(503), count);
        case 1:
            return server_.fail(endpoint::ticket, http_fault::reset(), count);
        case 2:
            return server_.fail(endpoint::ticket, http_fault::delay(300ms), count);
        case 3:
            return server_.fail(endpoint::ticket, http_fault::raw("HTTP/1.1 nonsense\r\n\r\n"), 1);
        case 4:
            return server_.fail(endpoint::upgrade, http_fault::status(502), count);
        case 5:
            return server_.fail(endpoint::upgrade, http_fault::status(401), 1);
        case 6:
            return server_.fail(endpoint::upgrade, http_fault::reset(), count);
        case 7:
            return server_.fail_sessions(session_fault().drop_after(1 + chance(8)), count);
        case 8:
            return server_.fail_sessions(session_fault().close(1011), count);
        case 9:
            return server_.fail_sessions(session_fault().never_established(), 1);
        case 10:
            return server_.fail_sessions(session_fault().delay_established(200ms), count);
        case 11:
            return server_.fail(endpoint::ticket, http_fault::hang(), 1);
        case 12:
            return server_.resume_all();
        default:
            return server_.clear_faults();
        }
    }

    void tell() {
        const auto seen = server_.seen();
        const auto violations = server_.violations();
        server_.stop();
        write_all(answers_,
                  fmt::format("{} {} {} {} {}\n{}\n", seen.sessions_opened, seen.ticket_requests,
                              seen.protocol_errors, seen.internal_errors, faults_,
                              violations.empty() ? "" : violations.front()));
        std::string text;
        for (const auto& [number, times] : messages_)
            text += fmt::format("{} {}\n", number, times);
        write_all(answers_, text + "end\n");
    }

    std::mt19937 random_;
    const unsigned at_once_; ///< the faults of one kind
    const int commands_;
    const int answers_;
    bool harming_ = false;
    std::size_t faults_ = 0;
    std::mutex mutex_; // guards what is below
    std::size_t answered_ = 0;
    std::unordered_map<std::uint64_t, unsigned> messages_;
    testing::chat_server server_; // last: its thread uses the others
};

} // namespace

server_process::server_process(std::uint32_t seed, unsigned sessions) {
    std::array<int, 2> to{};
    std::array<int, 2> from{};
    if (::pipe(to.data()) != 0 || ::pipe(from.data()) != 0) throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ < 0) throw std::runtime_error("no process");
    if (child_ == 0) {
        ::close(to[1]);
        ::close(from[0]);
        harmful_server(seed, sessions, to[0], from[1]).run();
        std::_Exit(0);
    }
    ::close(to[0]);
    ::close(from[1]);
    commands_ = to[1];
    answers_ = from[0];
    url_ = line();
}

server_process::~server_process() {
    ::close(commands_);
    ::close(answers_);
    ::waitpid(child_, nullptr, 0);
}

void server_process::harm(bool yes) { write_all(commands_, yes ? "+" : "-"); }

std::string server_process::line() {
    for (;;) {
        if (const auto end = unread_.find('\n'); end != std::string::npos) {
            auto found = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            return found;
        }
        std::array<char, 4096> more{};
        const auto got = ::read(answers_, more.data(), more.size());
        if (got <= 0) throw std::runtime_error("the server's process has ended");
        unread_.append(more.data(), static_cast<std::size_t>(got));
    }
}

server_tally server_process::tally() {
    write_all(commands_, "t");
    server_tally seen;
    if (std::sscanf(line().c_str(), "%zu %zu %zu %zu %zu", &seen.sessions, &seen.ticket_requests,
                    &seen.violations, &seen.internal_errors, &seen.faults) != 5)
        throw std::runtime_error("the server's process says nonsense");
    seen.first_violation = line();
    for (auto text = line(); text != "end"; text = line()) {
        char* rest = nullptr;
        const auto number = std::strtoull(text.c_str(), &rest, 10);
        seen.messages[number] = static_cast<unsigned>(std::strtoul(rest, nullptr, 10));
    }
    return seen;
}

} // namespace parley::load
