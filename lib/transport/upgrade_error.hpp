#pragma once

#include <parley/error.hpp>

#include "core/answer_head.hpp"
#include "core/clock.hpp"
#include "core/url.hpp"

#include <boost/system/error_code.hpp>

#include <string>

namespace parley {

/// What is wrong with an answer that is no 101, with when to come back if it says so. Nothing for
/// one that is, and for one that is not complete.
result<void> head_error(const answer_head& head, wall_time now);

/// For what ended the connection before the answer was there.
error_info upgrade_error(const boost::system::error_code& failed, const server_url& server,
                         const answer_head& head);

} // namespace parley
