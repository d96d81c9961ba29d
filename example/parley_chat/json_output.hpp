#pragma once

#include <parley/event.hpp>

#include "exit_status.hpp"
#include "output.hpp"

#include <optional>
#include <string>
#include <vector>

namespace parley_chat {

class console;

/// The lines of `--json`, without their line feed. Every key is always there, and null when
/// unknown.
std::string session_ready_line(const std::vector<std::string>& tools);
/// nullopt for the events that are none of the program's lines.
std::optional<std::string> event_line(const parley::event& happened);
std::string error_line(const failure& reported);

/// Writes one JSON object per event and line.
class json_output final : public output {
public:
    explicit json_output(console& screen) : screen_(screen) {}

    void ready(const std::vector<std::string>& tools) override;
    void happened(const parley::event& event) override;
    void failed(const failure& reported) override;

private:
    console& screen_;
};

} // namespace parley_chat
