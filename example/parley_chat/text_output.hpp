#pragma once

#include "output.hpp"

#include <string>
#include <vector>

namespace parley_chat {

class console;

/// For people: the answer goes to standard output, everything else to standard error.
class text_output final : public output {
public:
    enum class detail {
        quiet, ///< for scripts
        full   ///< for a person at a terminal
    };

    text_output(console& screen, detail wanted) : screen_(screen), wanted_(wanted) {}

    void ready(const std::vector<std::string>& tools) override;
    void happened(const parley::event& event) override;
    void failed(const failure& reported) override;

private:
    class shown;
    console& screen_;
    detail wanted_;
    std::string thought_; // id of the reasoning whose line is open
};

} // namespace parley_chat
