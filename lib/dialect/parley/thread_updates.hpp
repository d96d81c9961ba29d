#pragma once

#include <parley/config.hpp>
#include <parley/fwd.hpp>

#include "core/clock.hpp"
#include "core/redactor.hpp"
#include "core/url.hpp"
#include "http/http_client.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace parley {

/// `PATCH {base}/api/v1/threads/{providerResId}` (doc/protocol.md 1.6), once, without a retry.
/// `body` is one of dialect/parley/ticket_wire.hpp; `executor` is a strand.
///
/// Throws, already when called, `invalid_configuration` for a `provider_res_id` that is empty or
/// has a dot segment, and what check_identity does; when awaited `thread_update_rejected`,
/// `authentication_error` for 401 and 403, or what http_client fails with.
/// Cancelled: the connection is closed, and whether the server has made the change is unknown.
/// `known`: the secrets of the session, beside those of the identity; null for none.
awaitable<void> update_thread(asio::any_io_executor executor, std::shared_ptr<http_client> http,
                              const server_url& server, const auth_data& auth,
                              std::string_view provider_res_id, std::string body,
                              time_point deadline, std::shared_ptr<const redactor> known = nullptr);

} // namespace parley
