#pragma once

#if !defined(__cpp_impl_coroutine) || __cplusplus < 202002L
#error "parley needs C++20 with coroutines"
#endif

#include <boost/asio/awaitable.hpp>

#include <memory>

namespace parley {

namespace asio = boost::asio;

/// What every asynchronous operation returns. Lazy: nothing happens before it is awaited.
template <class T>
using awaitable = asio::awaitable<T>;

class chat_client;
class client_error;
class error_details;
class error_info;
class json_text;
class message_handler;
class secret;
class telemetry;
class ticket;
class ticket_manager;
class ticket_request;
class ticket_source;
class tool;
class tool_call;
class websocket_manager;

/// Clock, randomness, transport and HTTP, injected as one. Services never name it: every
/// constructor has a form that uses the real ones.
class environment;
/// Null, everywhere: the real ones.
using environment_ptr = std::shared_ptr<const environment>;

} // namespace parley
