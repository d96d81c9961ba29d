#pragma once

#include "support/manual_clock.hpp"
#include "support/scripted_http.hpp"
#include "transport/environment.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <random>

namespace parley::test {

/// The outside world under the test's control: manual time, chosen jitter, scripted HTTP, and the
/// transports that the test brings. Any thread.
class test_environment : public environment {
public:
    test_environment();
    ~test_environment() override;

    static std::shared_ptr<test_environment> make() { return std::make_shared<test_environment>(); }

    std::shared_ptr<clock_source> clock() const override { return time; }
    double jitter() const override;
    /// `std::logic_error` when the test has not set any.
    std::shared_ptr<transport_factory>
    make_transports(std::shared_ptr<const connection_config> config) const override;
    std::shared_ptr<http_client>
    make_http(std::shared_ptr<const connection_config> config) const override;

    /// What `jitter` returns from now on; 0.5 unless said.
    void fix_jitter(double sample);
    /// From now on uniform samples of a generator with this seed.
    void seed_jitter(std::uint64_t seed);
    void set_transports(std::shared_ptr<transport_factory> transports);

    const std::shared_ptr<manual_clock> time;
    const std::shared_ptr<scripted_http> http;

private:
    mutable std::mutex mutex_;
    double fixed_ = 0.5;
    bool seeded_ = false;
    mutable std::mt19937_64 random_;
    std::shared_ptr<transport_factory> transports_;
};

} // namespace parley::test
