#include <parley/event.hpp>
#include <parley/log.hpp>
#include <parley/metrics.hpp>
#include <parley/status.hpp>

#include "support/catch.hpp"

#include <set>
#include <string_view>
#include <type_traits>

namespace names_test {

namespace {

using namespace parley;

/// How many different names the values from 0 to `last` have; `unknown` counts for none.
template <class Enum>
std::size_t names_up_to(Enum last) {
    std::set<std::string_view> names;
    for (int value = 0; value <= static_cast<int>(last); ++value)
        names.insert(to_string(static_cast<Enum>(value)));
    names.erase("unknown");
    return names.size();
}

} // namespace

TEST_CASE("names: the reasons for a skipped message are a contract", "[unit][names]") {
    CHECK(to_string(skip_reason::binary) == "binary");
    CHECK(to_string(skip_reason::not_json) == "not_json");
    CHECK(to_string(skip_reason::not_an_object) == "not_an_object");
    CHECK(to_string(skip_reason::no_type) == "no_type");
    CHECK(to_string(skip_reason::unknown_type) == "unknown_type");
    CHECK(to_string(skip_reason::unknown_event) == "unknown_event");
    CHECK(to_string(skip_reason::bad_field) == "bad_field");
    CHECK(to_string(skip_reason::too_deep) == "too_deep");
    CHECK(to_string(skip_reason::too_large) == "too_large");
}

TEST_CASE("names: the reasons for a lost connection are a contract", "[unit][names]") {
    CHECK(to_string(loss_reason::closed) == "closed");
    CHECK(to_string(loss_reason::reset) == "reset");
    CHECK(to_string(loss_reason::silent) == "silent");
    CHECK(to_string(loss_reason::protocol) == "protocol");
    CHECK(to_string(loss_reason::rejected) == "rejected");
    CHECK(to_string(loss_reason::requested) == "requested");
}

TEST_CASE("names: every enumerator has one of its own", "[unit][names]") {
    CHECK(names_up_to(tool_outcome::shut_down) == 7);
    CHECK(names_up_to(skip_reason::too_large) == 9);
    CHECK(names_up_to(loss_reason::requested) == 6);
    CHECK(names_up_to(websocket_state::failed) == 8);
    CHECK(names_up_to(log_level::error) == 4);
    CHECK(to_string(static_cast<log_level>(99)) == "unknown");
}

TEST_CASE("metrics: are numbers and durations, and no text that a server could choose",
          "[unit][metrics][N133]") {
    STATIC_REQUIRE(std::is_trivially_copyable_v<metrics_snapshot>);
    STATIC_REQUIRE_FALSE(std::is_trivially_copyable_v<connection_lost>); // what has a text is not
}

} // namespace names_test
