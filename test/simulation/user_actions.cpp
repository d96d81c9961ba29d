// What the user does.

#include "simulation/user.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace parley::simulation {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

} // namespace

std::string user::new_message() { return fmt::format("msg-{}", ++last_); }

observer::verdict user::verdict_on(const outcome& how) const {
    using enum observer::verdict;
    if (how.ok || how.is(errc::chat_failed)) return sent;
    if (how.is(errc::not_sent) || how.is(errc::not_connected)) return unsent;
    // A cancelled one was not sent, or it would have been sent to the end; but the end of its
    // client ends it anyhow.
    return unknown;
}

void user::init() {
    if (!client_) return;
    const auto callers = world_.work.percent(10) ? 3 : 1;
    for (int i = 0; i < callers; ++i) {
        auto bound =
            config_.timeouts.init + config_.timeouts.disconnect; // one may have to end first
        start("init", bound, client_->init(), [this](const outcome& how, void*) {
            if (how.ok || how.aborted || how.code) return;
            world_.broke("I1", "init threw something else: " + how.text);
        });
    }
}

void user::send_one() {
    const auto content = new_message();
    chat_message message(content);
    if (world_.work.percent(10)) message.provider_res_id("thread \"7\"");
    if (world_.work.percent(5)) message.new_conversation();
    if (world_.work.percent(10)) message.media({"a", "b"});
    auto sending = client_->send_message(std::move(message));
    start("send " + content, config_.timeouts.send, std::move(sending),
          [this, content](const outcome& how, void*) {
              observer_.send_ended(content, verdict_on(how));
          });
}

void user::send() { send_one(); }

void user::send_many() {
    for (int i = 0; i < 12; ++i)
        send_one();
}

void user::ask() {
    const auto content = new_message();
    const auto number = ++last_;
    observer_.ask_began(number);
    const auto bound = 2 * config_.timeouts.answer + config_.timeouts.send;
    auto one = start("ask " + content, bound, client_->ask(content),
                     [this, number, content](const outcome& how, answer* what) {
                         observer_.ask_ended(number, what ? &what->text : nullptr);
                         observer_.send_ended(content, verdict_on(how));
                         last_ask_ended_ = world_.now();
                     });
    one->of_run = true;
}

void user::stop_run() { start("stop_run", config_.timeouts.send, client_->stop_run()); }

void user::cancel_something() {
    std::vector<std::shared_ptr<operation>> on;
    for (const auto& one : operations_)
        if (!one->done && (!one->cancelled || one->name == "next_event")) on.push_back(one);
    if (on.empty()) return;
    const auto one = world_.work.pick(on);
    world_.seen.count(fault::cancellation);
    one->cancelled = true;
    constexpr asio::cancellation_type types[] = {asio::cancellation_type::terminal,
                                                 asio::cancellation_type::partial,
                                                 asio::cancellation_type::total};
    const auto type = types[world_.work.below(3)];
    if (world_.traced()) world_.note("user: cancels " + one->name);
    signalled_.push_back(one);
    emit(one, type);
}

// On the user's executor, as the slot demands. Not before it has started: co_spawn of Asio
// before 1.30.2 lets a cancellation fly that comes so early.
void user::emit(std::shared_ptr<operation> one, asio::cancellation_type type) {
    world_.push(who::user, [this, one = std::move(one), type] {
        if (!one->started) return emit(one, type);
        if (!one->done) one->signal.emit(type);
    });
}

void user::add_tool() {
    const auto name = fmt::format("t{}", ++last_);
    tools_.insert(name);
    const bool uncertain = !ready();
    start("add " + name, config_.timeouts.acknowledge, client_->add_client_tool(make_tool(name)),
          [this, name, uncertain, of = clients_](const outcome& how, void*) {
              if (of != clients_) return;
              if (!how.ok) {
                  tools_.erase(name);
                  tools_uncertain_ = true; // whether the server took it is unknown
              }
              if (uncertain && !how.ok) tools_uncertain_ = true;
          });
}

void user::remove_tool() {
    if (tools_.empty()) return;
    const auto name =
        *std::next(tools_.begin(), static_cast<std::ptrdiff_t>(world_.work.below(tools_.size())));
    tools_.erase(name);
    start("remove " + name, config_.timeouts.acknowledge, client_->remove_client_tool(name),
          [this](const outcome& how, void*) {
              if (!how.ok) tools_uncertain_ = true;
          });
}

void user::replace_tool() {
    if (tools_.empty()) return;
    try {
        client_->update_client_tools({make_tool(*tools_.begin())});
    } catch (const client_error& thrown) {
        if (thrown.code() != make_error_code(errc::tool_unknown))
            world_.broke("tools", thrown.what());
    }
}

void user::change_helpers() {
    json_object merge;
    merge.set("page", fmt::format("p{}", ++last_));
    start("update_context_helpers", config_.timeouts.send,
          client_->update_context_helpers(json_text(merge)));
}

void user::change_entity() {
    const auto entity = fmt::format("entity-{}", ++last_);
    observer_.identity_changes(entity);
    start("update_entity", config_.timeouts.request,
          client_->update_entity("thread", entity, "kind"),
          [this, entity, of = clients_](const outcome& how, void*) {
              if (of == clients_) observer_.identity_changed(entity, how.ok);
          });
}

void user::change_metadata() {
    start("update_metadata", config_.timeouts.request,
          client_->update_metadata("thread", metadata_patch().title("a title").tag(std::nullopt)));
}

void user::reconnect() {
    observer_.nudged();
    start("reconnect", config_.timeouts.init, client_->reconnect());
}

void user::refresh() {
    observer_.refresh_began();
    observer_.nudged();
    // Four attempts of 10 s, three waits of 30 s at most or what the server asks for, and the rest.
    const auto bound = 4 * 10'250ms + 3 * 30s + config_.timeouts.init;
    start("refresh_ticket_and_reconnect", bound, client_->refresh_ticket_and_reconnect(),
          [this, of = clients_](const outcome&, void*) {
              if (of == clients_) observer_.refresh_ended();
          });
}

void user::change_network() {
    observer_.nudged();
    client_->notify_network_change();
}

void user::idle_away() {
    if (!world_.inflict(fault::slow_consumer)) return;
    patience_until_ = world_.now() + world_.work.ms(500, 60'000);
    world_.at(*patience_until_, [] {}); // so that the user wakes up
}

void user::disconnect() {
    if (!client_) return;
    observer_.answers_forgotten();
    start("disconnect", config_.timeouts.disconnect, client_->disconnect(),
          [this, of = clients_](const outcome& how, void*) {
              observer_.answers_forgotten();
              if (of != clients_ || !client_ || !how.ok) return;
              // A refresh that was on goes with its manager, and the ticket that was held too.
              if (!client_->status().has_valid_ticket) observer_.forget_tickets();
              const bool alone = std::ranges::none_of(operations_, [&](const auto& one) {
                  return !one->done && one->client == of && one->name == "init";
              });
              if (alone && network_.alive() != 0)
                  world_.broke("I4", "disconnect is done, and a connection is left");
              if (alone && client_->status().state != websocket_state::closed)
                  world_.broke("I4", "disconnect is done, and the client is not closed");
          });
}

void user::destroy() {
    if (!client_) return;
    world_.seen.count(fault::destruction);
    observer_.client_gone();
    if (world_.traced()) world_.note("user: destroys the client");
    client_.reset();
}

} // namespace parley::simulation
