#pragma once

#include "testing/bounded_map.hpp"

#include <cstddef>
#include <string_view>

namespace parley::testing {

/// How often each tool call was asked for and answered, over all sessions: an answer may come after
/// a reconnect. For the server's thread.
class call_ledger {
public:
    enum class verdict { expected, unknown, too_many };

    void requested(std::string_view call_id) { ++calls_[call_id].requests; }

    verdict answered(std::string_view call_id) {
        entry* call = calls_.find(call_id);
        if (call == nullptr) {
            return verdict::unknown;
        }
        return ++call->answers > call->requests ? verdict::too_many : verdict::expected;
    }

private:
    struct entry {
        std::size_t requests{0};
        std::size_t answers{0};
    };
    bounded_map<entry> calls_{100'000};
};

} // namespace parley::testing
