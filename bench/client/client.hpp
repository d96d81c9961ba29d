#pragma once

#include <parley/chat_client.hpp>
#include <parley/ticket_manager.hpp>

#include "common/measure.hpp"
#include "common/task.hpp"

#include <boost/asio/io_context.hpp>

#include <exception>
#include <functional>
#include <memory>

namespace bench {

namespace asio = boost::asio;

/// How a service would configure it; `deflate` offers permessage-deflate.
parley::chat_client_config config_of(const task& asked, bool deflate = false);

/// Holds a ticket already: shared by all sessions of a scenario.
std::shared_ptr<parley::ticket_manager> make_tickets(asio::io_context& context, const task& asked);
parley::awaitable<void> hold_ticket(std::shared_ptr<parley::ticket_manager> tickets);

/// Runs `body` and everything that it leaves to be done.
void run(asio::io_context& context, std::function<parley::awaitable<void>()> body);
void rethrow(std::exception_ptr thrown);

/// Calls of `operator new` since the process began.
std::uint64_t allocations() noexcept;

void run_stream(const task& asked, outcome& said); ///< also allocations
void run_ping_pong(const task& asked, outcome& said);
void run_tool_call(const task& asked, outcome& said);
void run_connect(const task& asked, outcome& said);
void run_memory(const task& asked, outcome& said);
void run_scale(const task& asked, outcome& said);
void run_restart(const task& asked, outcome& said);
void run_single_flight(const task& asked, outcome& said);
void run_held_ticket(const task& asked, outcome& said);
void run_refresh(const task& asked, outcome& said);
void run_decode(const task& asked, outcome& said);

} // namespace bench
