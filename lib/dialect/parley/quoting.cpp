#include "dialect/parley/quoting.hpp"

#include "core/trusted_json.hpp"
#include "dialect/parley/frame_rules.hpp"

#include <optional>
#include <string>
#include <variant>

namespace parley::wire {

namespace {

class quoting {
public:
    explicit quoting(const redactor& gate) : gate_(gate) {}

    // Frame by frame: what is not named is payload.
    void operator()(session_established&) const {}
    void operator()(authentication_refused&) const {} // goes on as quotations only
    void operator()(tools_acknowledged&) const {}     // nobody is shown the names
    void operator()(configuration_requested&) const {}
    void operator()(tool_requested&) const {} // the name: tool_runner, for a tool that there is not
    void operator()(ping_received&) const {}
    void operator()(ping_acknowledged&) const {}
    void operator()(text_delta&) const {}
    void operator()(reasoning_started&) const {}
    void operator()(reasoning_delta&) const {}
    void operator()(reasoning_finished&) const {}
    void operator()(server_tool_started& frame) const { name(frame.name); }
    void operator()(server_tool_finished& frame) const { name(frame.name); }
    void operator()(ui_component& frame) const { name(frame.name); }
    void operator()(thread_created& frame) const { name(frame.update_endpoint); }
    void operator()(messages_persisted&) const {}
    void operator()(chat_finished&) const {}
    void operator()(chat_failed& frame) const { failure(frame); }
    void operator()(server_error& frame) const { failure(frame); }
    void operator()(message_skipped& frame) const { word(frame.detail); }

private:
    void word(std::string& text) const { fit(text, longest_quotation); }
    void sentence(std::string& text) const { fit(text, longest_sentence); }
    void name(std::string& text) const { fit(text, longest_name); }

    template <class Failure>
    void failure(Failure& frame) const {
        sentence(frame.error);
        if (frame.code) word(*frame.code);
        // Half a document is none: what tells a secret is left out as a whole.
        if (frame.details && gate_.tells_a_secret(frame.details->view()))
            frame.details = trusted_json::make(R"("***")");
    }

    void fit(std::string& text, std::size_t max) const {
        if (!text.empty()) text = gate_.quote(text, max).text();
    }

    const redactor& gate_;
};

} // namespace

void quote(server_frame& frame, const redactor& gate) { std::visit(quoting(gate), frame); }

} // namespace parley::wire
