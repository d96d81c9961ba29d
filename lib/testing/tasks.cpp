#include "testing/tasks.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <string>

namespace parley::testing {

void spawn(boost::asio::any_io_executor executor, std::shared_ptr<server_context> context,
           boost::asio::awaitable<void> task) {
    const auto ended = [context = std::move(context)](const std::exception_ptr& failure) {
        if (!failure) {
            return;
        }
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            context->book.internal_error(std::string("a task threw: ") + error.what());
        } catch (...) {
            context->book.internal_error("a task threw an exception that is not a std::exception");
        }
    };
    boost::asio::co_spawn(std::move(executor), std::move(task), ended);
}

} // namespace parley::testing
