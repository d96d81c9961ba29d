#include "policy/token_bucket.hpp"
#include "support/catch.hpp"

namespace token_bucket_test {

using namespace std::chrono_literals;
using parley::time_point;
using parley::token_bucket;

namespace {

const time_point t0 = time_point() + 1h;

int taken(token_bucket& bucket, time_point now, int tries) {
    int got = 0;
    for (int i = 0; i < tries; ++i)
        got += bucket.take(now) ? 1 : 0;
    return got;
}

} // namespace

TEST_CASE("token_bucket: gives its full size at once", "[unit][token_bucket]") {
    token_bucket bucket(10, 5);

    CHECK(taken(bucket, t0, 100) == 10);
}

TEST_CASE("token_bucket: refills with time, up to its size", "[unit][token_bucket]") {
    token_bucket bucket(10, 5);
    taken(bucket, t0, 10);

    CHECK(taken(bucket, t0 + 1s, 100) == 5);
    CHECK(taken(bucket, t0 + 1h, 100) == 10);
}

TEST_CASE("token_bucket: counts fractions of a token", "[unit][token_bucket]") {
    token_bucket bucket(1, 1);
    CHECK(bucket.take(t0));

    CHECK_FALSE(bucket.take(t0 + 600ms));
    CHECK(bucket.take(t0 + 1'000ms));
}

TEST_CASE("token_bucket: a step backwards adds nothing", "[unit][token_bucket]") {
    token_bucket bucket(2, 1);
    taken(bucket, t0, 2);

    CHECK_FALSE(bucket.take(t0 - 1min));
}

} // namespace token_bucket_test
