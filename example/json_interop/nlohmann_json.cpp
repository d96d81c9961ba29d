// A service that uses nlohmann/json: `json_text` goes to its values and back as text, so that
// neither library knows of the other. What only passes through is never parsed at all.

#include <parley/event.hpp>
#include <parley/json_text.hpp>
#include <parley/tool.hpp>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace {

nlohmann::json from(const parley::json_text& text) { return nlohmann::json::parse(text.view()); }
parley::json_text to_text(const nlohmann::json& value) {
    return parley::json_text::parse(value.dump());
}

parley::awaitable<parley::json_text> add_up(parley::tool_call call) {
    const auto parameters = from(call.parameters());
    double sum = 0;
    for (const auto& each : parameters.at("numbers")) // throws: the server gets the text
        sum += each.get<double>();
    const nlohmann::json result{{"sum", sum}, {"count", parameters.at("numbers").size()}};
    co_return to_text(result);
}

parley::tool sum_tool() {
    const nlohmann::json schema{
        {"type", "object"},
        {"properties", {{"numbers", {{"type", "array"}, {"items", {{"type", "number"}}}}}}},
        {"required", {"numbers"}}};
    return {"sum", "Adds numbers up", to_text(schema), add_up};
}

/// The properties of a component, as the service's own type.
std::string title_of(const parley::ui_component& component) {
    return from(component.props).value("title", "untitled");
}

} // namespace

int main() {
    const auto tool = sum_tool();
    parley::ui_component card;
    card.props = parley::json_object{}
                     .set("title", "A card")
                     .set("items", parley::json_array{}.add(1).add(2));

    std::cout << tool.name() << ": " << tool.parameters_schema().view() << '\n';
    std::cout << title_of(card) << ": " << card.props.view() << '\n';
    const bool same = from(card.props) == from(to_text(from(card.props)));
    return same && title_of(card) == "A card" ? 0 : 1;
}
