#include "simulation/http.hpp"

#include "async/condition.hpp"
#include "simulation/model_server.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace parley::simulation {

namespace {

using namespace std::chrono_literals;

error_info failed(errc why, std::string_view reason) {
    error_details details;
    details.phase = phase::ticket;
    details.retryable = true;
    details.reason = reason;
    return error_info(why, "The network says no.", details);
}

// What becomes of one exchange.
struct fate {
    std::optional<errc> before; // the server sees nothing
    bool reset_after = false;   // the server has answered
    bool stalls = false;
    std::optional<http_response> instead; // of asking the server
    std::chrono::milliseconds there{0}, back{0};
};

http_response status(int code, std::string body = {}) {
    http_response out;
    out.status = code;
    out.body = std::move(body);
    return out;
}

fate ticket_fate(world& in, bool reachable) {
    fate out;
    out.there = in.faults.ms(1, 80);
    out.back = in.faults.ms(1, 80);
    if (!reachable || in.happens(fault::ticket_unreachable, 4)) {
        out.before = errc::connect_failed;
    } else if (in.happens(fault::ticket_reset, 3)) {
        out.reset_after = true;
    } else if (in.happens(fault::ticket_stalls, 3)) {
        out.stalls = true;
    } else if (in.happens(fault::ticket_server_error, 4)) {
        static const std::vector<int> codes{500, 502, 503, 504, 408, 425};
        out.instead = status(in.faults.pick(codes), "<html>SENTINEL</html>");
    } else if (in.happens(fault::ticket_retry_after, 2)) {
        out.instead = status(in.faults.percent(50) ? 429 : 503);
        out.instead->retry_after = std::to_string(in.faults.between(1, 20));
    } else if (in.happens(fault::ticket_malformed, 0.7)) {
        static const std::vector<std::string> bodies{
            "",
            "{",
            R"({"success":true})",
            R"({"success":true,"ticket":"","expiresAt":"x"})",
            R"({"success":true,"ticket":"SENTINEL","expiresAt":"tomorrow"})",
            R"({"success":false,"error":"no SENTINEL-token","code":"NOPE"})",
            "[]"};
        out.instead = status(200, in.faults.pick(bodies));
    } else if (in.happens(fault::ticket_unauthorized, 0.5)) {
        // The server's own words, or a gateway's.
        static const std::vector<std::string> bodies{
            R"({"success":false,"error":"SENTINEL-token"})", R"({"error":"SENTINEL-token"})",
            "<p>"};
        out.instead = status(in.faults.percent(50) ? 401 : 403, in.faults.pick(bodies));
    }
    return out;
}

fate update_fate(world& in, bool reachable) {
    fate out;
    out.there = in.faults.ms(1, 80);
    out.back = in.faults.ms(1, 80);
    if (!reachable) {
        out.before = errc::connect_failed;
    } else if (in.happens(fault::thread_update_fails, 20)) {
        switch (in.faults.below(4)) {
        case 0:
            out.stalls = true;
            break;
        case 1:
            out.reset_after = true;
            break;
        case 2:
            out.instead = status(404, R"({"success":false,"error":"none"})");
            break;
        default:
            out.instead = status(503);
        }
    }
    return out;
}

class request_mark {
public:
    request_mark(observer& by, std::uint64_t number) : observer_(by), number_(number) {}
    request_mark(const request_mark&) = delete;
    request_mark& operator=(const request_mark&) = delete;
    ~request_mark() { observer_.ticket_request_over(number_); }

private:
    observer& observer_;
    std::uint64_t number_;
};

// A cancelled exchange throws at the second wait.
awaitable<void> wait_until(world* in, condition* changed, time_point until) {
    while (in->now() < until)
        co_await changed->wait_until(until);
}

awaitable<result<http_response>> exchange(world* in, model_server* server, observer* by,
                                          asio::any_io_executor executor,
                                          std::shared_ptr<const http_request> request,
                                          std::uint64_t number) {
    condition changed(std::move(executor), in->clock);
    const bool of_ticket = request->method == http_method::post;
    const auto what =
        of_ticket ? ticket_fate(*in, server->reachable()) : update_fate(*in, server->reachable());
    const auto entity = server->check_request(*request);
    std::optional<request_mark> mark;
    if (of_ticket) {
        mark.emplace(*by, number);
        by->ticket_asked(number, entity);
    }
    co_await wait_until(in, &changed, in->now() + what.there);
    if (what.instead && what.instead->retry_after) by->asked_for_patience();
    if (what.before) co_return failed(*what.before, "refused");
    if (what.stalls) {
        co_await wait_until(in, &changed, request->deadline);
        co_return failed(errc::timed_out, "silence");
    }
    auto answer = what.instead ? *what.instead : server->answer(*request);
    co_await wait_until(in, &changed, in->now() + what.back);
    if (what.reset_after) co_return failed(errc::connection_reset, "reset");
    if (of_ticket && !what.instead) {
        const auto issued = server->last_issued();
        by->ticket_arrived(number, issued.value, issued.lifetime);
    }
    co_return answer;
}

} // namespace

http_of_seeds::http_of_seeds(world& in, model_server& server, observer& by)
    : world_(in), server_(server), observer_(by) {}

awaitable<result<http_response>> http_of_seeds::send(asio::any_io_executor executor,
                                                     std::shared_ptr<const http_request> request) {
    return exchange(&world_, &server_, &observer_, std::move(executor), std::move(request),
                    ++last_);
}

} // namespace parley::simulation
