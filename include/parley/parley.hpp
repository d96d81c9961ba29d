#pragma once

/// Everything but the test server. Include what you name where compile time matters.

#include <parley/as_result.hpp>
#include <parley/chat_client.hpp>
#include <parley/message_handler.hpp>
#include <parley/telemetry.hpp>
#include <parley/ticket_manager.hpp>
#include <parley/version.hpp>
#include <parley/websocket_manager.hpp>
#include <parley/with_timeout.hpp>
