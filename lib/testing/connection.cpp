#include "testing/connection.hpp"

#include "core/saturating.hpp"

#include <boost/system/system_error.hpp>

#include <utility>

namespace parley::testing {

connection::connection(boost::asio::any_io_executor executor,
                       std::shared_ptr<server_context> context, std::unique_ptr<peer> peer,
                       std::uint64_t& sessions)
    : executor_(std::move(executor)), context_(std::move(context)), peer_(std::move(peer)),
      sessions_(sessions), api_(*context_), to_wait_(executor_) {}

boost::asio::awaitable<void> connection::run(std::shared_ptr<connection> self) {
    try {
        co_await self->handshake();
        co_await self->serve();
    } catch (const boost::system::system_error&) {
        // A connection ends like this on either side.
    }
    self->peer_->shut();
}

void connection::drop() { peer_->reset(); }

void connection::shut() {
    ended_ = true;
    peer_->shut();
    to_wait_.notify();
}

boost::asio::awaitable<void> connection::handshake() {
    if (context_->options.tls == server_tls::off) {
        co_return;
    }
    try {
        co_await peer_->handshake();
    } catch (const boost::system::system_error&) {
        context_->book.count(&counters::tls_failures);
        throw;
    }
    context_->book.count(&counters::tls_handshakes);
}

boost::asio::awaitable<void> connection::serve() {
    bool more = true;
    while (more && !ended_) {
        std::optional<received_request> request = co_await peer_->read_request();
        if (!request) {
            co_return;
        }
        more = co_await handle(std::move(*request));
    }
}

boost::asio::awaitable<bool> connection::handle(received_request request) {
    context_->book.add(request);
    origin_ = request.header("origin");
    if (api_.is_preflight(request)) {
        http_reply allowed = api_.preflight(request);
        const bool more = co_await answer(std::move(allowed));
        co_return more;
    }
    const std::optional<endpoint> where = api_.route(request);
    if (!where) {
        context_->book.violation("a request for an address that is none: " + request.method);
        http_reply nothing = api_.not_found();
        const bool more = co_await answer(std::move(nothing));
        co_return more;
    }
    count(*where);
    std::optional<http_fault> fault = context_->faults.take(*where);
    if (fault) {
        co_await pass(fault->wait());
        if (fault->what() != http_fault::kind::delay) {
            const bool more = co_await suffer(*where, std::move(*fault));
            co_return more;
        }
    }
    if (*where == endpoint::upgrade) {
        const bool more = co_await upgrade(std::move(request));
        co_return more;
    }
    http_reply reply = api_.answer(*where, request, std::chrono::steady_clock::now());
    if (*where == endpoint::ticket) {
        const bool issued = reply.status() == 200;
        context_->book.count(issued ? &counters::tickets_issued : &counters::tickets_refused);
    }
    const bool more = co_await answer(std::move(reply));
    co_return more;
}

boost::asio::awaitable<bool> connection::suffer(endpoint where, http_fault fault) {
    count_refusal(where);
    switch (fault.what()) {
    case http_fault::kind::status: {
        http_reply reply = api_.answer(fault);
        const bool more = co_await answer(std::move(reply));
        co_return more;
    }
    case http_fault::kind::raw:
        co_await peer_->write_bytes(fault.body());
        break;
    case http_fault::kind::hang:
        co_await peer_->outlast();
        break;
    case http_fault::kind::reset:
        peer_->reset();
        break;
    case http_fault::kind::delay:
        break;
    }
    co_return false;
}

boost::asio::awaitable<bool> connection::answer(http_reply reply) {
    share_with(reply, origin_);
    co_await peer_->reply(std::move(reply));
    co_return peer_->keeps_alive();
}

boost::asio::awaitable<bool> connection::upgrade(received_request request) {
    const auto admission = api_.admit(request, std::chrono::steady_clock::now());
    const bool good = admission.verdict == ticket_office::verdict::good;
    if (!good && !context_->options.reject_tickets_by_frame) {
        count_refusal(endpoint::upgrade);
        http_reply reply = api_.rejection(admission.verdict);
        const bool more = co_await answer(std::move(reply));
        co_return more;
    }
    try {
        co_await peer_->accept_websocket();
    } catch (const boost::system::system_error&) {
        count_refusal(endpoint::upgrade);
        throw;
    }
    session_ = std::make_shared<session>(executor_, context_, peer_, admitted(admission));
    co_await session::run(session_);
    co_return false;
}

boost::asio::awaitable<void> connection::pass(std::chrono::milliseconds duration) {
    const auto until = after(std::chrono::steady_clock::now(), duration);
    while (!ended_ && std::chrono::steady_clock::now() < until) {
        co_await to_wait_.wait_until(until);
    }
}

void connection::count(endpoint where) {
    switch (where) {
    case endpoint::ticket:
        context_->book.count(&counters::ticket_requests);
        break;
    case endpoint::validate:
        context_->book.count(&counters::validations);
        break;
    case endpoint::thread:
        context_->book.count(&counters::thread_updates);
        break;
    case endpoint::upgrade:
        context_->book.count(&counters::upgrades);
        break;
    }
}

void connection::count_refusal(endpoint where) {
    if (where == endpoint::ticket) {
        context_->book.count(&counters::tickets_refused);
    } else if (where == endpoint::upgrade) {
        context_->book.count(&counters::upgrades_rejected);
    }
}

std::unique_ptr<server_protocol> connection::admitted(const http_api::admission& admission) {
    session_fault fault;
    if (admission.verdict == ticket_office::verdict::good) {
        fault = context_->faults.take_session().value_or(fault);
    } else {
        fault.authentication_error(std::string(code_of(admission.verdict)));
    }
    return std::make_unique<server_protocol>(*context_, fault.get(), ++sessions_,
                                             context_->office.conversation_of(admission.ticket));
}

} // namespace parley::testing
