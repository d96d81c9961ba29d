#include "async/call_on_strand.hpp"
#include "async/condition.hpp"
#include "async/reserved_post.hpp"
#include "core/setting_tables.hpp"
#include "message/message_handler_impl.hpp"

#include <exception>
#include <list>
#include <utility>

namespace parley {

/// A message_handler by itself: every event is queued, answers go to `options.send`, and frames are
/// taken in the order of the calls, each when there is room for its events.
class message_handler::standalone final : public impl, public message_sink {
public:
    standalone(const detail::strand& strand, message_handler_options&& options,
               const environment_ptr& environment)
        : impl(strand, environment, options, nullptr, event_queue::before_first::wait),
          strand_(strand), context_(detail::context_watch::of(strand_)),
          send_(std::move(options.send)), log_(options.log, options.log_threshold),
          changed_(strand_, environment->clock()) {
        tools().add(std::move(options.client_tools));
    }

    void attach() { impl::attach(std::shared_ptr<message_sink>(shared_from_this(), this)); }

    const detail::strand& where() const {
        context_->check("message_handler");
        return strand_;
    }

    static awaitable<void> handle(std::shared_ptr<standalone> self, std::string frame) {
        const auto turn = self->turns_.insert(self->turns_.end(), turn_of_call());
        try {
            co_await wait(self, turn);
        } catch (...) {
            self->end(turn);
            throw;
        }
        self->take_frame(std::move(frame));
        self->end(turn);
    }

    static awaitable<void> stop(std::shared_ptr<standalone> self) {
        if (self->state_ == state::open) self->state_ = state::stopped;
        self->changed_.notify_all();
        co_await self->stop_calls();
        self->events().close();
    }

    static void abandon_later(std::shared_ptr<standalone> self) noexcept { // any thread, once
        auto post = self->last_post_;
        const auto strand = self->where();
        post(strand, [self = std::move(self)] {
            self->state_ = state::abandoned;
            self->changed_.notify_all();
            self->abandon();
        });
    }

private:
    enum class state { open, stopped, abandoned };
    struct turn_of_call {};
    using turns = std::list<turn_of_call>;

    // message_sink. The opening of a session is for the owner of the connection.
    void on_session_established() override {}
    void on_tools_acknowledged(bool) override {}
    void on_configuration_requested() override {}
    void on_authentication_refused(quotation error, quotation code) override {
        server_error refused;
        refused.error = std::move(error).text();
        if (!code.empty()) refused.code = std::move(code).text();
        on_event(std::move(refused));
    }
    void on_event(event&& happened) override { events().push(std::move(happened)); }
    void send_control(std::string frame) override { send(std::move(frame)); }
    void send_answer(std::string frame, std::uint64_t) override { send(std::move(frame)); }

    void send(std::string frame) {
        if (!send_) return;
        try {
            send_(std::move(frame));
        } catch (const std::exception& thrown) {
            send_failed(thrown.what());
        } catch (...) {
            send_failed("an exception that is not a std::exception");
        }
    }

    void send_failed(std::string_view what) {
        log_.write(log_level::error, "message_handler_options::send threw: " + std::string(what));
        on_event(handler_failed{std::string(what)});
    }

    static awaitable<void> wait(std::shared_ptr<standalone> self, turns::const_iterator turn) {
        while (self->state_ == state::open) {
            if (self->turns_.begin() != turn)
                co_await self->changed_.wait_until();
            else if (self->events().full())
                co_await self->events().wait_for_room();
            else
                co_return;
        }
        if (self->state_ == state::abandoned) std::rethrow_exception(detail::aborted());
    }

    void end(turns::const_iterator turn) {
        turns_.erase(turn);
        changed_.notify_all();
    }

    void take_frame(std::string frame) {
        if (state_ != state::open) return;
        const auto size = frame.size();
        frame.append(message_padding, '\0');
        on_text(std::string_view(frame).substr(0, size));
        after_read();
    }

    const detail::strand strand_;
    const std::shared_ptr<detail::context_watch> context_; // that of the strand
    reserved_post last_post_;                              // of the destructor
    const std::function<void(std::string)> send_;
    const logger log_;
    condition changed_; // state_ and turns_
    state state_ = state::open;
    turns turns_; // the calls of handle that are under way
};

message_handler::message_handler(asio::any_io_executor executor, message_handler_options options,
                                 environment_ptr environment)
    : impl_(std::make_shared<standalone>(detail::strand::around(executor),
                                         checked(std::move(options), "options."),
                                         or_real(std::move(environment)))) {
    impl_->attach();
}

message_handler::~message_handler() { standalone::abandon_later(std::move(impl_)); }

awaitable<void> message_handler::handle(std::string frame) {
    return call_on_strand(impl_, &standalone::handle, std::move(frame));
}

awaitable<std::optional<event>> message_handler::next_event() { return impl_->events().next(); }

void message_handler::add_tool(tool added) {
    std::vector<tool> one;
    one.push_back(std::move(added));
    impl_->tools().add(std::move(one));
}

void message_handler::remove_tool(const std::string& name) { impl_->tools().remove(name); }

awaitable<void> message_handler::stop() { return call_on_strand(impl_, &standalone::stop); }

} // namespace parley
