#include <parley/chat_client.hpp>
#include <parley/ticket_manager.hpp>

#include "support/live.hpp"
#include "support/raw_server.hpp"
#include "support/secret_forms.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace secrets_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using parley::testing::always;
using parley::testing::chat_server;
using parley::testing::endpoint;
using parley::testing::http_fault;
using parley::testing::session_fault;

namespace {

/// Everything a user or an operator could ever read of one client's life.
struct seen_text {
    log_capture log;
    std::string said;

    void note(const error_info& info) {
        said += info.message + "\n" + info.code.message() + "\n" + info.details.to_string() + "\n" +
                info.details.url + "\n" + info.details.server_text + "\n" +
                info.details.server_code + "\n" + info.details.reason + "\n";
    }

    void note(const event& happened) {
        if (const auto* lost = std::get_if<connection_lost>(&happened)) note(lost->cause);
        if (const auto* failed = std::get_if<connection_failed>(&happened)) note(failed->cause);
        if (const auto* failed = std::get_if<ticket_renewal_failed>(&happened)) note(failed->cause);
        if (const auto* skipped = std::get_if<message_skipped>(&happened)) said += skipped->detail;
        if (const auto* error = std::get_if<server_error>(&happened)) said += error->error;
    }

    void try_init(live& l, chat_client& client) {
        note_failure([&] { l.run(client.init()); });
    }
    void try_ticket(live& l, ticket_manager& tickets) {
        note_failure([&] { l.run(tickets.get_valid_ticket()); });
    }

    template <class Call>
    void note_failure(Call call) {
        try {
            call();
        } catch (const client_error& thrown) {
            said += std::string(thrown.what()) + "\n";
            note(thrown.info());
        }
    }

    bool holds_any(const std::vector<std::string>& forms) const {
        return std::ranges::any_of(forms, [this](const auto& each) {
            return holds(std::string_view(each).substr(0, 12));
        });
    }
    bool holds(std::string_view secret_text) const {
        return said.find(secret_text) != std::string::npos ||
               log.text().find(secret_text) != std::string::npos;
    }
};

chat_client_config watched(const chat_server& server, seen_text& seen) {
    auto config = config_for(server);
    config.log = seen.log.sink();
    config.log_threshold = log_level::debug;
    config.ticket.max_retries = 1;
    return config;
}

std::vector<std::string> forms_of_all(const std::vector<std::string>& secrets) {
    std::vector<std::string> all;
    for (const auto& each : secrets)
        for (auto& form : forms_of(each))
            all.push_back(std::move(form));
    return all;
}

/// An answer that says this in each of its parts. What it sets as a cookie is a secret from then
/// on.
std::string saying(std::string_view status, const std::string& form, bool sets_cookie = true) {
    const auto body = R"({"success":false,"error":")" + in_json(form) + R"(","code":")" +
                      in_json(form) + R"(","details":{"reason":")" + in_json(form) + R"("}})";
    std::string text = "HTTP/1.1 " + std::string(status) + " no " + form + "\r\n";
    for (const std::string_view name :
         {"Location", "WWW-Authenticate", "Proxy-Authenticate", "Retry-After", "Date", "Server",
          "Via", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions",
          "Upgrade", "Content-Type", "X-Other"})
        text.append(name).append(": ").append(form).append("\r\n");
    if (sets_cookie)
        text.append("Set-Cookie: a=").append(form).append("; Path=").append(form).append("\r\n");
    return text.append("Content-Length: ") + std::to_string(body.size()) +
           "\r\nConnection: close\r\n\r\n" + body;
}

void check_clean(const seen_text& seen) {
    CHECK_FALSE(seen.holds("sentinel"));
    CHECK_FALSE(seen.holds("ticket=s"));
}

} // namespace

TEST_CASE("secrets: no token, key or ticket is in the errors of the ticket request",
          "[loopback][secrets]") {
    live l;
    chat_server server(awkward_tickets());
    seen_text seen;
    chat_client client(l.io.get_executor(), watched(server, seen));
    const std::string echo =
        "you sent sentinel-token and sentinel-server-key, \\u0073entinel-token";
    server.fail(endpoint::ticket, http_fault::failure(echo, "sentinel-token"), 1);
    seen.try_init(l, client);
    server.fail(endpoint::ticket, http_fault::status(401, R"({"error":")" + echo + R"("})"), 1);
    seen.try_init(l, client);
    server.fail(endpoint::ticket, http_fault::status(500, echo), 2);
    seen.try_init(l, client);
    server.fail(endpoint::ticket, http_fault::raw("sentinel-token is no HTTP"), 1);
    seen.try_init(l, client);
    server.fail(endpoint::ticket,
                http_fault::status(302).header("Location", "http://other/?t=sentinel-token"), 1);
    seen.try_init(l, client);
    CHECK(seen.said.find("ticket") != std::string::npos);
    check_clean(seen);
}

TEST_CASE("secrets: no ticket is in the errors of the connection", "[loopback][secrets]") {
    live l;
    chat_server server(awkward_tickets());
    seen_text seen;
    chat_client client(l.io.get_executor(), watched(server, seen));
    const std::string body =
        R"({"success":true,"ticket":"sentinel-ticket","expiresAt":"2999-01-01T00:00:00Z"})";
    const std::string raw =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
    server.fail(endpoint::ticket, http_fault::raw(raw), always);
    seen.try_init(l, client); // 401: the server never issued it
    for (const unsigned status : {400u, 403u, 404u, 500u, 503u}) {
        server.fail(endpoint::upgrade, http_fault::status(status, "sentinel-ticket"), 2);
        seen.try_init(l, client);
    }
    server.fail(endpoint::upgrade, http_fault::reset(), 1);
    seen.try_init(l, client);
    server.fail(endpoint::upgrade, http_fault::raw("HTTP/1.1 101 sentinel-ticket\r\n\r\n"), 1);
    seen.try_init(l, client);
    CHECK(server.seen().upgrades >= 8);
    CHECK(seen.said.find("upgrade") != std::string::npos);
    check_clean(seen);
}

TEST_CASE("secrets: none comes back from an HTTP answer, in any header and encoding",
          "[loopback][secrets]") {
    live l;
    chat_server server;
    const std::string held = "sentinel-ticket~%/\"";
    const auto body =
        R"({"success":true,"expiresAt":"2999-01-01T00:00:00Z","ticket":")" + in_json(held) + "\"}";
    const auto ticket_answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                               "\r\nConnection: close\r\n\r\n" + body;
    const auto check = [&](endpoint where, const std::string& answer,
                           const std::vector<std::string>& forms) {
        seen_text seen;
        auto config = watched(server, seen);
        config.ticket.max_retries = 0;
        chat_client client(l.io.get_executor(), config);
        server.clear_faults();
        server.fail(endpoint::ticket, http_fault::raw(ticket_answer));
        if (where == endpoint::ticket) server.clear_faults();
        server.fail(where, http_fault::raw(answer));
        seen.try_init(l, client);
        CHECK_FALSE(seen.said.empty());
        CHECK_FALSE(seen.holds_any(forms));
    };
    const auto known = forms_of_all({"sentinel-token", "sentinel-server-key"});
    const auto all = forms_of_all({"sentinel-token", "sentinel-server-key", held});
    for (const std::string_view status : {"101", "200", "302", "401", "404", "407", "503"}) {
        for (const auto& form : known) {
            INFO("ticket " << status << " " << form);
            check(endpoint::ticket, saying(status, form), known);
        }
        for (const auto& form : all) {
            INFO("upgrade " << status << " " << form);
            check(endpoint::upgrade, saying(status, form), all);
        }
    }
}

TEST_CASE("secrets: none comes back from a proxy", "[loopback][secrets]") {
    live l;
    const auto forms =
        forms_of_all({"sentinel-user:sentinel-password", "sentinel-token", "sentinel-server-key"});
    for (const std::string_view status : {"101", "302", "401", "407", "503"})
        for (const auto& form : forms) {
            INFO(status << " " << form);
            raw_server proxy([&](raw_peer& peer) {
                peer.read_head();
                peer.send(saying(status, form));
                peer.half_close();
            });
            seen_text seen;
            chat_server unused;
            auto config = watched(unused, seen);
            config.server_url = "wss://good.test";
            config.ticket.max_retries = 0;
            config.connection.proxy =
                "http://sentinel-user:sentinel-password@127.0.0.1:" + std::to_string(proxy.port());
            chat_client client(l.io.get_executor(), config);
            seen.try_init(l, client);
            CHECK(seen.said.find("proxy") != std::string::npos);
            CHECK_FALSE(seen.holds_any(forms));
        }
}

TEST_CASE("secrets: none comes back from a proxy that answers for the server",
          "[loopback][secrets]") {
    live l;
    // They begin like no other secret: the beginning of one is enough to redact a text.
    const auto forms =
        forms_of_all({"gatekeeper:opensesame", "sentinel-token", "sentinel-server-key"});
    for (const auto& form : forms) {
        INFO(form);
        raw_server proxy([&](raw_peer& peer) {
            peer.read_head();
            peer.send("HTTP/1.1 200 OK\r\n\r\n");
            peer.read_head();
            peer.send(saying("503", form, false));
            peer.half_close();
            peer.hold(); // it reads the body too: a close with bytes unread would be a reset
        });
        seen_text seen;
        chat_server unused;
        auto config = watched(unused, seen);
        config.server_url = "ws://good.test";
        config.ticket.max_retries = 0;
        config.connection.allow_plaintext = true;
        config.connection.proxy =
            "http://gatekeeper:opensesame@127.0.0.1:" + std::to_string(proxy.port());
        chat_client client(l.io.get_executor(), config);
        seen.try_init(l, client);
        CHECK(seen.said.find("HTTP 503") != std::string::npos);
        CHECK_FALSE(seen.holds_any(forms));

        // A ticket_manager by itself has no client behind it that redacts once more.
        ticket_manager_options options;
        options.connection = config.connection;
        options.log = seen.log.sink();
        options.log_threshold = log_level::debug;
        ticket_manager tickets(l.io.get_executor(), config.auth, config.server_url, config.ticket,
                               options);
        seen.said.clear();
        seen.try_ticket(l, tickets);
        CHECK(seen.said.find("HTTP 503") != std::string::npos);
        CHECK_FALSE(seen.holds_any(forms));
    }
}

TEST_CASE("secrets: none is in the log and the events of a session with failures",
          "[loopback][secrets]") {
    live l;
    chat_server server(awkward_tickets());
    seen_text seen;
    chat_client client(l.io.get_executor(), watched(server, seen));
    l.run(client.init());
    server.send_to_all(R"({"type":"unheard-of"})");
    server.drop_all();
    for (const auto& happened : l.run(events_until<connection_restored>(client)))
        if (!std::holds_alternative<message_skipped>(happened)) seen.note(happened);
    server.close_all(4401, "expired");
    for (const auto& happened : l.run(events_until<connection_restored>(client)))
        if (const auto* lost = std::get_if<connection_lost>(&happened)) {
            CHECK(lost->cause.details.close_code == 4401u);
            seen.said += lost->cause.message + lost->cause.details.url;
        }
    l.run(client.disconnect());
    CHECK_FALSE(seen.log.lines().empty());
    CHECK_FALSE(seen.holds("sentinel-server-key"));
    CHECK_FALSE(seen.holds("sentinel-token"));
    for (const auto& request : server.requests())
        if (const auto at = request.target.find("ticket="); at != std::string::npos)
            CHECK_FALSE(seen.holds(request.target.substr(at + 7)));
}

} // namespace secrets_test
