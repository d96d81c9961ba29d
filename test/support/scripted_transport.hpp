#pragma once

#include <parley/error.hpp>

#include "core/clock.hpp"
#include "transport/transport.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace parley::test {

/// What the peer of one connection does, step after step, and a record of what was done to it.
///
///     auto& first = transports->expect_connect();
///     first.reply(session_established).expect_write("configure_tools").reply(tools_configured);
///     first.after(5s).close(1001);
///
/// The steps after the 101 come in order; a test may add more at any time, and they are taken at
/// once. Unless told otherwise the peer answers pings and a close.
class scripted_connection {
public:
    scripted_connection();
    scripted_connection(const scripted_connection&) = delete;
    scripted_connection& operator=(const scripted_connection&) = delete;
    ~scripted_connection();

    // Connecting.
    scripted_connection& refuse(error_info why);          ///< connect ends with it
    scripted_connection& refuse(errc why);                ///< with `retryable` set
    scripted_connection& refuse_in(phase step, errc why); ///< before it gets any further
    scripted_connection& refuse_status(int status, int retry_after = 0); ///< of the upgrade
    scripted_connection& hold(phase in); ///< it stands still there, until `let_go` or an abort

    // After the 101, in order.
    scripted_connection& reply(std::string text); ///< a text message
    scripted_connection& binary(std::size_t size);
    scripted_connection& bytes(std::size_t count, bool message_open); ///< and no message
    scripted_connection& after(std::chrono::milliseconds delay);      ///< nothing until then
    scripted_connection& expect_write(std::string part); ///< until a message with that is written
    scripted_connection& expect_ping();                  ///< until one more ping is written
    /// A gateway: after so long without a byte of either side, from the upgrade on, the connection
    /// breaks.
    scripted_connection& idle_timeout(std::chrono::milliseconds limit);
    scripted_connection& begin_close(); ///< its close frame, and then silence
    /// A fault of the peer, which leaves our close unread: read ends with it once aborted.
    scripted_connection& fault(errc why);
    scripted_connection& close(unsigned code);      ///< read ends: closed with that code
    scripted_connection& fail_read(error_info why); ///< read ends with it
    scripted_connection& fail_read(errc why);

    // At any time.
    void write_at_once();      ///< from now on a frame takes no flush unless it is held
    void hold_writes();        ///< writes, pings and closes stand still, until `let_go` or an abort
    void let_go();             ///< ends every hold
    void fail_write(errc why); ///< the next one
    scripted_connection& ignore_pings();
    scripted_connection& ignore_close();

    // What happened.
    const std::string& target() const noexcept; ///< of the upgrade
    const std::vector<std::string>& writes() const noexcept;
    std::size_t writes_with(std::string_view part) const; ///< how many contain that
    std::size_t pings() const noexcept;
    const std::vector<unsigned>& closes() const noexcept; ///< codes of our close frames
    bool connected() const noexcept; ///< the 101 was given, and the transport still lives
    bool made() const noexcept;
    bool aborted() const noexcept;
    bool destroyed() const noexcept;
    bool reading() const noexcept;  ///< a read is on
    bool finished() const noexcept; ///< every step was taken

    class state;

private:
    friend class scripted_transports;
    std::shared_ptr<state> state_;
};

/// A transport_factory whose connections are scripted, in the order in which they are made.
///
///     auto transports = std::make_shared<scripted_transports>(environment->time);
///     environment->set_transports(transports);
class scripted_transports : public transport_factory {
public:
    explicit scripted_transports(std::shared_ptr<clock_source> clock);
    ~scripted_transports() override;

    std::unique_ptr<transport> make(asio::any_io_executor executor, transport_listener& listener,
                                    bool secure) override;

    /// The next connection that is not scripted yet.
    scripted_connection& expect_connect();
    /// What becomes of connections beyond those; without it they are refused, which is noted as a
    /// violation.
    void otherwise(std::function<void(scripted_connection&)> script);
    /// The one of that index, from 0; scripted or made.
    scripted_connection& at(std::size_t index);
    scripted_connection& last(); ///< made last

    /// The `n`-th operation (from 1) of all connections fails: connect, read, or the flush of a
    /// frame.
    void fail_operation(std::size_t n, errc why);
    std::size_t operations() const noexcept; ///< begun so far

    std::size_t made() const noexcept;            ///< transports made so far
    std::size_t alive() const noexcept;           ///< and not destroyed
    std::size_t dialing_at_most() const noexcept; ///< connects that were on at the same time
    bool finished() const; ///< every expected connection was made, and took all its steps
    /// Broken rules of transport.hpp: two reads, destroyed with an operation on, and the like.
    const std::vector<std::string>& violations() const noexcept;

    class shared;

private:
    std::shared_ptr<shared> shared_;
    std::deque<scripted_connection> connections_;
    std::size_t made_ = 0;
    std::function<void(scripted_connection&)> otherwise_;
};

} // namespace parley::test
