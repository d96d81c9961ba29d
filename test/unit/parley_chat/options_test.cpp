#include "parley_chat/exit_status.hpp"
#include "parley_chat/options.hpp"
#include "support/catch.hpp"

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <vector>

namespace parley_chat_options_test {

using parley_chat::command_line;
using parley_chat::options;
using parley_chat::usage_error;

namespace {

command_line read(std::initializer_list<const char*> arguments) {
    std::vector<const char*> argv{"parley-chat"};
    argv.insert(argv.end(), arguments);
    return parley_chat::read_command_line(static_cast<int>(argv.size()), argv.data());
}

options wanted(std::initializer_list<const char*> arguments) { return read(arguments).wanted; }

} // namespace

TEST_CASE("options: the first positional is the URL, the others are messages",
          "[unit][parley_chat]") {
    const auto chosen = wanted({"wss://chat.example", "one", "two", "--json"});
    CHECK(chosen.url == "wss://chat.example");
    CHECK(chosen.messages == std::vector<std::string>{"one", "two"});
    CHECK(chosen.json);
    CHECK_FALSE(chosen.demo);
    CHECK_THROWS_AS(wanted({}), usage_error);
    CHECK_THROWS_AS(wanted({"--json"}), usage_error);
}

TEST_CASE("options: with --demo every positional is a message", "[unit][parley_chat]") {
    const auto chosen = wanted({"--demo", "one", "two"});
    CHECK(chosen.url.empty());
    CHECK(chosen.messages == std::vector<std::string>{"one", "two"});
    CHECK(wanted({"--demo"}).messages.empty());
}

TEST_CASE("options: a message is taken verbatim", "[unit][parley_chat]") {
    CHECK(wanted({"--demo", "[a, b]", "", "[]", "{}", "a=b"}).messages ==
          std::vector<std::string>{"[a, b]", "", "[]", "{}", "a=b"});
    CHECK(wanted({"--demo", "--", "-v", "--json"}).messages ==
          std::vector<std::string>{"-v", "--json"});
}

TEST_CASE("options: the defaults are the documented ones", "[unit][parley_chat]") {
    const auto chosen = wanted({"ws://127.0.0.1:1"});
    CHECK(chosen.connect_timeout == std::chrono::seconds(30));
    CHECK(chosen.answer_timeout == std::chrono::seconds(120));
    CHECK(chosen.max_reconnect_attempts == 0);
    CHECK(chosen.reconnect);
    CHECK_FALSE(chosen.retry_first);
    CHECK(wanted({"ws://h", "--retry-first"}).retry_first);
    CHECK_FALSE(chosen.allow_plaintext);
    CHECK_FALSE(chosen.verbose);
    CHECK(chosen.token.empty());
    CHECK_FALSE(chosen.user_id);
    CHECK_FALSE(chosen.entity_id);
}

TEST_CASE("options: identity and connection options are applied", "[unit][parley_chat]") {
    const auto chosen = wanted({"--user-id",
                                "u",
                                "--entity-id",
                                "e",
                                "--entity-type",
                                "t",
                                "--provider-res-id",
                                "p",
                                "--ca",
                                "ca.pem",
                                "--allow-plaintext",
                                "--proxy",
                                "http://p:1",
                                "--no-reconnect",
                                "--max-reconnect-attempts",
                                "3",
                                "--connect-timeout",
                                "2.5",
                                "--answer-timeout",
                                "7",
                                "-v",
                                "--token",
                                "[s]",
                                "--server-key",
                                "k",
                                "ws://h"});
    CHECK(chosen.url == "ws://h");
    CHECK(chosen.user_id == "u");
    CHECK(chosen.entity_id == "e");
    CHECK(chosen.entity_type == "t");
    CHECK(chosen.provider_res_id == "p");
    CHECK(chosen.ca_file == "ca.pem");
    CHECK(chosen.allow_plaintext);
    CHECK(chosen.proxy == "http://p:1");
    CHECK_FALSE(chosen.reconnect);
    CHECK(chosen.max_reconnect_attempts == 3);
    CHECK(chosen.connect_timeout == std::chrono::milliseconds(2500));
    CHECK(chosen.answer_timeout == std::chrono::seconds(7));
    CHECK(chosen.verbose);
    CHECK(chosen.token.expose() == "[s]");
    CHECK(chosen.server_key.expose() == "k");
}

TEST_CASE("options: a tool is a name and a command", "[unit][parley_chat]") {
    const auto chosen = wanted({"--tool", "a=echo x=1", "ws://h", "--tool", "b=cat", "message",
                                "--tool-schema", "a=/tmp/s.json"});
    REQUIRE(chosen.tools.size() == 2);
    CHECK(chosen.tools[0].name == "a");
    CHECK(chosen.tools[0].command == "echo x=1");
    CHECK(chosen.tools[1].name == "b");
    CHECK(chosen.messages == std::vector<std::string>{"message"});
    CHECK(chosen.tool_schemas.at("a") == "/tmp/s.json");

    CHECK_THROWS_AS(wanted({"ws://h", "--tool", "a"}), usage_error);
    CHECK_THROWS_AS(wanted({"ws://h", "--tool", "=b"}), usage_error);
    CHECK_THROWS_AS(wanted({"ws://h", "--tool", "a="}), usage_error);
    CHECK_THROWS_AS(wanted({"ws://h", "--tool-schema", "a=f"}), usage_error);
    CHECK_THROWS_AS(wanted({"ws://h", "--tool", "a=b", "--tool-schema", "a"}), usage_error);
    // Two tools of one name are for the client to refuse.
    CHECK(wanted({"ws://h", "--tool", "a=b", "--tool", "a=c"}).tools.size() == 2);
}

TEST_CASE("options: a duration is positive, and a bare number means seconds",
          "[unit][parley_chat]") {
    for (const char* bad : {"0", "-1", "nan", "inf", "1e300", "x", "", "1 s", "0s", "0.1ms"}) {
        INFO(bad);
        CHECK_THROWS_AS(wanted({"ws://h", "--connect-timeout", bad}), usage_error);
        CHECK_THROWS_AS(wanted({"ws://h", "--answer-timeout", bad}), usage_error);
    }
    const auto chosen =
        wanted({"ws://h", "--connect-timeout", "1m30s", "--answer-timeout", "500ms"});
    CHECK(chosen.connect_timeout == std::chrono::seconds(90));
    CHECK(chosen.answer_timeout == std::chrono::milliseconds(500));
    CHECK_THROWS_AS(wanted({"ws://h", "--max-reconnect-attempts", "-1"}), usage_error);
    CHECK_THROWS_AS(wanted({"ws://h", "--no-such-option"}), usage_error);
}

TEST_CASE("options: secrets are also read from the environment, and removed from it",
          "[unit][parley_chat]") {
    ::setenv("PARLEY_TOKEN", "from-environment", 1);
    ::setenv("PARLEY_SERVER_KEY", "key-from-environment", 1);
    const auto chosen = wanted({"ws://h"});
    CHECK(chosen.token.expose() == "from-environment");
    CHECK(chosen.server_key.expose() == "key-from-environment");
    CHECK(std::getenv("PARLEY_TOKEN") == nullptr);
    CHECK(std::getenv("PARLEY_SERVER_KEY") == nullptr);

    ::setenv("PARLEY_TOKEN", "from-environment", 1);
    CHECK(wanted({"ws://h", "--token", "given"}).token.expose() == "given");
}

TEST_CASE("options: a mistyped option is named without its value", "[unit][parley_chat]") {
    for (const char* argument : {"--server_key=hush", "--tokn=hush", "--hush-token=hush"}) {
        try {
            wanted({"ws://h", argument});
            FAIL("it is taken");
        } catch (const usage_error& error) {
            CHECK(std::string(error.what()).find("=hush") == std::string::npos);
            CHECK(std::string(error.what()).find("There is no option --") == 0);
        }
    }
}

TEST_CASE("options: the help names every option and no secret", "[unit][parley_chat]") {
    ::setenv("PARLEY_TOKEN", "hush-hush", 1);
    const auto help = read({"--token", "hush-too", "--help"});
    ::unsetenv("PARLEY_TOKEN");
    REQUIRE(help.text);
    for (const char* option : {"--demo",
                               "--token",
                               "--server-key",
                               "--user-id",
                               "--entity-id",
                               "--entity-type",
                               "--provider-res-id",
                               "--tool",
                               "--tool-schema",
                               "--json",
                               "--ca",
                               "--allow-plaintext",
                               "--proxy",
                               "--no-reconnect",
                               "--max-reconnect-attempts",
                               "--connect-timeout",
                               "--answer-timeout",
                               "--version",
                               "PARLEY_TOKEN",
                               "PARLEY_SERVER_KEY"}) {
        INFO(option);
        CHECK(help.text->find(option) != std::string::npos);
    }
    CHECK(help.text->find("hush") == std::string::npos);
    CHECK(read({"--version"}).text.value_or("").rfind("parley-chat ", 0) == 0);
}

} // namespace parley_chat_options_test
