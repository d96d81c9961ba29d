#pragma once

#include "support/raw_server.hpp"
#include "support/wire_fixture.hpp"
#include "testing/certificate.hpp"

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace parley::test {

/// For `good.test` and this machine's address.
inline const testing::server_identity& good_identity() {
    static const auto one = testing::make_identity({"good.test", "127.0.0.1"},
                                                   std::chrono::hours(-1), std::chrono::hours(24));
    return one;
}

inline void serve_one_text(raw_peer& peer) {
    peer.upgrade();
    peer.send(
        server_frame(1, "hello " + peer.server_name() + (peer.session_reused() ? " again" : "")));
    peer.hold();
}

/// A wire on which every name leads here.
class secure_wire : public wire {
public:
    explicit secure_wire(std::string ca_pem) {
        config.tls.ca_pem = std::move(ca_pem);
        names = std::make_shared<resolver>([](const std::string&, std::uint16_t port) {
            return lookup_answer(tcp_endpoints(1, {asio::ip::make_address("127.0.0.1"), port}));
        });
    }
    result<void> connect_to(const std::string& host, std::uint16_t port) {
        return connect("wss://" + host + ":" + std::to_string(port));
    }
};

} // namespace parley::test
