#include <parley/error.hpp>

#include "support/catch.hpp"
#include "support/settings.hpp"
#include "testing/server_settings.hpp"

#include <boost/pfr.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <tuple>

namespace settings_test {

namespace {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;

/// A member that has no row, or has one twice, or a row at another's place.
template <class Config, std::size_t members = boost::pfr::tuple_size_v<Config>>
bool has_each_member_once() {
    constexpr auto rows =
        std::tuple_size_v<std::remove_const_t<decltype(setting_table<Config>::rows)>>;
    STATIC_REQUIRE(rows == members);
    const Config one;
    const std::byte* last = nullptr;
    bool ascending = true;
    const auto look = [&](const auto& row) {
        const auto* here = reinterpret_cast<const std::byte*>(&(one.*row.where));
        ascending = ascending && (!last || last < here);
        last = here;
    };
    std::apply([&](const auto&... row) { (look(row), ...); }, setting_table<Config>::rows);
    return ascending;
}

/// What the error says; none when the settings are taken.
template <class Config>
std::optional<std::string> refusal(Config config) {
    try {
        checked(std::move(config), "options.");
        return std::nullopt;
    } catch (const client_error& thrown) {
        CHECK(thrown.info().is(errc::invalid_configuration));
        return thrown.message();
    }
}

/// How many values were tried.
template <class Config>
int try_each() {
    int tried = 0;
    try_settings(Config(), [&](const std::string& name, Config config, bool allowed) {
        INFO(name);
        ++tried;
        const auto why = refusal(std::move(config));
        CHECK(why.has_value() == !allowed);
        if (why) CHECK(why->starts_with("The setting options." + name + " must be "));
    });
    return tried;
}

} // namespace

TEST_CASE("settings: every member of every public struct has its row", "[unit][settings][O149]") {
    CHECK(has_each_member_once<auth_data>());
    CHECK(has_each_member_once<tls_config>());
    CHECK(has_each_member_once<backoff_config>());
    CHECK(has_each_member_once<ticket_config>());
    CHECK(has_each_member_once<heartbeat_config>());
    CHECK(has_each_member_once<reconnect_config>());
    CHECK(has_each_member_once<limits_config>());
    CHECK(has_each_member_once<connection_config>());
    CHECK(has_each_member_once<tool_config>());
    CHECK(has_each_member_once<timeouts_config>());
    CHECK(has_each_member_once<chat_client_config>());
    CHECK(has_each_member_once<ticket_manager_options>());
    CHECK(has_each_member_once<websocket_manager_options>());
    CHECK(has_each_member_once<message_handler_options>());

    // g++ 12 cannot count these: the names are too many or too few when a member is added or goes.
    const testing::chat_server_options server;
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = server;
    CHECK(&r == &server.max_recorded);
    CHECK(has_each_member_once<testing::chat_server_options, 18>());
}

TEST_CASE("settings: 0, 1, a negative value and the maximum of each number are accepted, or "
          "rejected by name",
          "[unit][settings][O149]") {
    CHECK(try_each<chat_client_config>() > 200);
    CHECK(try_each<ticket_config>() > 40);
    CHECK(try_each<ticket_manager_options>() > 100);
    CHECK(try_each<websocket_manager_options>() > 20);
    CHECK(try_each<message_handler_options>() > 40);
    CHECK(try_each<testing::chat_server_options>() > 40);
}

TEST_CASE("settings: a rejection says the allowed range and the given value",
          "[unit][settings][O149]") {
    limits_config large;
    large.message_bytes = std::numeric_limits<std::size_t>::max();
    CHECK(refusal(large) ==
          "The setting options.message_bytes must be between 1 and 1073741824; it "
          "is 18446744073709551615.");
    tool_config none;
    none.max_running = 0;
    CHECK(refusal(none) == "The setting options.max_running must be 1 or more; it is 0.");
    heartbeat_config negative;
    negative.interval = -5s;
    CHECK(refusal(negative) ==
          "The setting options.interval must be 0 ms or more; it is -5000 ms.");
}

TEST_CASE("settings: a value that means never can be added to a time", "[unit][settings][O149]") {
    chat_client_config never;
    never.timeouts.init = std::chrono::milliseconds::max();
    never.connection.heartbeat.interval = longest_setting + 1ms;
    never.ticket.backoff.cap = 1h;
    const auto taken = checked(never);
    CHECK(taken.timeouts.init == longest_setting);
    CHECK(taken.connection.heartbeat.interval == longest_setting);
    CHECK(taken.ticket.backoff.cap == 1h);
    CHECK(std::chrono::nanoseconds(longest_setting) < std::chrono::nanoseconds::max() / 20);
}

} // namespace settings_test
