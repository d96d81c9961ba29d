#include <parley/error.hpp>
#include <parley/json_text.hpp>
#include <parley/tool.hpp>

#include "parley_chat/shell_tool.hpp"
#include "support/catch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace parley_chat_shell_tool_test {

using parley_chat::output_as_json;
namespace asio = boost::asio;

namespace {

parley::tool_call call_with(std::string parameters) {
    return {"t", "c", parley::json_text::parse(std::move(parameters)),
            std::chrono::steady_clock::time_point::max()};
}

// What the command's result is, or what it throws: `error: …`.
std::string outcome_of(std::string command, std::string parameters = "{}") {
    std::signal(SIGPIPE, SIG_IGN); // as the program does
    asio::io_context io;
    std::string outcome = "nothing";
    const auto tool = parley_chat::shell_tool("t", std::move(command), {},
                                              std::make_shared<parley_chat::running_commands>());
    asio::co_spawn(io, tool.handler()(call_with(std::move(parameters))),
                   [&outcome](std::exception_ptr thrown, const parley::json_text& result) {
                       try {
                           if (thrown) std::rethrow_exception(thrown);
                           outcome = std::string(result.view());
                       } catch (const std::exception& error) {
                           outcome = std::string("error: ") + error.what();
                       }
                   });
    io.run_for(std::chrono::seconds(20));
    return outcome;
}

bool no_child_is_left() { return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

} // namespace

TEST_CASE("shell_tool: output is JSON, or else a JSON string", "[unit][parley_chat]") {
    CHECK(output_as_json("{\"a\": 1}\n").view() == "{\"a\": 1}");
    CHECK(output_as_json("21").view() == "21");
    CHECK(output_as_json("sunny\n").view() == "\"sunny\"");
    CHECK(output_as_json("sunny\n\n").view() == "\"sunny\\n\"");
    CHECK(output_as_json("").view() == "\"\"");
    CHECK(output_as_json("\n").view() == "\"\"");
    CHECK(output_as_json("\xff").view() == "\"?\"");
}

TEST_CASE("shell_tool: a command reads its parameters and prints its result",
          "[loopback][parley_chat]") {
    CHECK(outcome_of("cat", R"({"city":"Bern"})") == R"({"city":"Bern"})");
    CHECK(outcome_of("printf 'it is %s' \"$((20 + 1))\"") == "\"it is 21\"");
    CHECK(outcome_of("true") == "\"\"");
    CHECK(no_child_is_left());
}

TEST_CASE("shell_tool: a command need not read its parameters", "[loopback][parley_chat]") {
    const std::string large = "{\"x\":\"" + std::string(1'000'000, 'x') + "\"}";
    CHECK(outcome_of("echo 1", large) == "1");
    CHECK(outcome_of("exec <&-; echo 2", large) == "2");
    CHECK(outcome_of("wc -c | tr -d ' '", large) == std::to_string(large.size()));
}

TEST_CASE("shell_tool: a failure is reported by the last line of standard error",
          "[loopback][parley_chat]") {
    CHECK(outcome_of("echo first >&2; echo last >&2; echo out; exit 3") == "error: last");
    CHECK(outcome_of("exit 3") == "error: the command ended with status 3");
    CHECK(outcome_of("kill -9 $$") == "error: the command was terminated by signal 9");
    CHECK(outcome_of("echo warning >&2; echo 1") == "1");
    CHECK(no_child_is_left());
}

TEST_CASE("shell_tool: endless output is truncated", "[loopback][parley_chat]") {
    CHECK(outcome_of("yes") == "error: the output of the command is too large");
    CHECK(outcome_of("head -c 4000000 /dev/zero | tr '\\0' x | wc -c | tr -d ' '") == "4000000");
    CHECK(no_child_is_left());
}

TEST_CASE("shell_tool: background processes of a command are not waited for",
          "[loopback][parley_chat]") {
    CHECK(outcome_of("sleep 20 & echo $!; exit 0").substr(0, 5) != "error");
}

TEST_CASE("shell_tool: a cancelled call kills the whole process group", "[loopback][parley_chat]") {
    const std::string file = "/tmp/parley_shell_tool_" + std::to_string(::getpid());
    asio::io_context io;
    asio::cancellation_signal cancel;
    std::exception_ptr thrown;
    const auto tool =
        parley_chat::shell_tool("t", "sleep 100 & echo $! >" + file + "; wait; echo late", {},
                                std::make_shared<parley_chat::running_commands>());
    asio::co_spawn(io, tool.handler()(call_with("{}")),
                   asio::bind_cancellation_slot(
                       cancel.slot(), [&thrown](std::exception_ptr error,
                                                const parley::json_text&) { thrown = error; }));

    pid_t grandchild = 0;
    while (grandchild == 0 && io.run_one_for(std::chrono::milliseconds(20)) <= 1) {
        std::ifstream(file) >> grandchild;
    }
    REQUIRE(grandchild > 0);
    cancel.emit(asio::cancellation_type::terminal);
    io.run_for(std::chrono::seconds(20));

    CHECK(thrown);
    CHECK(no_child_is_left());
    // The grandchild is init's now; it is dead or about to be.
    const auto is_gone = [grandchild] {
        std::ifstream state("/proc/" + std::to_string(grandchild) + "/stat");
        std::string number;
        std::string name;
        char letter = 'Z';
        state >> number >> name >> letter;
        return !state || letter == 'Z' || letter == 'X';
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!is_gone() && std::chrono::steady_clock::now() < deadline)
        ::usleep(1000);
    CHECK(is_gone());
    std::remove(file.c_str());
}

TEST_CASE("shell_tool: a stopped command fails its tool, and later ones run",
          "[loopback][parley_chat]") {
    asio::io_context io;
    const auto running = std::make_shared<parley_chat::running_commands>();
    std::string first;
    std::string second;
    const auto run = [&](const char* command, std::string& outcome) {
        const auto tool = parley_chat::shell_tool("t", command, {}, running);
        asio::co_spawn(io, tool.handler()(call_with("{}")),
                       [&outcome](std::exception_ptr thrown, const parley::json_text& result) {
                           try {
                               if (thrown) std::rethrow_exception(thrown);
                               outcome = std::string(result.view());
                           } catch (const std::exception& error) {
                               outcome = std::string("error: ") + error.what();
                           }
                       });
    };
    run("sleep 100", first);
    io.poll();
    CHECK(first.empty());
    running->stop();
    run("echo 1", second);
    io.run_for(std::chrono::seconds(20));
    CHECK(first == "error: stopped by the user");
    CHECK(second == "1");
    running->stop(); // nothing runs
    CHECK(no_child_is_left());
}

} // namespace parley_chat_shell_tool_test
