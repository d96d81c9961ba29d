#include "client/pending_ask.hpp"

#include <variant>

namespace parley {

namespace {

/// What an event adds to an answer, on the heap too.
std::size_t size_in_answer(const event& happened) {
    if (const auto* text = std::get_if<text_delta>(&happened)) return text->text.size();
    if (const auto* thought = std::get_if<reasoning_delta>(&happened)) return thought->text.size();
    const auto* used = std::get_if<tool_finished>(&happened);
    if (!used) return 0;
    const auto result = used->result ? used->result->view().size() : 0;
    return sizeof(answer::tool_use) + used->name.size() + used->call_id.size() + result +
           used->error.size();
}

answer::tool_use use_of(const tool_finished& called) {
    answer::tool_use use;
    use.name = called.name;
    use.call_id = called.call_id;
    use.result = called.result;
    use.error = called.error;
    return use;
}

} // namespace

bool pending_ask::add(const event& happened, std::size_t most) {
    const auto more = size_in_answer(happened);
    if (more > most - bytes_) return false;
    bytes_ += more;
    if (const auto* text = std::get_if<text_delta>(&happened)) {
        collected.text += text->text;
        if (streams) pieces += text->text;
    } else if (const auto* thought = std::get_if<reasoning_delta>(&happened)) {
        collected.reasoning += thought->text;
    } else if (const auto* called = std::get_if<tool_finished>(&happened)) {
        collected.tools.push_back(use_of(*called));
    } else if (const auto* finished = std::get_if<chat_finished>(&happened)) {
        collected.conversation_id = finished->conversation_id;
    }
    return true;
}

} // namespace parley
