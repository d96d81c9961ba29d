#include <parley/detail/on_strand.hpp>
#include <parley/message_handler.hpp>

#include "async/condition.hpp"
#include "async/reserved_post.hpp"
#include "core/log.hpp"
#include "core/setting_tables.hpp"
#include "message/event_queue.hpp"
#include "message/message_router.hpp"
#include "transport/environment.hpp"

#include <deque>
#include <exception>
#include <utility>

namespace parley {

/// The actor behind message_handler: a router, and a queue for what it says.
class message_handler::impl final : public std::enable_shared_from_this<message_handler::impl>,
                                    public message_sink {
public:
    impl(const asio::any_io_executor& executor, message_handler_options options,
         const environment_ptr& environment)
        : strand_(detail::strand::around(executor)), context_(detail::context_watch::of(strand_)),
          send_(std::move(options.send)), log_(options.log, options.log_threshold),
          queue_(strand_, environment->clock(), options.limits),
          router_(message_router::make(strand_, environment,
                                       message_router_options{options.tools, options.limits,
                                                              options.log, options.log_threshold})),
          turn_over_(strand_, environment->clock()) {
        router_->add_tools(std::move(options.client_tools));
    }

    void attach() { router_->attach(weak_from_this()); }

    const detail::strand& where() const {
        context_->check("message_handler");
        return strand_;
    }
    event_queue& events() noexcept { return queue_; }
    message_router& router() noexcept { return *router_; }

    static awaitable<void> handle(std::shared_ptr<impl> self, std::string frame) {
        const auto turn = ++self->last_turn_;
        self->turns_.push_back(turn);
        try {
            co_await wait(self, turn);
        } catch (...) {
            self->end(turn);
            throw;
        }
        self->take(std::move(frame));
        self->end(turn);
    }

    static awaitable<void> stop(std::shared_ptr<impl> self) {
        self->stopped_ = true;
        self->turn_over_.notify_all();
        co_await self->router_->stop();
        self->queue_.close();
    }

    static void abandon_later(std::shared_ptr<impl> self) noexcept { // any thread, once
        auto post = self->last_post_;
        const auto strand = self->where();
        post(strand, [self = std::move(self)] { self->abandon(); });
    }
    void abandon() {
        gone_ = true;
        turn_over_.notify_all();
        router_->abandon();
        queue_.abort();
    }

private:
    // message_sink. What belongs to the opening of a session is for whoever owns the connection.
    void on_session_established() override {}
    void on_tools_acknowledged(bool) override {}
    void on_configuration_requested() override {}
    void on_authentication_refused(quotation error, quotation code) override {
        server_error refused;
        refused.error = std::move(error).text();
        if (!code.empty()) refused.code = std::move(code).text();
        queue_.push(std::move(refused));
    }
    void on_event(event&& happened) override { queue_.push(std::move(happened)); }
    void send_control(std::string frame) override { send(std::move(frame)); }
    void send_answer(std::string frame, std::uint64_t) override { send(std::move(frame)); }

    void send(std::string frame) {
        if (!send_) return;
        try {
            send_(std::move(frame));
        } catch (const std::exception& thrown) {
            send_failed(thrown.what());
        } catch (...) {
            send_failed("something that is no std::exception");
        }
    }

    void send_failed(std::string_view what) {
        log_.write(log_level::error, "message_handler_options::send threw: " + std::string(what));
        queue_.push(handler_failed{std::string(what)});
    }

    // One frame after the other, in the order of the calls, each when there is room.
    static awaitable<void> wait(std::shared_ptr<impl> self, std::uint64_t turn) {
        while (!self->stopped_ && !self->gone_) {
            if (self->turns_.front() != turn)
                co_await self->turn_over_.wait_until();
            else if (self->queue_.full())
                co_await self->queue_.wait_for_room();
            else
                co_return;
        }
        if (self->gone_) std::rethrow_exception(detail::aborted());
    }

    void end(std::uint64_t turn) {
        std::erase(turns_, turn);
        turn_over_.notify_all();
    }

    void take(std::string frame) {
        if (stopped_) return;
        const auto size = frame.size();
        frame.append(message_padding, '\0');
        router_->on_text(std::string_view(frame).substr(0, size));
        router_->after_read();
    }

    const detail::strand strand_;
    const std::shared_ptr<detail::context_watch> context_; // that of the strand
    reserved_post last_post_;                              // of the destructor
    const std::function<void(std::string)> send_;
    const logger log_;
    event_queue queue_;
    const std::shared_ptr<message_router> router_;
    condition turn_over_;
    std::deque<std::uint64_t> turns_; // the calls of handle that are on
    std::uint64_t last_turn_ = 0;
    bool stopped_ = false;
    bool gone_ = false;
};

message_handler::message_handler(asio::any_io_executor executor, message_handler_options options,
                                 environment_ptr environment)
    : impl_(std::make_shared<impl>(std::move(executor), checked(std::move(options), "options."),
                                   environment ? std::move(environment) : real_environment())) {
    impl_->attach();
}

message_handler::~message_handler() { impl::abandon_later(std::move(impl_)); }

awaitable<void> message_handler::handle(std::string frame) {
    return detail::on_strand<void>(impl_->where(),
                                   [impl = impl_, frame = std::move(frame)]() mutable {
                                       return impl::handle(impl, std::move(frame));
                                   });
}

awaitable<std::optional<event>> message_handler::next_event() { return impl_->events().next(); }

void message_handler::add_tool(tool added) {
    std::vector<tool> one;
    one.push_back(std::move(added));
    impl_->router().add_tools(std::move(one));
}

void message_handler::remove_tool(const std::string& name) { impl_->router().remove_tool(name); }

awaitable<void> message_handler::stop() {
    return detail::on_strand<void>(impl_->where(), [impl = impl_] { return impl::stop(impl); });
}

} // namespace parley
