#include <parley/fmt.hpp>
#include <parley/metrics.hpp>
#include <parley/testing/chat_server_options.hpp>
#include <parley/testing/server_fault.hpp>

#include "support/catch.hpp"
#include "support/enumerators.hpp"

#include <sstream>
#include <string>
#include <type_traits>

namespace names_test {

namespace {

using namespace parley;
using namespace parley::test;

std::string streamed(const auto& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

/// How many there are; each must print its own name, and a value that is none of them `unknown`.
template <class Enum, int first = 0, int count = 32>
std::size_t names_of() {
    const auto all = enumerators<Enum, first, count>();
    for (const auto& [value, name] : all) {
        INFO(name);
        CHECK(to_string(value) == name);
        CHECK(streamed(value) == name);
    }
    CHECK(to_string(static_cast<Enum>(12'345)) == "unknown");
    return all.size();
}

/// The same for {fmt}.
template <class Enum, int first = 0, int count = 32>
std::size_t formatted_names_of() {
    for (const auto& [value, name] : enumerators<Enum, first, count>()) {
        CHECK(fmt::format("{}", value) == name);
        CHECK(fmt::format("{:>30}", value) == fmt::format("{:>30}", name));
    }
    return names_of<Enum, first, count>();
}

} // namespace

TEST_CASE("names: every enumerator of every public enumeration prints its own name",
          "[unit][names]") {
    CHECK(formatted_names_of<errc, 100, 100>() >= 11);
    CHECK(formatted_names_of<errc, 200, 100>() >= 3);
    CHECK(formatted_names_of<errc, 300, 100>() >= 22);
    CHECK(formatted_names_of<errc, 400, 100>() >= 4);
    CHECK(formatted_names_of<errc, 500, 100>() >= 6);
    CHECK(formatted_names_of<errc, 600, 100>() >= 2);
    CHECK(formatted_names_of<errc, 700, 200>() == 0);
    CHECK(formatted_names_of<errc, 900, 100>() >= 7);
    CHECK(formatted_names_of<phase>() >= 10);
    CHECK(formatted_names_of<websocket_state>() >= 8);
    CHECK(formatted_names_of<tool_outcome>() >= 7);
    CHECK(formatted_names_of<skip_reason>() >= 9);
    CHECK(formatted_names_of<loss_reason>() >= 6);
    CHECK(formatted_names_of<ui_component::state>() == 3);
    CHECK(formatted_names_of<log_level>() == 4);
    CHECK(formatted_names_of<ticket_kind>() == 2);
    CHECK(formatted_names_of<ticket_reason>() >= 5);
    CHECK(formatted_names_of<close_action>() >= 3);
    CHECK(formatted_names_of<metric_type>() == 3);
    CHECK(formatted_names_of<tls_config::version>() >= 2);
    CHECK(formatted_names_of<reconnect_config::normal_close>() == 2);
    CHECK(names_of<testing::endpoint>() >= 4);
    CHECK(names_of<testing::http_fault::kind>() >= 5);
    CHECK(names_of<testing::server_tls>() >= 3);
}

TEST_CASE("names: an errc prints by its name, an error_code in Boost's form", "[unit][names]") {
    CHECK(streamed(errc::not_sent) == "not_sent");
    CHECK(streamed(make_error_code(errc::not_sent)) == "parley:315"); // Boost's own way
}

TEST_CASE("names: the reasons for a skipped message are part of the contract", "[unit][names]") {
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

TEST_CASE("names: the reasons for a lost connection are part of the contract", "[unit][names]") {
    CHECK(to_string(loss_reason::closed) == "closed");
    CHECK(to_string(loss_reason::reset) == "reset");
    CHECK(to_string(loss_reason::silent) == "silent");
    CHECK(to_string(loss_reason::protocol) == "protocol");
    CHECK(to_string(loss_reason::rejected) == "rejected");
    CHECK(to_string(loss_reason::requested) == "requested");
}

TEST_CASE("metrics: are numbers and durations, never text that a server could choose",
          "[unit][metrics][N133]") {
    STATIC_REQUIRE(std::is_trivially_copyable_v<metrics_snapshot>);
    STATIC_REQUIRE_FALSE(std::is_trivially_copyable_v<connection_lost>); // what has a text is not
}

} // namespace names_test
