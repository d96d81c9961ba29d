#include "support/test_environment.hpp"

#include <stdexcept>
#include <utility>

namespace parley::test {

test_environment::test_environment()
    : time(std::make_shared<manual_clock>()), http(std::make_shared<scripted_http>(time)) {}

test_environment::~test_environment() = default;

double test_environment::jitter() const {
    const std::lock_guard lock(mutex_);
    if (!seeded_) return fixed_;
    return static_cast<double>(random_() >> 11) * 0x1p-53; // the 53 bits that a double holds
}

std::shared_ptr<transport_factory>
test_environment::make_transports(std::shared_ptr<const connection_config>) const {
    const std::lock_guard lock(mutex_);
    if (!transports_) throw std::logic_error("the test has set no transports");
    return transports_;
}

std::shared_ptr<http_client>
test_environment::make_http(std::shared_ptr<const connection_config>) const {
    return http;
}

void test_environment::fix_jitter(double sample) {
    const std::lock_guard lock(mutex_);
    seeded_ = false;
    fixed_ = sample;
}

void test_environment::seed_jitter(std::uint64_t seed) {
    const std::lock_guard lock(mutex_);
    seeded_ = true;
    random_.seed(seed);
}

void test_environment::set_transports(std::shared_ptr<transport_factory> transports) {
    const std::lock_guard lock(mutex_);
    transports_ = std::move(transports);
}

} // namespace parley::test
