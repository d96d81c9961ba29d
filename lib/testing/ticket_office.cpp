#include "testing/ticket_office.hpp"

#include "core/saturating.hpp"

#include <utility>

namespace parley::testing {
namespace {

constexpr std::size_t max_remembered = 100'000;

/// In every awkward ticket: what breaks a client that does not percent-encode, or that encodes by
/// halves.
constexpr std::string_view awkward = "+/#%=&?; \"\\ü€%41";

} // namespace

ticket_office::ticket_office(std::chrono::milliseconds lifetime,
                             std::set<std::string, std::less<>> tokens, spelling tickets)
    : lifetime_(lifetime), tokens_(std::move(tokens)), spelling_(tickets),
      random_(std::random_device{}()), tickets_(max_remembered), threads_(max_remembered) {}

bool ticket_office::accepts(std::string_view token) const {
    return tokens_.empty() || tokens_.contains(token);
}

void ticket_office::set_lifetime(std::chrono::milliseconds lifetime) {
    const std::lock_guard lock(mutex_);
    lifetime_ = lifetime;
}

std::chrono::milliseconds ticket_office::lifetime() const {
    const std::lock_guard lock(mutex_);
    return lifetime_;
}

std::string ticket_office::issue(time_point now, std::string conversation) {
    const std::lock_guard lock(mutex_);
    const std::string_view middle = spelling_ == spelling::awkward ? awkward : "";
    std::string ticket = "tk-" + random_hex(16) + std::string(middle) + random_hex(16);
    tickets_[ticket] = entry{after(now, lifetime_), std::move(conversation)};
    return ticket;
}

ticket_office::verdict ticket_office::check(std::string_view ticket, time_point now) {
    const std::lock_guard lock(mutex_);
    const entry* known = tickets_.find(ticket);
    if (known == nullptr) {
        return verdict::unknown;
    }
    return now < known->deadline ? verdict::good : verdict::expired;
}

void ticket_office::revoke_all() {
    const std::lock_guard lock(mutex_);
    tickets_.clear();
}

void ticket_office::expire_all(time_point now) {
    const std::lock_guard lock(mutex_);
    tickets_.for_each([now](entry& ticket) { ticket.deadline = now; });
}

std::string ticket_office::conversation_of(std::string_view ticket) {
    const std::lock_guard lock(mutex_);
    entry* known = tickets_.find(ticket);
    if (known == nullptr) {
        return "conversation-" + random_hex(12);
    }
    if (known->conversation.empty()) {
        known->conversation = "conversation-" + random_hex(12);
    }
    return known->conversation;
}

bool ticket_office::knows_thread(std::string_view provider_res_id) {
    const std::lock_guard lock(mutex_);
    return threads_.find(provider_res_id) != nullptr;
}

bool ticket_office::open_thread(std::string_view provider_res_id) {
    const std::lock_guard lock(mutex_);
    return !std::exchange(threads_[provider_res_id], true);
}

std::string ticket_office::new_call_id() {
    const std::lock_guard lock(mutex_);
    return "call-" + std::to_string(++calls_) + "-" + random_hex(12);
}

std::string ticket_office::random_hex(std::size_t digits) {
    constexpr std::string_view alphabet = "0123456789abcdef";
    std::string result;
    for (std::size_t i = 0; i < digits; ++i) {
        result += alphabet[random_() % alphabet.size()];
    }
    return result;
}

} // namespace parley::testing
