#pragma once

#include <parley/error.hpp>
#include <parley/fwd.hpp>

#include <boost/system/system_error.hpp>

#include <exception>
#include <type_traits>
#include <utility>

namespace parley {

/// Returns the error of an operation as a value, where an error is an ordinary outcome: the
/// exception of the operation is the `error()` of the result.
/// @code
/// awaitable<bool> answered(chat_client& client, std::string question) {
///     const auto said = co_await as_result(client.ask(std::move(question)));
///     if (!said) std::cerr << said.error().message << '\n'; // said.error().is(errc::chat_failed)
///     co_return said.has_value();
/// }
/// @endcode
/// Works with any operation of this library, and with `with_timeout`.
///
/// @par Completion    as the operation
/// @par Errors        none of this library's, nor of the system's. An exception that is not a
///                    `boost::system::system_error`, such as one of a handler, is rethrown.
///                    `result::value` throws the exception of the operation itself: an
///                    `answer_error` has its partial answer.
/// @par Cancellation  as the operation; the error is then `boost::asio::error::operation_aborted`,
///                    and the next `co_await` of a cancelled coroutine throws
template <class T>
awaitable<result<T>> as_result(awaitable<T> operation) {
    detail::result_error failure;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(operation);
            co_return result<T>();
        } else {
            auto value = co_await std::move(operation);
            co_return result<T>(std::move(value));
        }
    } catch (const client_error& thrown) {
        failure = detail::result_error(thrown.info(), std::current_exception());
    } catch (const boost::system::system_error& thrown) {
        failure = detail::result_error(error_info(thrown.code(), thrown.what(), error_details()),
                                       std::current_exception());
    }
    co_return result<T>(std::move(failure));
}

} // namespace parley
