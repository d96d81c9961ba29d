#pragma once

#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include "transport/transport.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <utility>

namespace parley::test {

/// Keeps what arrives until it has been said again.
class echo_listener final : public transport_listener {
public:
    void on_phase(phase) override {}
    void on_bytes(std::size_t, bool) override {}
    void on_pong() override {}
    void on_close_started() override {}
    void on_text(std::string_view text) override { held.emplace_back(false, text); }
    void on_binary(std::string_view message) override { held.emplace_back(true, message); }
    bool wants_more() const override { return held.size() < 64; }

    std::deque<std::pair<bool, std::string>> held; ///< binary or not, and the message
};

/// Says every message again, of the same kind, until the connection ends; the reason of that.
inline awaitable<error_info> echo_until_closed(transport& link, echo_listener& heard) {
    for (;;) {
        const auto outcome = co_await link.read();
        for (; !heard.held.empty(); heard.held.pop_front()) {
            const auto& [binary, message] = heard.held.front();
            const auto kind = binary ? message_kind::binary : message_kind::text;
            const auto sent = link.write(message, kind);
            auto flushing = link.flush();
            if (sent && !*sent) co_await std::move(flushing); // if it fails, the next read tells
        }
        if (!outcome) co_return outcome.error();
    }
}

} // namespace parley::test
