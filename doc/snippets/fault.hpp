#pragma once

#include <parley/testing/chat_server.hpp>

#include <cstdlib>
#include <string_view>

namespace snippet {

/// Makes the server of a snippet fail, as SNIPPET_FAULT in the environment says: the program has to
/// end then too.
inline void make_fail(parley::testing::chat_server& server) {
    using namespace parley::testing;
    const char* const wanted = std::getenv("SNIPPET_FAULT");
    const std::string_view fault = wanted ? wanted : "";
    if (fault == "refuse") server.fail(endpoint::ticket, http_fault::status(401));
    if (fault == "fail")
        server.on_message(
            [](const auto&) { return answer_script().text("a").chat_error("broken"); });
    if (fault == "cut")
        server.on_message([](const auto&) { return answer_script().text("a").drop(); });
    if (fault == "drop first") server.fail_sessions(session_fault().drop_after(1));
    if (fault == "drop second") server.fail_sessions(session_fault().drop_after(2));
}

} // namespace snippet
