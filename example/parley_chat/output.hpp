#pragma once

#include <parley/event.hpp>

#include "exit_status.hpp"

#include <string>
#include <vector>

namespace parley_chat {

/// Shows the events.
class output {
public:
    output() = default;
    output(const output&) = delete;
    output& operator=(const output&) = delete;
    virtual ~output() = default;

    /// `init` has returned.
    virtual void ready(const std::vector<std::string>& tools) = 0;
    virtual void happened(const parley::event& event) = 0;
    /// The program ends with an error.
    virtual void failed(const failure& reported) = 0;
};

} // namespace parley_chat
