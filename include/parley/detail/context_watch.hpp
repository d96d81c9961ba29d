#pragma once

#include <parley/export.hpp>
#include <parley/fwd.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <mutex>
#include <string_view>

namespace parley::detail {

/// Says whether an execution context is still there, to code that runs on another one. It is a
/// service of that context and outlives it. Any thread.
class PARLEY_EXPORT context_watch {
public:
    /// That of the executor's context, which must be there.
    static std::shared_ptr<context_watch> of(const asio::any_io_executor& executor);

    /// Calls it; the destruction of the context does not begin before it returns. False, without a
    /// call, when the destruction has begun: then no executor and no timer of the context may be
    /// used but by the destruction itself.
    template <class Call>
    bool while_alive(const Call& call) {
        const std::lock_guard lock(mutex_);
        if (!alive_) return false;
        call();
        return true;
    }

    /// Ends the process, with a line on stderr that names the object, when the context has been
    /// destroyed: its owner has broken the rule that the object goes first.
    void check(std::string_view object) const;

private:
    class service;

    void end();  // the destruction begins
    void gone(); // and is all but over

    mutable std::mutex mutex_;
    bool alive_ = true;
    bool gone_ = false;
};

/// Both executors belong to one context, so that what they have is destroyed together.
PARLEY_EXPORT bool same_context(const asio::any_io_executor& one,
                                const asio::any_io_executor& other);

} // namespace parley::detail
