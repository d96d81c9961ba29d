#include <parley/detail/context_watch.hpp>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdio>
#include <cstdlib>

namespace parley::detail {

namespace {

asio::execution_context& context_of(const asio::any_io_executor& executor) {
    return asio::query(executor, asio::execution::context_as<asio::execution_context&>);
}

} // namespace

class context_watch::service final : public asio::execution_context::service {
public:
    using key_type = service;
    static asio::execution_context::id id;

    explicit service(asio::execution_context& of)
        : asio::execution_context::service(of), watch_(std::make_shared<context_watch>()) {}
    ~service() override { watch_->gone(); }

    const std::shared_ptr<context_watch>& watch() const noexcept { return watch_; }

private:
    void shutdown() override { watch_->end(); }

    const std::shared_ptr<context_watch> watch_;
};

asio::execution_context::id context_watch::service::id;

std::shared_ptr<context_watch> context_watch::of(const asio::any_io_executor& executor) {
    auto& context = context_of(executor);
    // Services end in the reverse order of their making, and that of the timers must end after
    // ours: it takes no lock against threads that cancel a timer.
    if (!asio::has_service<service>(context)) const asio::steady_timer first(executor);
    return asio::use_service<service>(context).watch();
}

void context_watch::check(std::string_view object) const {
    {
        const std::lock_guard lock(mutex_);
        if (!gone_) return;
    }
    std::fprintf(stderr,
                 "parley: a %.*s is used or destroyed after its execution context was destroyed\n",
                 static_cast<int>(object.size()), object.data());
    std::abort();
}

void context_watch::end() {
    const std::lock_guard lock(mutex_);
    alive_ = false;
}

void context_watch::gone() {
    const std::lock_guard lock(mutex_);
    gone_ = true;
}

bool same_context(const asio::any_io_executor& one, const asio::any_io_executor& other) {
    return &context_of(one) == &context_of(other);
}

} // namespace parley::detail
