#pragma once

#include <parley/export.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace parley::testing {

class answer_script;

/// A `chat_message` as the server received it, with the configuration of its session.
struct PARLEY_EXPORT received_message {
    std::uint64_t session{0};                   ///< number of the session, from 1
    std::string content;                        ///< `content`, decoded
    std::vector<std::string> media;             ///< `media`, decoded
    std::optional<std::string> provider_res_id; ///< `providerResId`, when the client sent one
    std::vector<std::string> tool_names;        ///< names of the client tools configured now
    std::string text;                           ///< the whole frame, verbatim

    /// The first configured tool whose name contains `part`, letter case ignored.
    std::optional<std::string> tool_named_like(std::string_view part) const;
};

/// How a client answered a `tool_call_request`: exactly one of `result` and `error` is set. An
/// answer with neither counts as a `result` of `null`.
struct tool_answer {
    std::string name;                  ///< of the tool
    std::string call_id;               ///< as the server had sent it
    std::optional<std::string> result; ///< JSON text, verbatim
    std::optional<std::string> error;  ///< decoded
};

/// Continues an answer with the result of a tool.
using answer_continuation = std::function<answer_script(const tool_answer&)>;

/// The steps an answer is made of. `answer_script` builds them.
namespace step {
/// A piece of the answer.
struct text {
    std::string value;      ///< the piece
    bool as_provider_event; ///< a `text-delta` instead of a `content-delta`
};
/// A thought in pieces.
struct reasoning {
    std::string id;                  ///< left out of the frames when empty
    std::vector<std::string> pieces; ///< in order
};
/// A call of one of the client's tools.
struct tool_request {
    std::string name;       ///< of the tool
    std::string parameters; ///< inserted verbatim
    std::string call_id;    ///< made by the server when empty
    bool wait;              ///< the answer continues only after the response
};
/// Steps that depend on the answer of a tool.
struct continuation {
    answer_continuation make; ///< makes them
};
/// A text frame of any content.
struct raw_text {
    std::string value; ///< its content
};
/// A binary frame.
struct raw_binary {
    std::string value; ///< its content
};
/// Bytes that may be no frame at all.
struct raw_bytes {
    std::string value; ///< sent below the WebSocket layer
};
/// A wait before the next step.
struct pause {
    std::chrono::milliseconds duration; ///< of the wait
};
/// The end of the run by a failure.
struct chat_error {
    std::string error; ///< the server's text
    std::string code;  ///< left out when empty
};
/// The end of the run.
struct finish {};
/// The run stays open.
struct never_finish {};
/// A reset of the connection.
struct drop {};
/// A close of the WebSocket.
struct close {
    std::uint16_t code; ///< of RFC 6455 section 7.4
    std::string reason; ///< of the close
};
} // namespace step

/// Any step.
using answer_step =
    std::variant<step::text, step::reasoning, step::tool_request, step::continuation,
                 step::raw_text, step::raw_binary, step::raw_bytes, step::pause, step::chat_error,
                 step::finish, step::never_finish, step::drop, step::close>;

/// What the server does with one `chat_message`: a list of steps, carried out in order.
///
/// An answer that neither finishes, fails, drops nor closes is finished at its end.
/// @code
/// answer_script about_the_weather() {
///     answer_script script;
///     script.reasoning({"The user ", "wants the weather."})
///         .call_tool("get_weather", R"({"city":"Bern"})")
///         .then([](const tool_answer& got) {
///             return answer_script().text("It is " + got.result.value_or("unknown"));
///         });
///     return script;
/// }
/// @endcode
class PARLEY_EXPORT answer_script {
public:
    answer_script();

    /// One `content-delta`. Valid UTF-8.
    answer_script& text(std::string piece);
    /// One `content-delta` for each piece.
    answer_script& text(std::vector<std::string> pieces);
    /// The same as `provider-event` of type `text-delta`.
    answer_script& provider_text(std::string piece);
    /// `reasoning-start`, a `reasoning-delta` per piece, `reasoning-end`; no `id` when it is empty.
    answer_script& reasoning(std::vector<std::string> pieces, std::string id = {});

    /// Sends a `tool_call_request` and waits for its `tool_call_response`.
    ///
    /// `parameters` is inserted verbatim, valid JSON or not.
    answer_script& call_tool(std::string name, std::string parameters, std::string call_id = {});
    /// Sends a `tool_call_request` and continues at once.
    answer_script& request_tool(std::string name, std::string parameters, std::string call_id = {});
    /// Goes on with the steps made from the outcome of the last `call_tool`, which is empty when
    /// there was none.
    answer_script& then(answer_continuation make);

    /// A `tool-call` and, unless `result` is empty, its `tool-result`; both are JSON text.
    answer_script& server_tool(std::string name, std::string call_id, std::string args,
                               std::string result);
    /// A `tool-result` as `latitude-event`.
    answer_script& latitude_tool(std::string name, std::string call_id);
    /// A `ui_component`; `props` is JSON text, `status` is left out when empty.
    answer_script& ui_component(std::string call_id, std::string name, std::string props,
                                std::string status = {});

    /// A text frame with exactly this content.
    answer_script& raw(std::string text);
    /// A binary frame.
    answer_script& binary(std::string bytes);
    /// Bytes written under the WebSocket layer: whatever frame, right or wrong, they spell.
    answer_script& bytes(std::string bytes);
    /// Waits before the next step.
    answer_script& pause(std::chrono::milliseconds duration);

    /// Ends the run with a `chat_error`.
    answer_script& chat_error(std::string error, std::string code = {});
    /// Ends the run with `chat_finished` and `messages_persisted`. Later steps still happen.
    answer_script& finish();
    /// Leaves the run open at the end of the steps; only a `stop_run` ends it.
    answer_script& never_finish();
    /// Resets the TCP connection.
    answer_script& drop();
    /// Closes the WebSocket.
    answer_script& close(std::uint16_t code, std::string reason = {});

    /// The steps so far.
    const std::vector<answer_step>& steps() const& noexcept { return steps_; }
    /// The steps, taken out.
    std::vector<answer_step> steps() && noexcept { return std::move(steps_); }

private:
    std::vector<answer_step> steps_;
};

/// The script of the demonstration, and of a server that was given none.
///
/// A message about the weather calls the client's tool whose name contains `weather`, when there is
/// one, with `{"city": …}`, and says its result in a sentence; any other message gets a friendly
/// echo. Both stream in several pieces.
PARLEY_EXPORT answer_script demo_answer(const received_message& message);

} // namespace parley::testing
