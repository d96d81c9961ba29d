// HTTP and the upgrade: which clients are accepted.

#include "simulation/model_server.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <utility>

namespace parley::simulation {

namespace {

using namespace std::chrono_literals;

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%' || i + 2 >= text.size()) {
            out += text[i];
            continue;
        }
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
    }
    return out;
}

std::tm utc(wall_time when) {
    const auto seconds = std::chrono::system_clock::to_time_t(when);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return parts;
}

std::string header(const http_request& request, std::string_view name) {
    for (const auto& [key, value] : request.headers)
        if (key == name) return value;
    return {};
}

} // namespace

model_server::model_server(world& in, observer& by)
    : world_(in), observer_(by), begun_(in.now()), wall_begun_(in.time->wall_now()) {}

model_server::~model_server() = default;

wall_time model_server::wall_at(time_point when) const {
    return wall_begun_ + std::chrono::duration_cast<wall_time::duration>(when - begun_) + skew_;
}

std::string model_server::date_of(time_point when) const {
    return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", utc(wall_at(when)));
}

void model_server::wrong(const std::string& what, const std::string& text) {
    world_.broke("protocol", what + ": " + text);
}

std::string model_server::check_request(const http_request& request) {
    const auto body = json::parse(request.body);
    if (!body || body->is != json::kind::object) {
        wrong("a request whose body is no object", request.body);
        return {};
    }
    if (header(request, "x-oddle-mp-auth-token") != "SENTINEL-token" ||
        header(request, "x-oddle-chat-server-key") != "SENTINEL-key")
        wrong("a request without its headers", request.target);
    if (request.method == http_method::patch) {
        if (!request.target.starts_with("/api/v1/threads/"))
            wrong("a thread update to somewhere else", request.target);
        if (!body->only({"entityId?", "entityType?", "title?", "tag?", "metadata?"}))
            wrong("a thread update with other fields", request.body);
        return {};
    }
    if (request.target != "/api/v1/tickets")
        wrong("a ticket request to somewhere else", request.target);
    if (!body->only({"entityId?", "entityType?", "providerResId?", "userId?", "clientInfo"}))
        wrong("a ticket request with other fields", request.body);
    const auto* info = body->find("clientInfo");
    if (!info || !info->only({"userAgent", "timestamp"}))
        wrong("a ticket request without clientInfo", request.body);
    for (const auto& [name, value] : body->members)
        if (name != "clientInfo" && value.is != json::kind::string)
            wrong("a field of a ticket request that is no string", request.body);
    return body->string("entityId");
}

http_response model_server::answer(const http_request& request) {
    if (request.method == http_method::post) return issue_ticket(request);
    http_response out;
    out.status = 200;
    out.body = R"({"success":true,"data":{}})";
    return out;
}

http_response model_server::issue_ticket(const http_request&) {
    ++world_.seen.tickets;
    const auto now = world_.now();
    auto lifetime = ticket_lifetime_;
    if (world_.happens(fault::ticket_short_lived, 3)) lifetime = world_.faults.ms(1'000, 29'000);
    // Characters that must not get lost on the way to the upgrade.
    const auto value = fmt::format("{}-ticket-{}#%/?&=+ ü", sentinel, ++last_);
    tickets_[value] = ticket_record{now + lifetime, false};
    const auto left = std::chrono::duration_cast<wall_time::duration>(lifetime);
    http_response out;
    out.status = 200;
    out.body =
        fmt::format(R"({{"success":true,"ticket":{},"expiresAt":"{:%Y-%m-%dT%H:%M:%S}.000Z"}})",
                    json_quoted(value), utc(wall_at(now) + left));
    if (!world_.happens(fault::ticket_without_date, 5)) out.date = date_of(now);
    // Without a date the client reckons by its own clock.
    const auto issued_at = out.date ? wall_at(now) : world_.time->wall_now();
    last_issued_ = issue{
        value, std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::floor<std::chrono::seconds>(wall_at(now) + left) -
                   (out.date ? std::chrono::floor<std::chrono::seconds>(issued_at) : issued_at))};
    return out;
}

far_end::upgrade_answer model_server::upgrade(const std::string& target) {
    constexpr std::string_view before = "/prefix/ws?ticket=";
    upgrade_answer out;
    if (!target.starts_with(before)) {
        world_.broke("protocol", "an upgrade to somewhere else");
        return out;
    }
    const auto value = percent_decoded(target.substr(before.size()));
    const auto found = tickets_.find(value);
    if (found == tickets_.end()) {
        world_.broke("protocol", "a ticket that was never issued");
        return out;
    }
    observer_.ticket_used(value);
    if (found->second.revoked || found->second.until <= world_.now()) {
        out.status = 401;
        observer_.ticket_doubted();
    } else if (world_.happens(fault::upgrade_unauthorized, 2)) {
        out.status = world_.faults.percent(50) ? 401 : 403;
        observer_.ticket_doubted();
        found->second.revoked = true;
    } else if (world_.happens(fault::upgrade_refused, 4)) {
        static const std::vector<int> codes{503, 502, 500, 504, 429, 408, 503, 429, 404, 501};
        out.status = world_.faults.pick(codes);
        if (world_.faults.percent(40))
            out.retry_after = static_cast<int>(world_.faults.between(1, 40));
    } else if (world_.happens(fault::upgrade_not_websocket, 1)) {
        out.valid = false;
    }
    return out;
}

void model_server::restart(std::chrono::milliseconds for_time, bool forget_tickets) {
    down_until_ = world_.now() + for_time;
    sessions_.clear();
    if (!forget_tickets) return;
    for (auto& [value, record] : tickets_)
        record.revoked = true;
}

void model_server::gone(std::uint64_t connection) { sessions_.erase(connection); }

std::optional<std::set<std::string>> model_server::known_tools() const {
    for (const auto& [number, s] : sessions_)
        if (s->acknowledged && s->wire->alive() && !s->final_said) return s->tools;
    return std::nullopt;
}

std::optional<std::string> model_server::unanswered() const {
    for (const auto& [number, s] : sessions_) {
        if (!s->wire->alive() || s->bad || s->final_said) continue;
        for (const auto& [call, since] : s->owed)
            if (world_.now() - since > 200s)
                return fmt::format("call {} of connection {} was never answered", call, number);
    }
    return std::nullopt;
}

} // namespace parley::simulation
