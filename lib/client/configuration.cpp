// Tools, context helpers and threads.

#include "client/chat_client_impl.hpp"
#include "dialect/parley/encoder.hpp"

#include <fmt/core.h>

#include <cstddef>
#include <utility>

namespace parley {

namespace {

/// Changes of the tools that a session may owe an acknowledgement.
constexpr std::size_t most_updates = 64;

} // namespace

bool chat_client::impl::has_configuration() const {
    return !tools().all().empty() || config_.component_schemas.is_array();
}

std::string chat_client::impl::configuration() const {
    return encode_configure_tools(tool_schemas(tools().all()), config_.context_helpers,
                                  config_.component_schemas);
}

void chat_client::impl::on_session_established() {
    tools_changed_ = false; // all that there are go with the configuration, if there is one
    perform(opening_.established(now(), has_configuration()));
    changed_.notify_all();
}

void chat_client::impl::on_authentication_refused(quotation error, quotation code) {
    perform(opening_.refused(std::move(error), std::move(code)));
}

void chat_client::impl::on_tools_acknowledged(bool of_update) {
    if (!of_update) return perform(opening_.acknowledged());
    if (updates_.empty()) return; // unasked
    updates_.front()->outcome.emplace();
    updates_.pop_front();
    changed_.notify_all();
}

void chat_client::impl::on_configuration_requested() {
    // doc/protocol.md 2.2: answered with ours as it stands now.
    if (!opening_.configuration_requested(now())) {
        ++configurations_unanswered_;
        return;
    }
    tools_changed_ = false;
    connection_->send_control(configuration());
}

void chat_client::impl::fail_updates(const error_info& why) {
    for (const auto& update : updates_)
        update->outcome = why;
    updates_.clear();
    changed_.notify_all();
}

awaitable<void> chat_client::impl::announce_tools() {
    if (!connection_->ready()) {
        tools_changed_ = true; // the opening that is under way, or the next, tells the server
        co_return;
    }
    if (updates_.size() >= most_updates)
        throw_error(error_info(
            errc::tools_not_acknowledged,
            fmt::format("The server has not acknowledged {} changes of tools; nothing was sent.",
                        most_updates)));
    const auto update = std::make_shared<tool_update>();
    updates_.push_back(update);
    connection_->send_control(
        encode_update_tools(tool_schemas(tools().all()), config_.component_schemas));
    const auto deadline = after(now(), config_.timeouts.acknowledge);
    while (!update->outcome && now() < deadline) {
        co_await changed_.wait_until(deadline);
        check_alive();
    }
    // An update that timed out stays in the queue, so that its late acknowledgement is not taken
    // for that of the next one.
    if (!update->outcome)
        throw_error(error_info(errc::tools_not_acknowledged,
                               "The server did not acknowledge the change of tools."));
    update->outcome->value(); // or throws
}

awaitable<void> chat_client::impl::add_client_tools(std::vector<tool> added) {
    check_alive();
    tools().add(added);
    std::exception_ptr failure;
    try {
        co_await announce_tools();
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    for (const auto& one : added)
        tools().remove(one.name());
    std::rethrow_exception(failure);
}

awaitable<void> chat_client::impl::remove_client_tool(std::string name) {
    check_alive();
    tools().remove(name);
    co_await announce_tools();
}

awaitable<void> chat_client::impl::update_context_helpers(json_text merge) {
    check_alive();
    config_.context_helpers = merge_helpers(config_.context_helpers, merge);
    if (!connection_->ready()) co_return; // part of the opening
    auto sending = send_frame(encode_context_helpers(config_.context_helpers));
    co_await std::move(sending);
}

} // namespace parley
