#include "conversation.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>
#include <variant>

namespace parley_chat {

namespace {

std::vector<std::string> names_of(const std::vector<parley::tool>& tools) {
    std::vector<std::string> names;
    for (const auto& each : tools)
        names.push_back(each.name());
    return names;
}

// True for a scope.
class raised {
public:
    explicit raised(bool& flag) : flag_(flag) { flag_ = true; }
    raised(const raised&) = delete;
    raised& operator=(const raised&) = delete;
    ~raised() { flag_ = false; }

private:
    bool& flag_;
};

} // namespace

conversation::conversation(asio::any_io_executor executor, parley::chat_client_config config,
                           output& shown, bell& changed, settings chosen)
    : executor_(executor), shown_(shown), settings_(std::move(chosen)),
      tool_names_(names_of(config.client_tools)), changed_(changed),
      client_(executor, std::move(config)) {}

conversation::~conversation() = default;

awaitable<void> conversation::open() {
    check();
    co_await client_.init();
    check();
    open_ = true;
    shown_.ready(tool_names_);
    events_.start(executor_, show_events(), changed_);
}

awaitable<conversation::answer> conversation::say(std::string text) {
    check();
    parley::chat_message message{std::move(text)};
    if (settings_.provider_res_id) message.provider_res_id(*settings_.provider_res_id);

    // The answer may be over before the sending returns.
    const unsigned before = answers_;
    const raised now{awaiting_};
    answer_lost_ = false;
    last_sign_ = std::chrono::steady_clock::now();
    const bool sent = co_await send(std::move(message));
    if (!sent) co_return answer::withdrawn;
    while (answers_ == before) {
        check();
        if (answer_lost_) {
            parley::throw_error({parley::errc::sent_unconfirmed,
                                 "The connection was lost before the answer was complete; "
                                 "whether the server has processed the message is unknown."});
        }
        const auto deadline = answer_deadline();
        if (std::chrono::steady_clock::now() >= deadline) {
            parley::throw_error({parley::errc::answer_timeout,
                                 "The server has not answered within the time allowed."});
        }
        co_await changed_.wait(deadline);
    }
    co_return last_answer_;
}

// False when it was withdrawn.
awaitable<bool> conversation::send(parley::chat_message message) {
    const raised now{sending_};
    try {
        co_await asio::co_spawn(
            executor_, client_.send_message(std::move(message)),
            asio::bind_cancellation_slot(withdrawing_.slot(), asio::use_awaitable));
    } catch (const boost::system::system_error& error) {
        if (error.code() != asio::error::operation_aborted || leaving_) throw;
        co_return false;
    }
    co_return true;
}

awaitable<bool> conversation::wait(std::function<bool()> condition, bell::time_point until) {
    for (;;) {
        if (leaving_) throw ended{*leaving_};
        if (condition()) co_return true;
        check();
        if (std::chrono::steady_clock::now() >= until) co_return false;
        co_await changed_.wait(until);
    }
}

awaitable<void> conversation::close() {
    begin_close();
    while (events_.running() || closing_.running())
        co_await changed_.wait();
    closing_.rethrow();
    events_.rethrow();
}

void conversation::leave(exit_status status) {
    if (!leaving_) leaving_ = status;
    changed_.ring();
    begin_close(); // whatever is under way ends by it, `init` included
}

void conversation::begin_close() {
    if (std::exchange(closed_, true)) return;
    closing_.start(executor_, client_.disconnect(), changed_);
}

// What an event says of the conversation. One that is missing here does not compile.
class conversation::noted {
public:
    explicit noted(conversation& owner) : owner_(owner) {}

    void operator()(const parley::text_delta&) const { sign_of_answer(); }
    void operator()(const parley::reasoning_started&) const { sign_of_answer(); }
    void operator()(const parley::reasoning_delta&) const { sign_of_answer(); }
    void operator()(const parley::reasoning_finished&) const { sign_of_answer(); }
    void operator()(const parley::tool_started&) const {
        sign_of_answer();
        ++owner_.running_tools_;
    }
    void operator()(const parley::tool_finished&) const {
        sign_of_answer();
        if (owner_.running_tools_ > 0) --owner_.running_tools_;
    }
    void operator()(const parley::tool_answer_repeated&) const { sign_of_answer(); }
    void operator()(const parley::server_tool_started&) const { sign_of_answer(); }
    void operator()(const parley::server_tool_finished&) const { sign_of_answer(); }
    void operator()(const parley::ui_component&) const { sign_of_answer(); }
    void operator()(const parley::thread_created&) const { sign_of_answer(); }
    void operator()(const parley::messages_persisted&) const {}
    void operator()(const parley::chat_finished&) const { answered(answer::finished); }
    void operator()(const parley::chat_failed&) const { answered(answer::failed); }
    void operator()(const parley::server_error&) const {}
    void operator()(const parley::message_skipped&) const {}
    void operator()(const parley::connection_lost& e) const {
        if (!e.will_reconnect) owner_.cause_ = e.cause; // the end of the events tells it
        owner_.answer_lost_ = owner_.awaiting_ && e.will_reconnect && e.unconfirmed > 0;
    }
    void operator()(const parley::reconnecting&) const {}
    void operator()(const parley::connection_restored&) const { ++owner_.connections_restored_; }
    void operator()(const parley::connection_failed& e) const { owner_.cause_ = e.cause; }
    void operator()(const parley::ticket_renewed&) const { ++owner_.tickets_renewed_; }
    void operator()(const parley::ticket_renewal_failed&) const {}
    void operator()(const parley::handler_failed&) const {}

private:
    void sign_of_answer() const { owner_.last_sign_ = std::chrono::steady_clock::now(); }
    void answered(answer how) const {
        owner_.last_answer_ = how;
        ++owner_.answers_;
    }

    conversation& owner_;
};

awaitable<void> conversation::show_events() {
    while (auto event = co_await client_.next_event()) {
        std::visit(noted(*this), *event);
        shown_.happened(*event);
        changed_.ring();
    }
    over_ = true;
}

void conversation::check() {
    if (leaving_) throw ended{*leaving_};
    if (events_.running() || !open_) return;
    events_.rethrow(); // an exception of showing an event
    throw connection_over(
        cause_.value_or(parley::error_info{parley::errc::disconnected, "The session has ended."}));
}

// While one of our tools runs the server is silent because of us.
bell::time_point conversation::answer_deadline() const {
    if (running_tools_ > 0) return bell::time_point::max();
    return last_sign_ + settings_.answer_timeout;
}

} // namespace parley_chat
