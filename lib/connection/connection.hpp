#pragma once

#include <parley/config.hpp>
#include <parley/error.hpp>
#include <parley/fwd.hpp>
#include <parley/status.hpp>

#include "connection/session_layer.hpp"
#include "core/clock.hpp"
#include "core/redactor.hpp"
#include "core/url.hpp"
#include "policy/send_queue.hpp"
#include "transport/environment.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace parley {

/// What a connection is made with.
struct connection_options {
    std::string server_url;
    connection_config config;
    std::chrono::milliseconds send_timeout{30'000};
    std::chrono::milliseconds answer_lifetime{60'000}; ///< of an undelivered tool answer
    /// Every error of the connection goes through it; it learns the tickets. Null: one of its own.
    std::shared_ptr<redactor> gate;
    log_sink log;
    log_level log_threshold = log_level::info;
};

enum class send_progress { writing, written };

/// The connection behind websocket_manager and chat_client: one attempt at a time, a reader, one
/// writer, a watchdog, and the reconnect loop that drives them as the policy says. Strand only, but
/// for `status`. It keeps itself and its session layer alive while a task of its runs.
class connection : public std::enable_shared_from_this<connection> {
public:
    /// Throws `client_error` for what is wrong in the options.
    static std::shared_ptr<connection>
    make(asio::any_io_executor strand, environment_ptr environment, connection_options options);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    virtual ~connection() = default;

    /// Once, before anything else.
    virtual void attach(std::weak_ptr<session_layer> layer) = 0;

    /// Opens a session: the first attempt (`init`). Returns when the layer has said
    /// `session_ready`; throws otherwise, and nothing of the attempt is left. On a ready session it
    /// returns at once; after an end it starts afresh. Cancelled: the attempt is given up. The
    /// caller makes sure that it runs once at a time.
    virtual awaitable<void> open(time_point deadline) = 0;

    /// The layer's verdict on the opening. `session_failed` ends the attempt with that error;
    /// `session_rejected` counts as a rejection of the ticket (doc/protocol.md 3.2). Both may also
    /// come on a ready session, which they end. Without a session they do nothing.
    virtual void session_ready() = 0;
    virtual void session_rejected(error_info why) = 0;
    virtual void session_failed(error_info why) = 0;

    /// Queues a message; see websocket_manager::send. `progress` may be empty; it is called on the
    /// strand, by the writer itself, when it takes the frame (`writing`) and when the whole frame
    /// is handed over (`written`), before anything that the server says to it can be read.
    virtual awaitable<void> send(std::string frame, time_point deadline,
                                 std::function<void(send_progress)> progress) = 0;
    /// The same in two halves: queues it, which may have written it already; throws when there is
    /// no session. Then waits until it is settled: not awaited, it stays queued.
    virtual std::shared_ptr<outgoing> begin_send(std::string frame,
                                                 std::function<void(send_progress)> progress) = 0;
    virtual awaitable<void> finish_send(std::shared_ptr<outgoing> begun, time_point deadline) = 0;
    /// Overtakes the messages; belongs to the session that is on (also while it opens), and goes
    /// with it.
    virtual void send_control(std::string frame) = 0;
    /// Overtakes the messages; kept for the next ready session for `answer_lifetime`.
    /// `id`: for `session_layer::on_answer_too_large`; 0 for none.
    virtual void send_answer(std::string frame, std::uint64_t id = 0) = 0;

    /// Gives the session up and opens another: `connection_lost` (requested), then
    /// `connection_restored`. Returns when it is ready, throws when it ended for good or at the
    /// deadline (the reconnecting goes on). Not connected: `not_connected`.
    virtual awaitable<void> reconnect(time_point deadline) = 0;

    /// Drains for a third of `limit`, closes, ends every task. Idempotent, in every state;
    /// concurrent calls all return when it is over. Not to be cancelled: it belongs to a flight of
    /// its caller's.
    virtual awaitable<void> close(std::chrono::milliseconds limit) = 0;
    /// The same without the drain and the good-bye: for a destructor.
    virtual void abandon() = 0;

    virtual void notify_network_change() = 0;

    virtual const std::shared_ptr<const connection_config>& config() const = 0;
    virtual bool ready() const = 0;
    /// What a deadline is told with that passes while the session is coming back: `timed_out`, and
    /// what the last attempt failed with.
    virtual error_info late(std::string_view sentence) const = 0;
    virtual websocket_status status() const = 0; ///< any thread

protected:
    connection() = default;
};

} // namespace parley
