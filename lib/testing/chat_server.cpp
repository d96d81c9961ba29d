#include <parley/testing/chat_server.hpp>

#include "testing/certificate.hpp"
#include "testing/connection.hpp"
#include "testing/frames.hpp"
#include "testing/http_listener.hpp"
#include "testing/server_settings.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace parley::testing {
namespace {

/// What `stop` gives clients to answer its close, and then the connections to end.
constexpr std::chrono::milliseconds close_grace{300};
constexpr std::chrono::seconds end_grace{2};
constexpr std::uint16_t going_away = 1001; // RFC 6455, 7.4.1

/// After a failed accept, such as for want of file descriptors.
constexpr std::chrono::milliseconds accept_pause{50};

chat_server_options tidied(chat_server_options options) {
    options = parley::checked(std::move(options));
    while (options.path_prefix.ends_with('/')) {
        options.path_prefix.pop_back();
    }
    if (!options.path_prefix.empty() && !options.path_prefix.starts_with('/')) {
        options.path_prefix.insert(0, "/");
    }
    return options;
}

std::optional<server_identity> identity_for(const chat_server_options& options) {
    switch (options.tls) {
    case server_tls::off:
        return std::nullopt;
    case server_tls::generated:
        return make_identity(options.certificate_names, options.certificate_from,
                             options.certificate_until);
    case server_tls::files:
        return read_identity(options.certificate_file, options.key_file);
    }
    return std::nullopt;
}

} // namespace

class chat_server::impl {
public:
    explicit impl(chat_server_options options)
        : context_(std::make_shared<server_context>(tidied(std::move(options)))),
          identity_(identity_for(context_->options)), work_(io_.get_executor()),
          listener_(io_, context_->options, identity_), port_(listener_.port()),
          to_accept_(io_.get_executor()), thread_([this] { serve(); }) {}

    server_context& context() { return *context_; }
    std::uint16_t port() const noexcept { return port_; }
    const std::optional<server_identity>& identity() const { return identity_; }

    void stop() {
        const std::lock_guard lock(lifecycle_);
        if (stopped_) {
            return;
        }
        stopped_ = true;
        boost::asio::post(io_, [this] { io_.stop(); });
        thread_.join();
    }

    /// Runs it on the server's thread and waits for it; does nothing after `stop`.
    template <class F>
    void on_thread(F function) {
        if (serving_here == this) { // a script calls us
            function();
            return;
        }
        const std::lock_guard lock(lifecycle_);
        if (stopped_) {
            return;
        }
        std::promise<void> done;
        const auto job = [&] {
            try {
                function();
                done.set_value();
            } catch (...) {
                done.set_exception(std::current_exception());
            }
        };
        boost::asio::post(io_, job);
        done.get_future().get();
    }

    template <class F>
    void on_sessions(F function) {
        on_thread([&] {
            for (const auto& weak : connections_) {
                const auto alive = weak.lock();
                if (alive && alive->live()) {
                    function(*alive->live());
                }
            }
        });
    }

    template <class F>
    void on_connections(F function) {
        on_thread([&] { for_each_connection(function); });
    }

    void refuse_connections(bool refuse) {
        on_thread([&] {
            if (refuse) {
                listener_.close();
            } else {
                listener_.open();
                to_accept_.notify();
            }
            refusing_ = refuse;
        });
    }

private:
    void serve() {
        serving_here = this;
        spawn(io_.get_executor(), context_, accept_loop());
        run([this] { io_.run(); });
        io_.restart();
        stopping_ = true;
        listener_.close();
        to_accept_.notify();
        work_.reset();
        for_each_connection([](connection& one) {
            if (one.live()) {
                one.live()->close(going_away, "The server stops");
            } else {
                one.shut();
            }
        });
        run([this] { io_.run_for(close_grace); });
        for_each_connection([](connection& one) { one.shut(); });
        run([this] { io_.run_for(end_grace); });
    }

    /// A handler's exception is recorded, and does not end the thread.
    template <class F>
    void run(F some) {
        for (;;) {
            try {
                some();
                return;
            } catch (const std::exception& error) {
                context_->book.internal_error(std::string("a handler threw: ") + error.what());
            }
        }
    }

    boost::asio::awaitable<void> accept_loop() {
        while (!stopping_) {
            if (refusing_) {
                co_await to_accept_.wait_until();
                continue;
            }
            std::unique_ptr<peer> accepted;
            try {
                accepted = co_await listener_.accept();
            } catch (const boost::system::system_error&) {
                accepted.reset(); // the port is closed, or there are no descriptors left
            }
            if (accepted) {
                begin(std::move(accepted));
            } else if (!stopping_ && !refusing_) {
                const auto until = std::chrono::steady_clock::now() + accept_pause;
                co_await to_accept_.wait_until(until);
            }
        }
    }

    void begin(std::unique_ptr<peer> accepted) {
        context_->book.count(&counters::connections);
        auto one = std::make_shared<connection>(io_.get_executor(), context_, std::move(accepted),
                                                sessions_);
        const auto is_gone = [](const auto& weak) { return weak.expired(); };
        std::erase_if(connections_, is_gone);
        connections_.push_back(one);
        spawn(io_.get_executor(), context_, connection::run(one));
    }

    template <class F>
    void for_each_connection(F function) {
        for (const auto& weak : connections_) {
            if (const auto alive = weak.lock()) {
                function(*alive);
            }
        }
    }

    const std::shared_ptr<server_context> context_;
    const std::optional<server_identity> identity_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    http_listener listener_;
    const std::uint16_t port_;

    // The server's thread only:
    wake_signal to_accept_;
    bool refusing_{false};
    bool stopping_{false};
    std::uint64_t sessions_{0};
    std::vector<std::weak_ptr<connection>> connections_;

    inline static thread_local const impl* serving_here = nullptr;
    std::mutex lifecycle_; ///< held while a call waits for the thread, or ends it
    bool stopped_{false};
    std::thread thread_;
};

chat_server::chat_server(chat_server_options options)
    : impl_(std::make_unique<impl>(std::move(options))) {}

chat_server::~chat_server() { stop(); }

std::uint16_t chat_server::port() const noexcept { return impl_->port(); }

std::string chat_server::url() const {
    const chat_server_options& options = impl_->context().options;
    const std::string port = std::to_string(impl_->port());
    if (options.tls != server_tls::off) {
        return "wss://localhost:" + port + options.path_prefix;
    }
    return (options.ipv6 ? "ws://[::1]:" : "ws://127.0.0.1:") + port + options.path_prefix;
}

std::string chat_server::ca_pem() const {
    return impl_->identity() ? impl_->identity()->ca_pem : std::string();
}

void chat_server::stop() { impl_->stop(); }

void chat_server::on_message(script_function choose) {
    impl_->context().set_script(std::move(choose));
}

void chat_server::set_ticket_lifetime(std::chrono::milliseconds lifetime) {
    impl_->context().office.set_lifetime(lifetime);
}

std::string chat_server::issue_ticket() {
    return impl_->context().office.issue(std::chrono::steady_clock::now());
}

void chat_server::revoke_tickets() { impl_->context().office.revoke_all(); }

void chat_server::expire_tickets() {
    impl_->context().office.expire_all(std::chrono::steady_clock::now());
}

void chat_server::add_thread(std::string provider_res_id) {
    impl_->context().office.open_thread(provider_res_id);
}

void chat_server::fail(endpoint where, http_fault fault, unsigned count) {
    impl_->context().faults.add(where, std::move(fault), count);
}

void chat_server::fail_sessions(session_fault fault, unsigned count) {
    impl_->context().faults.add(std::move(fault), count);
}

void chat_server::clear_faults() { impl_->context().faults.clear(); }

void chat_server::refuse_connections(bool refuse) { impl_->refuse_connections(refuse); }

void chat_server::drop_all() {
    impl_->on_connections([](connection& one) { one.drop(); });
}

void chat_server::drop_all_after(unsigned messages) {
    impl_->on_sessions([messages](session& one) { one.drop_after(messages); });
}

void chat_server::close_all(std::uint16_t code, std::string reason) {
    impl_->on_sessions([&](session& one) { one.close(code, reason); });
}

void chat_server::silence_all() {
    impl_->on_sessions([](session& one) { one.silence(); });
}

void chat_server::stop_reading_all() {
    impl_->on_sessions([](session& one) { one.stop_reading(); });
}

void chat_server::resume_all() {
    impl_->on_sessions([](session& one) { one.resume(); });
}

void chat_server::send_to_all(std::string text) {
    impl_->on_sessions([&](session& one) { one.push(outgoing::text(text)); });
}

void chat_server::send_binary_to_all(std::string bytes) {
    impl_->on_sessions([&](session& one) { one.push(outgoing::binary(bytes)); });
}

void chat_server::send_bytes_to_all(std::string bytes) {
    impl_->on_sessions([&](session& one) { one.push(outgoing::bytes(bytes)); });
}

void chat_server::heartbeat_ping_all(std::string ping_time) {
    impl_->on_sessions([&](session& one) { one.heartbeat_ping(ping_time); });
}

void chat_server::websocket_ping_all() {
    impl_->on_sessions([](session& one) { one.push(outgoing::ping()); });
}

void chat_server::ask_for_tools_all() {
    impl_->on_sessions([](session& one) { one.push(outgoing::text(frames::configure_tools())); });
}

counters chat_server::seen() const { return impl_->context().book.seen(); }

std::vector<received_frame> chat_server::received() const { return impl_->context().book.frames(); }

std::vector<received_frame> chat_server::received(std::string_view type) const {
    return impl_->context().book.frames(type);
}

std::vector<received_request> chat_server::requests() const {
    return impl_->context().book.requests();
}

std::vector<std::string> chat_server::violations() const {
    return impl_->context().book.violations();
}

std::vector<std::string> chat_server::internal_errors() const {
    return impl_->context().book.internal_errors();
}

bool chat_server::wait_until(const std::function<bool(const counters&)>& predicate,
                             std::chrono::milliseconds timeout) const {
    return impl_->context().book.wait_until(predicate, timeout);
}

} // namespace parley::testing
