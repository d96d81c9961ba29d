#pragma once

#include "testing/bounded_map.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>

namespace parley::testing {

/// The tickets that were issued and the conversations that are known. For any thread.
class ticket_office {
public:
    using time_point = std::chrono::steady_clock::time_point;
    enum class verdict { good, expired, unknown };

    enum class spelling {
        url_safe, ///< unreserved characters alone (RFC 3986 section 2.3)
        awkward,  ///< with characters that a URL must percent-encode
    };

    ticket_office(std::chrono::milliseconds lifetime, std::set<std::string, std::less<>> tokens,
                  spelling tickets);

    bool accepts(std::string_view token) const;

    void set_lifetime(std::chrono::milliseconds lifetime);
    std::chrono::milliseconds lifetime() const;

    /// A new ticket, good from `now`; a conversation that it begins with is optional.
    std::string issue(time_point now, std::string conversation = {});
    verdict check(std::string_view ticket, time_point now);
    void revoke_all();
    void expire_all(time_point now);

    /// The conversation of the sessions that this ticket opens; made up at the first question.
    std::string conversation_of(std::string_view ticket);
    bool knows_thread(std::string_view provider_res_id);
    /// True when the conversation was not known before.
    bool open_thread(std::string_view provider_res_id);

    /// A `callId` that no other call has, of this server or of one before it.
    std::string new_call_id();

private:
    struct entry {
        time_point deadline{};
        std::string conversation;
    };

    std::string random_hex(std::size_t digits);

    mutable std::mutex mutex_;
    std::chrono::milliseconds lifetime_;
    const std::set<std::string, std::less<>> tokens_;
    const spelling spelling_;
    std::mt19937_64 random_;
    bounded_map<entry> tickets_;
    bounded_map<bool> threads_;
    std::uint64_t calls_{0};
};

} // namespace parley::testing
