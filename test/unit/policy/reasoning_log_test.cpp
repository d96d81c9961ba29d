#include "policy/reasoning_log.hpp"
#include "support/catch.hpp"

#include <string>
#include <variant>
#include <vector>

namespace reasoning_log_test {

using namespace parley;
using namespace std::chrono_literals;

namespace {

const time_point t0 = time_point() + 1h;

// One event as a line, so that a test reads as a transcript.
struct spelled {
    std::string operator()(const reasoning_started& e) const { return "start " + e.id; }
    std::string operator()(const reasoning_delta& e) const {
        return "delta " + e.id + " " + e.text;
    }
    std::string operator()(const reasoning_finished& e) const {
        return "end " + e.id + " " + e.text + " " + std::to_string(e.duration.count());
    }
    template <class T>
    std::string operator()(const T&) const {
        return "another event";
    }
};

using lines = std::vector<std::string>;

lines spell(const std::vector<event>& events) {
    lines out;
    for (const auto& one : events)
        out.push_back(std::visit(spelled(), one));
    return out;
}

} // namespace

TEST_CASE("reasoning_log: the end carries the whole text and the duration",
          "[unit][reasoning_log]") {
    reasoning_log log;

    CHECK(spell(log.start(t0, "a")) == lines{"start a"});
    CHECK(spell(log.delta(t0 + 1s, "a", "I ")) == lines{"delta a I "});
    CHECK(spell(log.delta(t0 + 2s, "a", "think")) == lines{"delta a think"});
    CHECK(spell(log.end(t0 + 2500ms, "a")) == lines{"end a I think 2500"});
    CHECK(log.open() == 0);
}

TEST_CASE("reasoning_log: keeps ids separate", "[unit][reasoning_log]") {
    reasoning_log log;
    log.start(t0, "a");
    log.start(t0 + 1s, "b");
    log.delta(t0 + 1s, "b", "two");
    log.delta(t0 + 1s, "a", "one");

    CHECK(spell(log.end(t0 + 2s, "b")) == lines{"end b two 1000"});
    CHECK(spell(log.end(t0 + 2s, "a")) == lines{"end a one 2000"});
}

TEST_CASE("reasoning_log: a delta for an unknown id starts it", "[unit][reasoning_log][F71]") {
    reasoning_log log;

    CHECK(spell(log.delta(t0, "a", "hm")) == lines{"start a", "delta a hm"});
    CHECK(spell(log.end(t0 + 1s, "a")) == lines{"end a hm 1000"});
}

TEST_CASE("reasoning_log: an end without a start is ignored", "[unit][reasoning_log][F71]") {
    reasoning_log log;
    log.start(t0, "a");
    log.end(t0, "a");

    CHECK(log.end(t0, "a").empty());
    CHECK(log.end(t0, "never").empty());
}

TEST_CASE("reasoning_log: a start of an open id ends it first", "[unit][reasoning_log]") {
    reasoning_log log;
    log.delta(t0, "a", "one");

    CHECK(spell(log.start(t0 + 1s, "a")) == lines{"end a one 1000", "start a"});
    CHECK(spell(log.end(t0 + 3s, "a")) == lines{"end a  2000"});
}

TEST_CASE("reasoning_log: the end of a run ends what is open, in order", "[unit][reasoning_log]") {
    reasoning_log log;
    log.delta(t0, "b", "1");
    log.delta(t0 + 1s, "a", "2");

    CHECK(spell(log.end_all(t0 + 2s)) == lines{"end b 1 2000", "end a 2 1000"});
    CHECK(log.end_all(t0 + 2s).empty());
}

TEST_CASE("reasoning_log: ten thousand ids leave a bounded number open",
          "[unit][reasoning_log][F71]") {
    reasoning_log log;
    std::size_t started = 0;
    std::size_t ended = 0;
    for (int i = 0; i < 10'000; ++i)
        for (const auto& one : log.delta(t0, std::to_string(i), "x")) {
            started += std::holds_alternative<reasoning_started>(one) ? 1 : 0;
            ended += std::holds_alternative<reasoning_finished>(one) ? 1 : 0;
        }

    CHECK(log.open() == reasoning_log::default_ids);
    CHECK(started == 10'000);
    CHECK(ended == 10'000 - reasoning_log::default_ids);
}

TEST_CASE("reasoning_log: text over the limit is emitted in pieces, and none is lost",
          "[unit][reasoning_log]") {
    reasoning_log log(4, 10);
    std::string whole;
    std::string said;
    for (int i = 0; i < 26; ++i) {
        const std::string piece(3, static_cast<char>('a' + i));
        said += piece;
        for (const auto& one : log.delta(t0, "r", piece))
            if (const auto* end = std::get_if<reasoning_finished>(&one)) {
                CHECK(end->text.size() <= 9);
                whole += end->text;
            }
    }
    for (const auto& one : log.end_all(t0))
        whole += std::get<reasoning_finished>(one).text;

    CHECK(whole == said);
}

TEST_CASE("reasoning_log: ends other ids before it splits one", "[unit][reasoning_log]") {
    reasoning_log log(4, 10);
    log.delta(t0, "a", "12");
    log.delta(t0, "b", "34");

    CHECK(spell(log.delta(t0, "b", "56789")) == lines{"end a 12 0", "delta b 56789"});
    CHECK(spell(log.end(t0, "b")) == lines{"end b 3456789 0"});
}

TEST_CASE("reasoning_log: a piece larger than the limit is kept whole", "[unit][reasoning_log]") {
    reasoning_log log(4, 10);

    CHECK(spell(log.delta(t0, "a", std::string(20, 'x'))) ==
          lines{"start a", "delta a " + std::string(20, 'x')});
    CHECK(spell(log.delta(t0, "a", "y")) ==
          lines{"end a " + std::string(20, 'x') + " 0", "start a", "delta a y"});
}

TEST_CASE("reasoning_log: halves of a surrogate pair in two deltas of one id are joined",
          "[unit][reasoning_log][O142]") {
    const std::string high = "\xED\xA0\xBD";
    const std::string low = "\xED\xBA\x80";
    const std::string rocket = "\xF0\x9F\x9A\x80";
    for (const std::size_t limit : {10u, 1'000u}) { // at the limit the text goes on in pieces
        reasoning_log log(4, limit);
        std::string said;
        std::string whole;
        const auto take = [&](const std::vector<event>& events) {
            for (const auto& one : events) {
                if (const auto* piece = std::get_if<reasoning_delta>(&one)) said += piece->text;
                if (const auto* end = std::get_if<reasoning_finished>(&one)) whole += end->text;
            }
        };
        take(log.delta(t0, "a", "one" + high));
        take(log.delta(t0, "a", ""));
        take(log.delta(t0, "a", low + "two" + high));
        take(log.delta(t0, "a", low));
        take(log.end(t0, "a"));
        CHECK(said == "one" + rocket + "two" + rocket);
        CHECK(whole == said);
    }
    std::string text = low;
    reasoning_log log;
    log.delta(t0, "a", high);
    CHECK(spell(log.delta(t0, "b", "x")) == lines{"start b", "delta b x"});
    CHECK(log.grow("a", text));
    CHECK(text == rocket);
}

TEST_CASE("reasoning_log: a remaining half becomes U+FFFD at the end",
          "[unit][reasoning_log][O142]") {
    const std::string high = "\xED\xA0\xBD";
    const std::string unknown = "\xEF\xBF\xBD";
    reasoning_log log;

    CHECK(spell(log.delta(t0, "a", high)) == lines{"start a"});
    CHECK(spell(log.end(t0, "a")) == lines{"delta a " + unknown, "end a " + unknown + " 0"});
    log.delta(t0, "a", "x" + high);
    CHECK(spell(log.start(t0, "a")) ==
          lines{"delta a " + unknown, "end a x" + unknown + " 0", "start a"});
    log.delta(t0, "a", "y" + high);
    CHECK(spell(log.end_all(t0)) == lines{"delta a " + unknown, "end a y" + unknown + " 0"});
}

} // namespace reasoning_log_test
