#include "ticket/source_error.hpp"

#include <parley/fwd.hpp>

#include "core/text.hpp"
#include "dialect/parley/ticket_wire.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace parley {

namespace {

/// By number: the codes of the 100 block are tickets', those of the 200 block the
/// identity's.
bool fits(const boost::system::error_code& code) {
    return code.category() == category() && code.value() >= 100 && code.value() < 300;
}

/// doc/protocol.md 1.7: refused, reset, unreachable, name lookup, hung up.
bool is_network(const std::error_code& code) {
    return code != std::errc::operation_canceled && (code.category() == std::system_category() ||
                                                     code.category() == std::generic_category());
}

bool is_network(const boost::system::error_code& code) {
    if (code == asio::error::operation_aborted) return false;
    return code.category() == boost::system::system_category() ||
           code.category() == boost::system::generic_category() ||
           code.category() == asio::error::get_netdb_category() ||
           code.category() == asio::error::get_addrinfo_category() || code == asio::error::eof;
}

error_info failed(std::string_view reason, bool retryable) {
    error_details details;
    details.retryable = retryable;
    details.reason = reason;
    return error_info(errc::ticket_source_failed, "The ticket source failed.", std::move(details));
}

error_info translate(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const client_error& error) {
        auto info = error.info();
        if (!fits(info.code)) {
            const bool refused = dynamic_cast<const authentication_error*>(&error) != nullptr;
            if (info.details.reason.empty()) info.details.reason = info.code.message();
            info.code =
                make_error_code(refused ? errc::authentication_failed : errc::ticket_source_failed);
        }
        return info;
    } catch (const boost::system::system_error& error) {
        return failed(error.what(), is_network(error.code()));
    } catch (const std::system_error& error) {
        return failed(error.what(), is_network(error.code()));
    } catch (const std::exception& error) {
        return failed(error.what(), false);
    } catch (...) {
        return failed("an exception that is not a std::exception", false);
    }
}

} // namespace

error_info to_source_error(const std::exception_ptr& thrown, const redactor& gate) {
    auto info = gate.clean(translate(thrown));
    if (info.details.phase == phase::none) info.details.phase = phase::ticket;
    // A verdict without a status is the source's own, and there is no gateway in between.
    if (info.code.value() >= 200 && !info.details.http_status) info.details.from_server = true;
    // Whatever a source says: credentials that were refused are not tried again
    // (doc/protocol.md 1.7).
    if (info.code.value() >= 200) info.details.retryable = false;
    return info;
}

error_info source_timeout(std::string_view sentence, std::optional<unsigned> attempt) {
    error_details details;
    details.phase = phase::ticket;
    details.retryable = true;
    details.attempt = attempt;
    return error_info(errc::ticket_timeout, std::string(sentence), std::move(details));
}

std::optional<error_info> ticket_fault(const ticket& given) {
    const auto wrong = [](errc code, const char* sentence) {
        error_details details;
        details.phase = phase::ticket;
        return error_info(code, sentence, std::move(details));
    };
    if (given.empty())
        return wrong(errc::ticket_malformed, "The ticket source returned an empty ticket.");
    if (given.value().size() > longest_ticket)
        return wrong(errc::ticket_too_long,
                     "The ticket source returned a ticket longer than 8 KiB.");
    if (given.cookies().size() > longest_ticket || !valid_header_value(given.cookies().expose()))
        return wrong(errc::ticket_malformed,
                     "The ticket source returned cookies that an HTTP header cannot carry.");
    return std::nullopt;
}

} // namespace parley
