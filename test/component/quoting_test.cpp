// What a server says of us, in each field of each frame, in each close and each refusal: no text
// for a person has a secret of ours in it, and each is fit for one line.

#include <parley/ticket_manager.hpp>

#include "core/redactor.hpp"
#include "dialect/parley/frame_table.hpp"
#include "support/catch.hpp"
#include "support/client_case.hpp"
#include "support/event_text.hpp"
#include "support/fake_ticket_source.hpp"
#include "support/secret_forms.hpp"
#include "support/secret_watch.hpp"
#include "transport/websocket_error.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quoting_test {

using namespace parley;
using namespace parley::test;
using namespace std::chrono_literals;
using wire::level;
using wire::shape;

namespace {

const std::string token = "SENTINEL/\"TOKEN\"";
const std::string key = "SENTINEL~KEY+\\";
const std::string ticket_text = "Sentinel%Ticket/1";
const std::string cookie = "sentinel-cookie";

const std::vector<std::string>& told_secrets() {
    static const auto all = [] {
        std::vector<std::string> forms;
        for (const auto& each : {token, key, ticket_text, cookie})
            for (auto& form : forms_of(each))
                forms.push_back(std::move(form));
        return forms;
    }();
    return all;
}

/// A sixth of them: six turns have them all.
std::vector<std::string> told_secrets_of(std::size_t turn) {
    std::vector<std::string> some;
    for (std::size_t n = turn % 6; n < told_secrets().size(); n += 6)
        some.push_back(told_secrets()[n]);
    return some;
}

bool tells_any(const std::string& text) {
    return std::ranges::any_of(told_secrets(), [&](const std::string& form) {
        return text.find(form.substr(0, 12)) != std::string::npos;
    });
}

/// A field whose text is data: it goes to the user as it is, in an event, and nowhere else. What is
/// not listed is for a person; so is each field that is new.
bool is_payload(std::string_view name, std::string_view which) {
    using fields = std::vector<std::string_view>;
    static const std::map<std::string_view, fields> payload{
        {"content-delta", {"delta"}},
        {"text-delta", {"textDelta"}},
        {"reasoning-start", {"id", "text"}},
        {"reasoning-delta", {"id", "text"}},
        {"reasoning-end", {"id", "text"}},
        {"tool-call", {"toolCallId", "args"}},
        {"tool-result", {"toolCallId", "result"}},
        {"chat_finished", {"uuid", "conversationId"}},
        {"messages_persisted", {"threadId", "providerResId"}},
        {"thread_created", {"threadId", "providerResId"}},
        {"tool_call_request", {"callId"}},
        {"ui_component", {"toolCallId", "props"}}};
    const auto found = payload.find(name);
    return found != payload.end() && std::ranges::find(found->second, which) != found->second.end();
}

/// A frame with a hole for a text, within a JSON string.
struct probe {
    std::string before;
    std::string behind;
    std::string name;
    bool payload = false;
    bool ends_session = false;

    std::string frame(const std::string& text) const { return before + in_json(text) + behind; }
};

std::string usual(shape wanted) {
    switch (wanted) {
    case shape::stamp:
    case shape::integer:
        return "1";
    case shape::boolean:
        return "true";
    case shape::object:
    case shape::value:
    case shape::parameters:
        return "{}";
    case shape::names:
        return R"(["x"])";
    case shape::component_status:
        return R"("complete")";
    default:
        return R"("x")";
    }
}

std::vector<std::string> with_hole(shape wanted) {
    switch (wanted) {
    case shape::words:
        return {R"("@")", R"({"message":"@"})", R"({"other":"@"})"};
    case shape::names:
        return {R"(["@"])"};
    case shape::value:
        return {R"("@")", R"({"k":["@"]})"};
    case shape::parameters:
        return {R"({"k":"@"})"};
    default:
        return {R"("@")"};
    }
}

std::string frame_text(const wire::frame_row& row, const wire::rule& probed,
                       const std::string& value) {
    using wire::naming;
    std::string top, data;
    const auto add = [](std::string& to, std::string_view name, const std::string& json) {
        to.append(to.empty() ? "\"" : ",\"").append(name).append("\":").append(json);
    };
    const auto in_quotes = [](std::string_view word) { return '"' + std::string(word) + '"'; };
    add(top, "type", in_quotes(row.named_by == naming::type ? row.name : "chat_event"));
    if (row.named_by == naming::event) add(top, "event", in_quotes(row.name));
    if (row.named_by == naming::provider_event) add(top, "event", R"("provider-event")");
    if (row.named_by == naming::latitude_event) add(top, "event", R"("latitude-event")");
    if (row.named_by == naming::provider_event || row.named_by == naming::latitude_event)
        add(data, "type", in_quotes(row.name));
    const auto is_data = [](const wire::rule& one) {
        return one.where == level::top && one.name == "data";
    };
    for (const auto& each : row.rules) {
        if (is_data(each)) continue;
        const bool here = each.where == probed.where && each.name == probed.name;
        add(each.where == level::top ? top : data, each.name, here ? value : usual(each.wanted));
    }
    add(top, "data", is_data(probed) ? value : '{' + data + '}');
    return '{' + top + '}';
}

probe made_of(std::string frame, std::string name) {
    const auto hole = frame.find('@');
    return {frame.substr(0, hole), frame.substr(hole + 1), std::move(name)};
}

std::vector<probe> all_probes() {
    std::vector<probe> all;
    for (const auto& row : wire::frame_table())
        for (const auto& each : row.rules)
            for (const auto& value : with_hole(each.wanted)) {
                const auto name = std::string(row.name) + '.' + std::string(each.name);
                auto one = made_of(frame_text(row, each, value), name);
                one.payload = is_payload(row.name, each.name);
                one.ends_session = row.name == "authentication_error" || row.name == "chat_error" ||
                                   row.name == "error";
                all.push_back(std::move(one));
            }
    for (const auto* frame :
         {R"({"type":"@"})", R"({"@":1})", R"(["@"])", R"({"type":"chat_event","event":"@"})",
          R"({"type":"chat_event","event":"provider-event","data":{"type":"@"}})",
          R"({"type":"chat_event","event":"latitude-event","data":{"type":"@"}})",
          R"({"type":"error","error":"@)"})
        all.push_back(made_of(frame, frame));
    return all;
}

struct texts_of_event {
    static std::string of(const error_info& why) {
        return std::string(client_error(why).what()) + '\n' + why.details.server_code + '\n' +
               why.details.server_text + '\n' + why.details.reason + '\n' + why.details.url;
    }
    static std::string of(const std::optional<json_text>& json) {
        return json ? std::string(json->view()) : std::string();
    }

    std::string operator()(const chat_failed& e) const {
        return e.error + '\n' + e.code.value_or("") + '\n' + of(e.details);
    }
    std::string operator()(const server_error& e) const {
        return e.error + '\n' + e.code.value_or("") + '\n' + of(e.details);
    }
    std::string operator()(const message_skipped& e) const { return e.detail; }
    std::string operator()(const thread_created& e) const {
        return e.update_endpoint + '\n' + e.thread_id + e.provider_res_id;
    }
    std::string operator()(const connection_lost& e) const { return of(e.cause); }
    std::string operator()(const reconnecting& e) const { return of(e.cause); }
    std::string operator()(const connection_failed& e) const { return of(e.cause); }
    std::string operator()(const ticket_renewal_failed& e) const { return of(e.cause); }
    template <class Event>
    std::string operator()(const Event& e) const {
        return event_text(e);
    }
};

enum class stage { opening, configuring, ready, asking };

/// All that anybody could read of a client whose server says these things.
class heard {
public:
    explicit heard(stage at) : stage_(at) {
        auto& auth = test_.config.auth;
        auth.user_mp_auth_token = secret(token);
        auth.chat_server_key = secret(key);
        test_.config.client_tools.push_back(echo_tool("echo"));
        test_.environment->http->forget_answers();
        http_response given;
        given.status = 200;
        given.body = R"({"success":true,"ticket":")" + in_json(ticket_text) +
                     R"(","expiresAt":"2999-01-01T00:00:00Z"})";
        given.set_cookies = {"lb=" + cookie + "; Path=/"};
        for (int i = 0; i < 10; ++i)
            test_.environment->http->answer(given);
        test_.transports->otherwise(
            [](scripted_connection& next) { next.refuse(errc::connect_failed); });
        peer_ = &test_.transports->expect_connect();
        test_.make();
    }

    scripted_connection& peer() { return *peer_; }

    /// Up to its stage; there the server does as `says`.
    template <class Says>
    void run(Says says) {
        if (stage_ != stage::opening) peer_->reply(session_established_frame);
        if (stage_ == stage::opening || stage_ == stage::configuring) says(*peer_);
        if (stage_ == stage::configuring) peer_->expect_write("configure_tools");
        if (stage_ != stage::opening && stage_ != stage::configuring)
            peer_->expect_write("configure_tools").reply(tools_configured_frame);
        auto opening = start(test_.io, test_.client->init());
        poll(test_.io);
        std::optional<started<answer>> asked;
        if (stage_ == stage::asking) asked.emplace(start(test_.io, test_.client->ask("hi")));
        poll(test_.io);
        if (stage_ == stage::asking || stage_ == stage::ready) says(*peer_);
        collect();
        test_.pass(2min);
        note(opening);
        if (asked) note(*asked);
        collect();
        if (const auto& error = test_.client->status().websocket.last_error)
            said += texts_of_event::of(*error) + '\n';
    }

    std::string log() const { return test_.log.text(); }
    std::vector<std::string> log_lines() const {
        std::vector<std::string> lines;
        for (auto& [of, line] : test_.log.lines())
            lines.push_back(line);
        return lines;
    }

    std::string said; // by errors and the status
    std::vector<std::string> errors;
    std::vector<event> events;

private:
    template <class Started>
    void note(Started& call) {
        if (!call.done()) return call.cancel();
        try {
            call.get();
        } catch (const client_error& error) {
            errors.emplace_back(error.what());
            said += texts_of_event::of(error.info()) + '\n';
        }
    }

    void collect() {
        for (;;) {
            auto next = start(test_.io, test_.client->next_event());
            poll(test_.io);
            if (!next.done()) {
                next.cancel();
                poll(test_.io);
                return;
            }
            const auto happened = next.get();
            if (!happened) return;
            events.push_back(*happened);
        }
    }

    stage stage_;
    client_case test_;
    scripted_connection* peer_ = nullptr;
};

template <class Says>
void check_secrets(stage at, bool payload, Says says) {
    heard client(at);
    client.run(says);
    CHECK_FALSE(tells_any(client.said));
    CHECK_FALSE(tells_any(client.log()));
    if (payload) return;
    for (const auto& each : client.events)
        CHECK_FALSE(tells_any(std::visit(texts_of_event(), each)));
}

bool fit_for_a_line(std::string_view text, std::size_t most) {
    const auto moves = [](unsigned char byte) { return byte < 0x20 || byte == 0x7F; };
    return text.size() <= most && std::ranges::none_of(text, moves) &&
           text.find("\xD8\x9C") == std::string_view::npos &&
           text.find("\xC2\x9B") == std::string_view::npos &&
           text.find("\xE2\x80\xAE") == std::string_view::npos;
}

/// Of an event, what is no payload, field by field.
std::vector<std::string> quotations_of(const event& happened) {
    std::vector<std::string> all;
    const auto add_error = [&all](const error_info& why) {
        all.insert(all.end(), {client_error(why).what(), why.message, why.details.server_code,
                               why.details.server_text, why.details.reason, why.details.url});
    };
    if (const auto* failed = std::get_if<chat_failed>(&happened))
        all = {failed->error, failed->code.value_or("")};
    if (const auto* failed = std::get_if<server_error>(&happened))
        all = {failed->error, failed->code.value_or("")};
    if (const auto* skipped = std::get_if<message_skipped>(&happened)) all = {skipped->detail};
    if (const auto* lost = std::get_if<connection_lost>(&happened)) add_error(lost->cause);
    if (const auto* again = std::get_if<reconnecting>(&happened)) add_error(again->cause);
    if (const auto* failed = std::get_if<connection_failed>(&happened)) add_error(failed->cause);
    if (const auto* done = std::get_if<tool_finished>(&happened)) all = {done->name, done->error};
    return all;
}

template <class Says>
void check_lines(stage at, Says says) {
    heard client(at);
    client.run(says);
    for (const auto& what : client.errors)
        CHECK(fit_for_a_line(what, 3'000));
    for (const auto& line : client.log_lines())
        CHECK(fit_for_a_line(line, 2'003));
    for (const auto& each : client.events)
        for (const auto& text : quotations_of(each))
            CHECK(fit_for_a_line(text, 3'000));
    CHECK(std::ranges::count(client.said, '\r') == 0);
}

constexpr stage stages[] = {stage::opening, stage::configuring, stage::ready, stage::asking};

std::string longest_of(const std::string& beginning) {
    return beginning + "\r\nINFO forged\x1b[2J\xD8\x9C\xE2\x80\xAE\xC2\x9B" +
           std::string(100'000, 'w');
}

} // namespace

TEST_CASE("quoting: no secret comes back, from any field of any frame", "[component][quoting]") {
    std::size_t turn = 0;
    for (const auto& one : all_probes())
        for (const auto at : stages) {
            INFO(one.name << " at stage " << static_cast<int>(at));
            if (!one.ends_session) {
                check_secrets(at, one.payload, [&one](scripted_connection& peer) {
                    for (const auto& form : told_secrets())
                        peer.reply(one.frame("the " + form + " of you"));
                });
                continue;
            }
            for (const auto& form : told_secrets_of(turn++))
                check_secrets(at, one.payload, [&](scripted_connection& peer) {
                    peer.reply(one.frame("the " + form + " of you"));
                });
        }
}

TEST_CASE("quoting: no secret comes back in a close, or in a transport's error",
          "[component][quoting]") {
    constexpr std::array codes{1000u, 1008u, 1011u, 4001u, 4401u};
    std::size_t turn = 0;
    for (const auto at : stages)
        for (const auto& form : told_secrets()) {
            INFO(form << " at stage " << static_cast<int>(at));
            const unsigned code = codes[turn++ % codes.size()];
            check_secrets(at, false, [&](scripted_connection& peer) {
                peer.fail_read(closed_by_peer(code, "bad " + form));
            });
            check_secrets(at, false, [&](scripted_connection& peer) {
                error_details details;
                details.server_text = details.server_code = details.reason = form;
                peer.fail_read(error_info(errc::connection_reset, "It says " + form, details));
            });
        }
}

TEST_CASE("quoting: a server's text is one line of bounded length in each place",
          "[component][quoting]") {
    for (const auto& one : all_probes())
        for (const auto at : stages) {
            INFO(one.name << " at stage " << static_cast<int>(at));
            check_lines(at, [&one](scripted_connection& peer) {
                peer.reply(one.frame(longest_of("a"))).reply(one.frame("a\r\nb\x1b[2J"));
            });
        }
    for (const auto at : stages)
        check_lines(at, [](scripted_connection& peer) {
            error_details details;
            details.server_text = details.server_code = details.reason = longest_of("a");
            peer.fail_read(error_info(errc::connection_closed, longest_of("It"), details));
        });
}

TEST_CASE("quoting: the tickets before and after a renewal are redacted, also an unused one",
          "[component][quoting]") {
    client_case test;
    test.make();
    auto& peer = test.expect_session();
    test.init();
    test.pass(59min);
    CHECK(test.log.text().find("received one") != std::string::npos);
    REQUIRE(test.environment->http->count() == 2);
    test.told();
    peer.reply(
        frames::error("neither ticket-1 nor ticket-2", std::nullopt, R"({"of":"ticket-2"})"));
    poll(test.io);
    auto next = run(test.io, test.client->next_event());
    const auto& told = std::get<server_error>(next.value());
    CHECK(told.error == "neither *** nor ***");
    CHECK(told.details.value().view() == R"("***")");

    test.environment->http->forget_answers();
    test.environment->http->answer(400, R"({"success":false,"error":"no\r\n for ticket-1"})");
    auto changing = start(test.io, test.client->update_metadata("id", metadata_patch().tag("t")));
    poll(test.io);
    try {
        changing.get();
        FAIL("nothing was thrown");
    } catch (const client_error& error) {
        CHECK(error.details().server_text == "no\\r\\n for ***");
        CHECK(std::string(error.what()).find("ticket-1") == std::string::npos);
    }
}

TEST_CASE("quoting: the text of a custom ticket source is redacted", "[component][quoting]") {
    client_case test;
    const auto source = std::make_shared<fake_ticket_source>(test.environment->time);
    const auto words = longest_of("it says SENTINEL-TOKEN");
    error_details details;
    details.server_text = details.server_code = details.reason = words;
    const bool by_value = GENERATE(true, false);
    const careless_stranger somebody;
    if (by_value)
        source->fail(error_info(errc::ticket_refused, words, details));
    else
        source->fail_with(std::make_exception_ptr(std::runtime_error(words)));
    auto tickets = std::make_shared<ticket_manager>(test.io.get_executor(), test.config.auth,
                                                    source, ticket_config(),
                                                    ticket_manager_options(), test.environment);
    test.client.emplace(test.io.get_executor(), test.config, tickets, test.environment);
    auto opening = start(test.io, test.client->init());
    test.pass(2min);
    try {
        opening.get();
        FAIL("nothing was thrown");
    } catch (const client_error& error) {
        CHECK(fit_for_a_line(error.what(), 3'000));
        CHECK_FALSE(tells_a_secret(error.what()));
        for (const auto& text : {error.details().server_text, error.details().server_code,
                                 error.details().reason, error.message()}) {
            CHECK(fit_for_a_line(text, 1'003));
            CHECK_FALSE(tells_a_secret(text));
        }
    }
}

} // namespace quoting_test
