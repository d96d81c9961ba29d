#pragma once

#include "http/http_client.hpp"
#include "simulation/observer.hpp"
#include "simulation/world.hpp"

#include <cstdint>
#include <memory>

namespace parley::simulation {

class model_server;

/// HTTP through the same troubled network: slow, cut off, answered with an error, or not at all.
class http_of_seeds final : public http_client {
public:
    http_of_seeds(world& in, model_server& server, observer& by);
    awaitable<result<http_response>> send(asio::any_io_executor executor,
                                          std::shared_ptr<const http_request> request) override;

private:
    world& world_;
    model_server& server_;
    observer& observer_;
    std::uint64_t last_ = 0;
};

} // namespace parley::simulation
