#pragma once

#include <parley/config.hpp>
#include <parley/testing/chat_server.hpp>

#include "bell.hpp"

#include <string>
#include <vector>

namespace parley_chat {

class console;
class conversation;

/// The server of `--demo`, in this process, and the conversation that shows the client.
class demo {
public:
    /// `scripted`: with tickets that soon expire, for `perform`.
    explicit demo(bool scripted);

    std::string url() const { return server_.url(); }
    void adjust(parley::chat_client_config& config) const;

    /// The tools of the demonstration.
    static std::vector<parley::tool> tools();

    /// Before the conversation is open.
    void introduce(console& screen) const;

    /// A question, a renewed ticket, a cut connection, and a question. The conversation is open.
    awaitable<void> perform(conversation& talk, console& screen);

private:
    bool scripted_;
    parley::testing::chat_server server_;
};

} // namespace parley_chat
