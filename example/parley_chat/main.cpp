#include "console.hpp"
#include "json_output.hpp"
#include "options.hpp"
#include "program.hpp"

#include <boost/asio/io_context.hpp>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <langinfo.h>
#include <unistd.h>

namespace {

using namespace parley_chat;

// A stream that was closed by whoever started this program must not become a socket's number. What
// stands in for standard output cannot be written, as a closed one cannot.
void hold_standard_streams() {
    for (const int each : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(each, F_GETFD) >= 0) continue;
        if (::open("/dev/null", each == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0) std::_Exit(1);
    }
}

// What is typed and shown is UTF-8, whatever the environment says.
void choose_locale() {
    const bool chosen = std::setlocale(LC_CTYPE, "") != nullptr;
    if (!chosen || std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) {
        std::setlocale(LC_CTYPE, "C.UTF-8");
    }
}

int report(const failure& reported, bool as_json, console& screen) {
    screen.complain(reported);
    if (as_json) screen.record(error_line(reported));
    return static_cast<int>(reported.status);
}

int run(int argc, char** argv, console& screen) {
    command_line understood = read_command_line(argc, argv);
    if (understood.text) {
        screen.answer(*understood.text);
        screen.end_answer();
        return 0;
    }
    boost::asio::io_context io{1};
    program parley{io, std::move(understood.wanted), screen};
    parley.start();
    io.run();
    return static_cast<int>(parley.status());
}

} // namespace

int main(int argc, char** argv) {
    hold_standard_streams();
    std::signal(SIGPIPE, SIG_IGN);
    choose_locale();
    try {
        console screen;
        try {
            return run(argc, argv, screen);
        } catch (const usage_error&) {
            return report(describe(std::current_exception()), asks_for_json(argc, argv), screen);
        }
    } catch (const output_closed&) {
        return 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "parley-chat: %s\n", error.what());
        return 1;
    }
}
