#include "parley_chat/exit_status.hpp"
#include "parley_chat/wording.hpp"
#include "support/catch.hpp"

#include <exception>
#include <string>

namespace parley_chat_wording_test {

using parley::errc;
using parley_chat::sentence;

namespace {

std::string told(const std::string& message) {
    return sentence(parley::error_info{errc::plaintext_refused, message});
}

} // namespace

TEST_CASE("wording: a setting is named as its option", "[unit][parley_chat]") {
    CHECK(told("use wss, or set allow_plaintext") == "use wss, or give --allow-plaintext");
    CHECK(told("Set `connection_config::allow_plaintext`.") == "Set --allow-plaintext.");
    CHECK(told("with reconnect.retry_first init waits") == "with --retry-first init waits");
    CHECK(told("name its CA with ca_file.") == "name its CA with --ca.");
    CHECK(told("raise max_attempts or max_attempts") ==
          "raise --max-reconnect-attempts or --max-reconnect-attempts");
    CHECK(told("retry_first_of_all is another") == "retry_first_of_all is another");
    CHECK(told("The identity's user_mp_auth_token has bytes") ==
          "The identity's --token has bytes");
    CHECK(told("auth.user_id: user_id") == "--user-id: --user-id");
    CHECK(told("nothing to name") == "nothing to name");
}

TEST_CASE("wording: advice of the library about plain text and CAs names settings of the table",
          "[unit][parley_chat]") {
    // Otherwise the table would have no effect, and no test would show it.
    for (const errc code : {errc::plaintext_refused, errc::certificate_rejected}) {
        const std::string message = parley::make_error_code(code).message();
        CHECK(sentence(parley::error_info{code, message}) != message);
    }
}

TEST_CASE("wording: the outcome of a message is reported to its author", "[unit][parley_chat]") {
    const parley::error_info not_sent{errc::not_sent, "The message was not sent in time."};
    CHECK(sentence(not_sent).find("can be sent again") != std::string::npos);
    const parley::error_info unconfirmed{errc::sent_unconfirmed, "x"};
    CHECK(sentence(unconfirmed).find("may have processed your message") != std::string::npos);
    const auto reported =
        parley_chat::describe(std::make_exception_ptr(parley::connection_error(not_sent)));
    CHECK(reported.message == sentence(not_sent));
    CHECK(reported.code == "not_sent");
}

} // namespace parley_chat_wording_test
