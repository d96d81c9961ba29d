#pragma once

#include <parley/error.hpp>
#include <parley/json_text.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>

namespace parley_chat {

/// What the program ends with.
enum class exit_status : int {
    done = 0,
    unforeseen = 1,
    usage = 2,
    ticket = 3,
    authentication = 4,
    connection = 5,
    tools = 6,
    chat = 7,
    interrupted = 130, ///< by SIGINT
    terminated = 143   ///< by SIGTERM
};

/// The command line is wrong, or names a file that cannot be read.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Nobody reads standard output any more.
class output_closed : public std::runtime_error {
public:
    output_closed() : std::runtime_error("Standard output is closed.") {}
};

/// The end of the program, with nothing more to say about it.
class ended : public std::exception {
public:
    explicit ended(exit_status status) : status_(status) {}
    const char* what() const noexcept override { return "the program ends"; }
    exit_status status() const noexcept { return status_; }

private:
    exit_status status_;
};

/// The connection is gone for good, with the cause.
class connection_over : public std::runtime_error {
public:
    explicit connection_over(parley::error_info cause)
        : std::runtime_error(cause.message), cause_(std::move(cause)) {}
    const parley::error_info& cause() const noexcept { return cause_; }

private:
    parley::error_info cause_;
};

/// An error, as the program reports it.
struct failure {
    exit_status status = exit_status::unforeseen;
    bool silent = false;             ///< the error cannot be shown, or was shown
    std::optional<std::string> type; ///< `TICKET_ERROR` …
    std::optional<std::string> code; ///< the name of the errc
    std::string message;
    std::optional<parley::error_details> details;
};

failure describe(const std::exception_ptr& thrown);

/// The name of the errc, when it is one.
std::optional<std::string> code_name(const parley::error_info& info);

} // namespace parley_chat
