#pragma once

#include <parley/config.hpp>
#include <parley/fwd.hpp>

#include "core/clock.hpp"
#include "http/http_client.hpp"
#include "transport/transport.hpp"

#include <memory>
#include <utility>

namespace parley {

/// Everything the library takes from outside itself. Usable from any thread.
class environment {
public:
    virtual ~environment();

    virtual std::shared_ptr<clock_source> clock() const = 0;
    /// Uniform in [0, 1).
    virtual double jitter() const = 0;
    /// Both throw `client_error` (`invalid_configuration`) for what is wrong in the configuration,
    /// such as a certificate file that cannot be read.
    virtual std::shared_ptr<transport_factory>
    make_transports(std::shared_ptr<const connection_config> config) const = 0;
    virtual std::shared_ptr<http_client>
    make_http(std::shared_ptr<const connection_config> config) const = 0;

protected:
    environment() = default;
    environment(const environment&) = default;
    environment& operator=(const environment&) = default;
};

/// The real one: system clocks, seeded randomness, sockets.
environment_ptr real_environment();

/// The given one, or else the real one.
inline environment_ptr or_real(environment_ptr given) {
    return given ? std::move(given) : real_environment();
}

} // namespace parley
