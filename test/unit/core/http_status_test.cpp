#include "core/http_status.hpp"
#include "support/catch.hpp"

namespace http_status_test {

using namespace parley;

TEST_CASE("http_status: one table says which statuses are retryable",
          "[unit][http_status][A12][O138]") {
    for (int status = 0; status < 1'000; ++status) {
        const bool passing = status == 408 || status == 425 || status == 429;
        const bool server_side = status >= 500 && status < 600 && status != 501 && status != 505;
        INFO(status);
        CHECK(retryable_status(status) == (passing || server_side));
    }
}

} // namespace http_status_test
