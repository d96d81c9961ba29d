#pragma once

#include <parley/error.hpp>

#include <string>

namespace parley_chat {

/// The sentence of an error for somebody who uses the program and not the library: settings are
/// named as the options that make them, and what happened to a message is told as it matters to its
/// author.
std::string sentence(const parley::error_info& info);

} // namespace parley_chat
