#pragma once

#include <parley/error.hpp>

#include <string>

namespace parley_chat {

/// The sentence of an error for a user of the program, not of the library: settings are named as
/// their options, and the outcome of a message is stated for its author.
std::string sentence(const parley::error_info& info);

} // namespace parley_chat
