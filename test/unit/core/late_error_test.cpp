#include "core/late_error.hpp"
#include "support/catch.hpp"

namespace late_error_test {

using namespace parley;

namespace {

error_info late() {
    error_details details;
    details.phase = phase::tcp;
    details.attempt = 2;
    details.url = "wss://chat.example/ws";
    return error_info(errc::ticket_timeout, "No ticket was available in time.", details);
}

error_info gateway() {
    error_details details;
    details.phase = phase::ticket;
    details.http_status = 404;
    details.attempt = 1;
    details.url = "https://chat.example/api/v1/tickets";
    return error_info(errc::ticket_http_status, "The server answered with HTTP 404.", details);
}

} // namespace

TEST_CASE("late_error: a deadline carries the failure of the previous attempt",
          "[unit][late_error][O148]") {
    const auto why = out_of_time(late(), gateway());

    CHECK(why.is(errc::ticket_timeout));
    CHECK(why.message ==
          "No ticket was available in time. The last attempt that failed: The server "
          "answered with HTTP 404.");
    CHECK(why.details.http_status == 404);
    CHECK(why.details.attempt == 1u);
    CHECK(why.details.phase == phase::ticket);
    CHECK(why.details.url == "https://chat.example/api/v1/tickets");
    CHECK(why.details.reason == "The server answered with HTTP 404.");
    CHECK(why.details.retryable); // more time may help
}

TEST_CASE("late_error: the reason of the failure is kept, and an empty sentence becomes the code's",
          "[unit][late_error][O148]") {
    auto last = gateway();
    last.message.clear();
    last.details.reason = "connection refused";

    const auto why = out_of_time(late(), last);

    CHECK(why.details.reason == "connection refused");
    CHECK(why.message.find(last.code.message()) != std::string::npos);
}

TEST_CASE("late_error: an error with details of its own is not a bare deadline",
          "[unit][late_error][O148]") {
    CHECK(says_nothing(late()));
    CHECK_FALSE(says_nothing(gateway()));
    CHECK_FALSE(says_nothing(out_of_time(late(), late())));
    auto closed = late();
    closed.details.close_code = 1011;
    CHECK_FALSE(says_nothing(closed));
}

} // namespace late_error_test
