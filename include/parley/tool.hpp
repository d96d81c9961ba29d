#pragma once

#include <parley/export.hpp>
#include <parley/fwd.hpp>
#include <parley/json_text.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace parley {

/// One request of the server to run a tool, as the tool's handler gets it. The same `callId`, name
/// and parameters again do not run the tool again; until `disconnect` they get the first answer.
///
/// Cancellation: when the client shuts down or the tool's time is over, the handler's coroutine is
/// cancelled (terminal), as any Asio operation in it sees.
class PARLEY_EXPORT tool_call {
public:
    /// A call, as the library makes it; a test of a handler makes its own.
    tool_call(std::string name, std::string call_id, json_text parameters,
              std::chrono::steady_clock::time_point deadline)
        : name_(std::move(name)), call_id_(std::move(call_id)), parameters_(std::move(parameters)),
          deadline_(deadline) {}

    /// Of the tool.
    const std::string& name() const noexcept { return name_; }
    /// As the server spelled it; may be empty. Other calls may have it too: models number their
    /// calls anew in each turn.
    const std::string& call_id() const noexcept { return call_id_; }
    const json_text& parameters() const noexcept { return parameters_; } ///< an object

    /// At it the handler is cancelled.
    std::chrono::steady_clock::time_point deadline() const noexcept { return deadline_; }

private:
    std::string name_;
    std::string call_id_;
    json_text parameters_;
    std::chrono::steady_clock::time_point deadline_;
};

/// Runs a tool. It returns the call's result, or throws the call's error: the server
/// gets `what()`.
using tool_handler = std::function<awaitable<json_text>(tool_call)>;

/// A function of this service that the server may call.
///
/// @code
/// awaitable<json_text> say_weather(tool_call call) {
///     const auto city = call.parameters().string_at("/city");
///     if (!city) throw std::invalid_argument("the city is missing"); // the server gets this text
///     json_object answer;
///     answer.set("city", *city).set("sky", "blue");
///     co_return answer;
/// }
///
/// tool weather_tool() {
///     auto schema = json_text::parse(
///         R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})");
///     tool weather("weather", "The weather in a city", std::move(schema), say_weather);
///     weather.timeout(std::chrono::seconds(5)).max_running(2);
///     return weather;
/// }
/// @endcode
class PARLEY_EXPORT tool {
public:
    /// `parameters_schema` is one JSON schema of an object, or the array of doc/protocol.md 2.3,
    /// which is sent unchanged. Anything else is a `tool_configuration_error` when the tool is
    /// added.
    tool(std::string name, std::string description, json_text parameters_schema,
         tool_handler handler)
        : name_(std::move(name)), description_(std::move(description)),
          parameters_schema_(std::move(parameters_schema)), handler_(std::move(handler)) {}

    // These settings override `tool_config` for the calls of this tool, and have the same bounds: a
    // value out of bounds is a `tool_configuration_error` (`invalid_configuration`) when the tool
    // is added. The counts of `tool_config` still apply to all tools together.
    /// The limit of one call, from when it runs. Default: tool_config::timeout.
    tool& timeout(std::chrono::milliseconds value) {
        timeout_ = value;
        return *this;
    }
    tool& max_running(unsigned value) { ///< at once
        max_running_ = value;
        return *this;
    }
    tool& max_waiting(unsigned value) { ///< calls; 0: a call that cannot run is busy
        max_waiting_ = value;
        return *this;
    }
    /// Where it runs; must outlive its calls. An empty one: that of `tool_config`.
    tool& executor(asio::any_io_executor value) {
        executor_ = std::move(value);
        return *this;
    }

    /// As the server calls it.
    const std::string& name() const noexcept { return name_; }
    /// For the model.
    const std::string& description() const noexcept { return description_; }
    /// As it was given.
    const json_text& parameters_schema() const noexcept { return parameters_schema_; }
    /// Runs it.
    const tool_handler& handler() const noexcept { return handler_; }
    /// Nullopt: that of tool_config.
    std::optional<std::chrono::milliseconds> timeout() const noexcept { return timeout_; }
    /// Nullopt: that of tool_config.
    std::optional<unsigned> max_running() const noexcept { return max_running_; }
    /// Nullopt: that of tool_config.
    std::optional<unsigned> max_waiting() const noexcept { return max_waiting_; }
    /// Empty: that of tool_config.
    const asio::any_io_executor& executor() const noexcept { return executor_; }

private:
    std::string name_;
    std::string description_;
    json_text parameters_schema_;
    tool_handler handler_;
    std::optional<std::chrono::milliseconds> timeout_;
    std::optional<unsigned> max_running_;
    std::optional<unsigned> max_waiting_;
    asio::any_io_executor executor_;
};

} // namespace parley
