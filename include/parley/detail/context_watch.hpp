#pragma once

#include <parley/export.hpp>
#include <parley/fwd.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <mutex>
#include <string_view>

namespace parley::detail {

/// Tells code on one execution context whether another context still exists. Any thread. The watch
/// belongs to a service of the watched context and outlives it.
class PARLEY_EXPORT context_watch {
public:
    /// The watch of the executor's context, which must exist.
    static std::shared_ptr<context_watch> of(const asio::any_io_executor& executor);

    /// Calls `call`; the destruction of the context does not begin before it returns. Returns
    /// false, without the call, once the destruction has begun: then only the destruction itself
    /// may use an executor or a timer of the context.
    template <class Call>
    bool while_alive(const Call& call) {
        const std::lock_guard lock(mutex_);
        if (!alive_) return false;
        call();
        return true;
    }

    /// Ends the process, with a line on stderr that names the object, when the context has been
    /// destroyed: the object must be destroyed before its context.
    void check(std::string_view object) const;

private:
    class service;

    void end();  // the destruction begins
    void gone(); // the destruction has ended

    mutable std::mutex mutex_;
    bool alive_ = true;
    bool gone_ = false;
};

/// Whether both executors belong to one context, so that their handlers are destroyed together.
PARLEY_EXPORT bool same_context(const asio::any_io_executor& one,
                                const asio::any_io_executor& other);

} // namespace parley::detail
