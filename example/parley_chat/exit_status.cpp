#include "exit_status.hpp"

#include "wording.hpp"

namespace parley_chat {

namespace {

failure of_library(const parley::client_error& error, exit_status status) {
    return {status,
            false,
            std::string(parley::error_kind(error)),
            code_name(error.info()),
            sentence(error.info()),
            error.details()};
}

// The blocks of errc: 600 are errors of the server, 900 invalid calls.
exit_status status_of_base(const parley::client_error& error) {
    if (error.code().category() != parley::category()) return exit_status::unforeseen;
    if (error.code() == parley::make_error_code(parley::errc::chat_failed)) {
        return exit_status::chat;
    }
    return error.code().value() >= 900 ? exit_status::usage : exit_status::unforeseen;
}

} // namespace

std::optional<std::string> code_name(const parley::error_info& info) {
    if (info.code.category() != parley::category()) return std::nullopt;
    return std::string(parley::to_string(static_cast<parley::errc>(info.code.value())));
}

failure describe(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const ended& end) {
        return {end.status(), true, {}, {}, {}, {}};
    } catch (const output_closed& closed) {
        return {exit_status::unforeseen, true, {}, {}, closed.what(), {}};
    } catch (const connection_over& over) {
        // Whatever ended it: the connection is gone, and that is what the status says.
        const auto& cause = over.cause();
        return {exit_status::connection, false,           std::string(parley::error_kind(cause)),
                code_name(cause),        sentence(cause), cause.details};
    } catch (const parley::ticket_error& error) {
        return of_library(error, exit_status::ticket);
    } catch (const parley::authentication_error& error) {
        return of_library(error, exit_status::authentication);
    } catch (const parley::connection_error& error) {
        return of_library(error, exit_status::connection);
    } catch (const parley::tool_configuration_error& error) {
        return of_library(error, exit_status::tools);
    } catch (const parley::client_error& error) {
        return of_library(error, status_of_base(error));
    } catch (const usage_error& error) {
        return {
            exit_status::usage, false,
            "CLIENT_ERROR",     std::string(parley::to_string(parley::errc::invalid_configuration)),
            error.what(),       {}};
    } catch (const std::exception& error) {
        return {exit_status::unforeseen, false, {}, {}, error.what(), {}};
    }
}

} // namespace parley_chat
