#include "core/log.hpp"
#include "support/catch.hpp"

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace log_test {

using namespace parley;

TEST_CASE("log: a sink that always throws is called three times", "[unit][log]") {
    int calls = 0;
    const logger log([&](log_level, std::string_view) { ++calls, throw 1; }, log_level::info);
    for (int i = 0; i < 10; ++i)
        CHECK_NOTHROW(log.write(log_level::error, "a line"));
    CHECK(calls == 3);
    CHECK(log.failures() == 3);
    CHECK_FALSE(log.enabled(log_level::error)); // so that nothing is formatted for it
}

TEST_CASE("log: a sink that throws occasionally is kept", "[unit][log]") {
    std::vector<std::string> lines;
    int calls = 0;
    const logger log(
        [&](log_level, std::string_view line) {
            if (++calls % 3 != 0) throw std::runtime_error("full");
            lines.emplace_back(line);
        },
        log_level::info);
    for (int i = 0; i < 9; ++i)
        log.write(log_level::info, std::to_string(i));
    CHECK(lines == std::vector<std::string>{"2", "5", "8"});
    CHECK(log.failures() == 6);
    CHECK(log.enabled(log_level::info));
}

TEST_CASE("log: the parts of one client share the sink and its failure count", "[unit][log]") {
    int calls = 0;
    const logger whole([&](log_level, std::string_view) { ++calls, throw std::bad_alloc(); },
                       log_level::info);
    const logger part(whole.sink(), log_level::warning);
    const logger part_of_it(part.sink(), log_level::info);
    part.write(log_level::info, "beneath its threshold");
    part.write(log_level::warning, "one");
    part_of_it.write(log_level::info, "two");
    whole.write(log_level::info, "three");
    part.write(log_level::error, "four");
    CHECK(calls == 3);
    CHECK(whole.failures() == 3);
    CHECK(part.failures() == 3);
}

TEST_CASE("log: whatever is written, the sink gets one line of bounded length", "[unit][log]") {
    std::vector<std::string> lines;
    const logger log([&](log_level, std::string_view line) { lines.emplace_back(line); },
                     log_level::info);
    log.write(log_level::info, "said\r\nINFO forged\x1b[2J\xFF");
    log.write(log_level::info, std::string(100'000, 'w'));
    report(log, std::make_exception_ptr(std::runtime_error("a\nb")), "threw: ");
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == R"(said\r\nINFO forged\x1b[2J\xff)");
    CHECK(lines[1] == std::string(2'000, 'w') + "…");
    CHECK(lines[2] == R"(threw: a\nb)");
}

TEST_CASE("log: a logger without a sink drops every line", "[unit][log]") {
    CHECK_FALSE(logger().enabled(log_level::error));
    CHECK_FALSE(logger(log_sink(), log_level::debug).enabled(log_level::error));
    CHECK_FALSE(logger(log_sink(), log_level::debug).sink());
    CHECK_NOTHROW(logger().write(log_level::error, "to nobody"));
    CHECK(logger().failures() == 0);
}

TEST_CASE("log: every shutdown step runs, and its exception is logged", "[unit][log]") {
    std::vector<std::string> lines;
    const logger log([&](log_level, std::string_view line) { lines.emplace_back(line); },
                     log_level::info);
    int taken = 0;
    take_all(
        log, [&] { ++taken, throw std::runtime_error("one"); }, [&] { ++taken, throw 2; },
        [&] { ++taken; });
    CHECK(taken == 3);
    CHECK(lines == std::vector<std::string>{"one", "an exception that is not a std::exception"});
}

} // namespace log_test
