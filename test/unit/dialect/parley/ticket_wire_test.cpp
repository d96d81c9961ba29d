#include <parley/error.hpp>

#include "dialect/parley/ticket_wire.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <string>

namespace ticket_wire_test {

using namespace parley;

namespace {

using namespace std::chrono_literals;

const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 19h};

template <class Action>
std::string refusal(Action action) {
    try {
        action();
    } catch (const client_error& e) {
        CHECK(e.code() == errc::invalid_utf8);
        return e.message();
    }
    return {};
}

} // namespace

TEST_CASE("ticket_wire: absent fields are omitted from a request", "[unit][ticket_wire][A23]") {
    auth_data auth;
    CHECK(ticket_body(auth, "parley/1", now) ==
          R"({"clientInfo":{"userAgent":"parley/1","timestamp":"2026-11-22T19:00:00.000Z"}})");

    auth.user_id = "u";
    auth.entity_id = "e";
    auth.entity_type = "";
    auth.provider_res_id = "p";
    CHECK(ticket_body(auth, "a\"b", now) ==
          R"({"entityId":"e","entityType":"","providerResId":"p","userId":"u",)"
          R"("clientInfo":{"userAgent":"a\"b","timestamp":"2026-11-22T19:00:00.000Z"}})");
}

TEST_CASE("ticket_wire: text is escaped, and rejected when it is not UTF-8",
          "[unit][ticket_wire][A24]") {
    auth_data auth;
    auth.entity_id = "q\" b\\ \n\x01 ü";
    CHECK(ticket_body(auth, "a", now).starts_with(R"({"entityId":"q\" b\\ \n\u0001 ü",)"));

    auth.entity_id = "\xFF";
    CHECK(refusal([&] { ticket_body(auth, "a", now); }) == "entityId is not valid UTF-8.");
    CHECK(refusal([&] { ticket_body({}, "\xFF", now); }) == "userAgent is not valid UTF-8.");
    CHECK(refusal([&] { validation_body(secret{"s3cret\xFF"}, {}); }) ==
          "ticket is not valid UTF-8.");
}

TEST_CASE("ticket_wire: the identity's headers are present when set", "[unit][ticket_wire]") {
    auth_data auth;
    CHECK(identity_headers(auth).empty());
    auth.user_mp_auth_token = secret{"T"};
    auth.chat_server_key = secret{"K"};

    const auto headers = identity_headers(auth);

    REQUIRE(headers.size() == 2);
    CHECK(headers[0] == std::pair<std::string, std::string>("x-oddle-mp-auth-token", "T"));
    CHECK(headers[1] == std::pair<std::string, std::string>("x-oddle-chat-server-key", "K"));
}

TEST_CASE("ticket_wire: encodes the body of a validation", "[unit][ticket_wire]") {
    auth_data auth;
    CHECK(validation_body(secret{"t\"1"}, auth) == R"({"ticket":"t\"1"})");
    auth.entity_id = "e";
    auth.entity_type = "t";
    auth.user_id = "not here";
    CHECK(validation_body(secret{"x"}, auth) ==
          R"({"ticket":"x","entityId":"e","entityType":"t"})");
}

TEST_CASE("ticket_wire: an update sends null for a cleared field", "[unit][ticket_wire][A30]") {
    CHECK(entity_update_body("e", "t") == R"({"entityId":"e","entityType":"t"})");
    CHECK(entity_update_body(std::nullopt, std::nullopt) ==
          R"({"entityId":null,"entityType":null})");
}

TEST_CASE("ticket_wire: an update omits unchanged fields", "[unit][ticket_wire][A30]") {
    CHECK(metadata_update_body(metadata_patch()) == "{}");
    CHECK(metadata_update_body(metadata_patch().title("a\"b")) == R"({"title":"a\"b"})");
    CHECK(metadata_update_body(
              metadata_patch().title(std::nullopt).tag(std::nullopt).metadata(json_text())) ==
          R"({"title":null,"tag":null,"metadata":null})");
    CHECK(metadata_update_body(metadata_patch().tag("x").metadata(
              json_text::parse(R"({"n": 1.0})"))) == R"({"tag":"x","metadata":{"n": 1.0}})");
}

} // namespace ticket_wire_test
