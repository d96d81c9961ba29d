#include <parley/error.hpp>

#include "support/catch.hpp"

#include <boost/asio/error.hpp>

#include <set>
#include <string>
#include <vector>

namespace error_test {

namespace {

using namespace parley;

std::vector<errc> every_errc() {
    std::vector<errc> all;
    const auto block = [&all](int first, int last) {
        for (int value = first; value <= last; ++value)
            all.push_back(static_cast<errc>(value));
    };
    block(100, 110);
    block(200, 202);
    block(300, 322);
    block(400, 403);
    block(500, 505);
    block(600, 602);
    block(900, 906);
    return all;
}

template <class Expected>
bool throws_exactly(errc code) {
    try {
        throw_error(error_info(code, "It failed."));
    } catch (const client_error& e) {
        return typeid(e) == typeid(Expected) && e.code() == code;
    }
}

error_info some_error() {
    error_details details;
    details.phase = phase::upgrade;
    details.http_status = 503;
    details.close_code = 1011;
    details.attempt = 2;
    details.retry_after = std::chrono::seconds(7);
    details.retryable = true;
    details.url = "wss://h/ws?ticket=…";
    details.server_code = "BUSY";
    details.server_text = "try later";
    details.reason = "reset by peer";
    return {errc::upgrade_failed, "The server did not open a WebSocket.", details};
}

} // namespace

TEST_CASE("error: every errc has a unique name and a sentence that says what to do",
          "[unit][error]") {
    std::set<std::string_view> names;
    std::set<std::string> sentences;
    for (const auto code : every_errc()) {
        INFO(static_cast<int>(code));
        CHECK(to_string(code) != "unknown");
        names.insert(to_string(code));

        const auto sentence = make_error_code(code).message();
        CHECK(sentence.ends_with('.'));
        CHECK(sentence.find(';') != std::string::npos);
        sentences.insert(sentence);
    }
    CHECK(names.size() == every_errc().size());
    CHECK(sentences.size() == every_errc().size());
    CHECK(to_string(errc::not_sent) == "not_sent");
    CHECK(to_string(static_cast<errc>(1)) == "unknown");
}

TEST_CASE("error: the category has the library's name and knows which errors are timeouts",
          "[unit][error]") {
    CHECK(std::string(category().name()) == "parley");
    CHECK(make_error_code(errc::tls_timeout) == boost::system::errc::timed_out);
    CHECK(make_error_code(errc::not_connected) == boost::system::errc::not_connected);
    CHECK(make_error_code(errc::tls_failed) != boost::system::errc::timed_out);
    CHECK_FALSE(boost::system::error_code(77, category()).message().empty());
}

TEST_CASE("error: the block of a code decides the class of the exception", "[unit][error]") {
    for (const auto code : every_errc()) {
        INFO(to_string(code));
        switch (static_cast<int>(code) / 100) {
        case 1:
            CHECK(throws_exactly<ticket_error>(code));
            break;
        case 2:
            CHECK(throws_exactly<authentication_error>(code));
            break;
        case 3:
        case 4:
            CHECK(throws_exactly<connection_error>(code));
            break;
        case 5:
            CHECK(throws_exactly<tool_configuration_error>(code));
            break;
        default:
            CHECK(throws_exactly<client_error>(code));
        }
    }
}

TEST_CASE("error: a code of another library is a connection_error", "[unit][error]") {
    const error_info reset(boost::asio::error::connection_reset, "The connection broke.", {});

    CHECK_THROWS_AS(throw_error(reset), connection_error);
    CHECK(error_kind(reset) == "CONNECTION_ERROR");
}

TEST_CASE("error: a cancelled operation keeps operation_aborted and is not a client_error",
          "[unit][error]") {
    try {
        throw_error(error_info(boost::asio::error::operation_aborted, "Cancelled.", {}));
    } catch (const client_error&) {
        FAIL("a cancellation became an error of the library");
    } catch (const boost::system::system_error& e) {
        CHECK(e.code() == boost::asio::error::operation_aborted);
    }
}

TEST_CASE("error: error_kind has the names of the previous client", "[unit][error]") {
    CHECK(error_kind(error_info(errc::ticket_timeout, "")) == "TICKET_ERROR");
    CHECK(error_kind(error_info(errc::ticket_rejected, "")) == "AUTHENTICATION_ERROR");
    CHECK(error_kind(error_info(errc::connect_failed, "")) == "CONNECTION_ERROR");
    CHECK(error_kind(error_info(errc::protocol_violation, "")) == "CONNECTION_ERROR");
    CHECK(error_kind(error_info(errc::tool_duplicate, "")) == "TOOL_CONFIGURATION_ERROR");
    CHECK(error_kind(error_info(errc::chat_failed, "")) == "CLIENT_ERROR");
    CHECK(error_kind(ticket_error(error_info(errc::ticket_timeout, ""))) == "TICKET_ERROR");
    CHECK(error_kind(client_error(error_info(errc::invalid_url, ""))) == "CLIENT_ERROR");
}

TEST_CASE("error: the details contain known values only", "[unit][error]") {
    CHECK(error_details().to_string().empty());
    CHECK(some_error().details.to_string() ==
          "phase=upgrade status=503 close=1011 attempt=2 retry_after=7s retryable=yes "
          "url=wss://h/ws?ticket=… server_code=BUSY server_text=\"try later\" "
          "reason=\"reset by peer\"");
}

TEST_CASE("error: what() contains the sentence, the advice, the code's name and the details",
          "[unit][error]") {
    const connection_error error{some_error()};

    CHECK(error.message() == "The server did not open a WebSocket.");
    CHECK(
        std::string(error.what())
            .starts_with("The server did not open a WebSocket. Look at the status in the details. "
                         "[upgrade_failed phase=upgrade status=503"));
    CHECK(error.info().is(errc::upgrade_failed));
    CHECK_FALSE(error.info().is(errc::upgrade_timeout));
}

TEST_CASE("error: what() contains the advice exactly once, whatever the sentence",
          "[unit][error]") {
    for (const auto code : every_errc()) {
        if (code >= errc::invalid_configuration) continue; // the sentence names what is wrong
        const auto own = make_error_code(code).message();
        const auto to_do = own.substr(own.find("; ") + 3); // without its first letter
        for (const auto& sentence : {std::string("It failed."), own}) {
            const std::string text = client_error(error_info(code, sentence)).what();
            INFO(text);
            CHECK(text.find(to_do) != std::string::npos);
            CHECK(text.find(to_do) == text.rfind(to_do));
        }
    }
    const client_error named{
        error_info(errc::not_connected, "There is no session: call init first.")};
    CHECK(std::string(named.what()) == "There is no session: call init first. [not_connected]");
    const client_error wrong{
        error_info(errc::invalid_configuration, "The port must be 1 or more.")};
    CHECK(std::string(wrong.what()) == "The port must be 1 or more. [invalid_configuration]");
}

TEST_CASE("error: an empty sentence is replaced by the code's own", "[unit][error]") {
    const client_error error{error_info(errc::too_large, "")};

    CHECK(error.message() == make_error_code(errc::too_large).message());
}

TEST_CASE("error: a result throws the class of its error", "[unit][error]") {
    const result<int> good = 7;
    const result<int> bad = error_info(errc::tool_unknown, "No such tool.");

    CHECK(good.value() == 7);
    CHECK_THROWS_AS(bad.value(), tool_configuration_error);
}

TEST_CASE("error: a result is as small as its value and copies its error", "[unit][error]") {
    STATIC_REQUIRE(sizeof(result<void>) == 2 * sizeof(void*));
    STATIC_REQUIRE(sizeof(result<std::string>) <= sizeof(std::string) + 3 * sizeof(void*));
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<result<std::unique_ptr<int>>>);

    result<std::string> bad = error_info(errc::tool_unknown, "No such tool.");
    const result<std::string> copy = bad;
    CHECK_FALSE(copy);
    CHECK(copy.error().message == "No such tool.");
    CHECK(std::move(bad).error().message == "No such tool.");
    bad = "value";
    REQUIRE(bad);
    CHECK(*bad == "value");
    CHECK_FALSE(bad.error().code);

    result<void> done;
    CHECK_NOTHROW(done.value());
    CHECK_FALSE(done.error().code);
    done = error_info(errc::not_connected, "No.");
    const result<void> same = std::move(done);
    CHECK_THROWS_AS(same.value(), connection_error);
    CHECK_THROWS_AS(done.value(), connection_error); // no success for having been moved from
}

TEST_CASE("error: every phase has a name", "[unit][error]") {
    CHECK(to_string(phase::none) == "none");
    CHECK(to_string(phase::ticket) == "ticket");
    CHECK(to_string(phase::resolve) == "resolve");
    CHECK(to_string(phase::tcp) == "tcp");
    CHECK(to_string(phase::proxy) == "proxy");
    CHECK(to_string(phase::tls) == "tls");
    CHECK(to_string(phase::upgrade) == "upgrade");
    CHECK(to_string(phase::session) == "session");
    CHECK(to_string(phase::ready) == "ready");
    CHECK(to_string(phase::closing) == "closing");
}

} // namespace error_test
