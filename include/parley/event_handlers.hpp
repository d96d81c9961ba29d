#pragma once

#include <parley/event.hpp>
#include <parley/export.hpp>
#include <parley/fwd.hpp>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace parley {

/// Handlers for `chat_client::run`, all optional, each a function or a coroutine.
/// @code
/// awaitable<void> show(chat_client& client, std::shared_ptr<std::string> seen) {
///     event_handlers handlers;
///     handlers.on_text([seen](const std::string& piece) { *seen += piece; })
///         .on_failed([](const chat_failed& failed) { std::cerr << failed.error << '\n'; })
///         .on_lost([](const connection_lost& lost) {
///             if (lost.unconfirmed > 0) std::cerr << "no answer: " << lost.cause.message << '\n';
///         });
///     co_await client.run(std::move(handlers));
/// }
/// @endcode
/// One handler runs at a time, in the order of the events; a coroutine is awaited before the next.
/// An exception becomes a `handler_failed` event, and the others continue.
///
/// Add handlers to an object with a name, as above. A temporary does not compile, because g++ 12
/// destroys the captures of a lambda in the expression of a `co_await` twice.
class PARLEY_EXPORT event_handlers {
public:
    event_handlers() = default;

    /// Called for events of one type.
    template <class Event, class Handler>
    event_handlers& on(Handler call_this) & {
        return add([call_this = std::move(call_this)](const event& happened) -> awaitable<void> {
            if (const auto* wanted = std::get_if<Event>(&happened)) return call(call_this, *wanted);
            return nothing();
        });
    }

    /// Called with the text of each text_delta.
    template <class Handler>
    event_handlers& on_text(Handler call_this) & {
        return on<text_delta>([call_this = std::move(call_this)](const text_delta& delta) {
            return call_this(delta.text);
        });
    }
    /// Called for chat_finished.
    template <class Handler>
    event_handlers& on_finished(Handler call_this) & {
        return on<chat_finished>(std::move(call_this));
    }
    /// Called for chat_failed.
    template <class Handler>
    event_handlers& on_failed(Handler call_this) & {
        return on<chat_failed>(std::move(call_this));
    }
    /// Called for connection_lost.
    template <class Handler>
    event_handlers& on_lost(Handler call_this) & {
        return on<connection_lost>(std::move(call_this));
    }
    /// Called for connection_restored.
    template <class Handler>
    event_handlers& on_restored(Handler call_this) & {
        return on<connection_restored>(std::move(call_this));
    }
    /// Called for every event.
    template <class Handler>
    event_handlers& on_any(Handler call_this) & {
        return add([call_this = std::move(call_this)](const event& happened) -> awaitable<void> {
            return call(call_this, happened);
        });
    }

    /// One handler, as it is kept.
    using handler = std::function<awaitable<void>(const event&)>;
    /// All handlers, in the order in which they were added.
    const std::vector<handler>& all() const noexcept { return handlers_; }

private:
    event_handlers& add(handler added);
    static awaitable<void> nothing();
    template <class Handler, class Argument>
    static awaitable<void> call(const Handler& call_this, const Argument& argument) {
        if constexpr (std::same_as<std::invoke_result_t<const Handler&, const Argument&>,
                                   awaitable<void>>) {
            return call_this(argument);
        } else {
            call_this(argument);
            return nothing();
        }
    }

    std::vector<handler> handlers_;
};

} // namespace parley
