// A service that uses Boost.JSON: `json_text` goes to its values and back as text, so that neither
// library knows of the other. What only passes through is never parsed at all.

#include <parley/event.hpp>
#include <parley/json_text.hpp>
#include <parley/tool.hpp>

#include <boost/json/src.hpp> // the library itself, in this file: nothing more to link

#include <iostream>
#include <string>
#include <utility>

namespace {

namespace json = boost::json;

json::value from(const parley::json_text& text) { return json::parse(text.view()); }
parley::json_text to_text(const json::value& value) {
    return parley::json_text::parse(json::serialize(value));
}

parley::awaitable<parley::json_text> add_up(parley::tool_call call) {
    const auto parameters = from(call.parameters());
    double sum = 0;
    for (const auto& each : parameters.at("numbers").as_array()) // throws: the server gets the text
        sum += each.to_number<double>();
    const json::value result{{"sum", sum}, {"count", parameters.at("numbers").as_array().size()}};
    co_return to_text(result);
}

parley::tool sum_tool() {
    const json::value schema{
        {"type", "object"},
        {"properties", {{"numbers", {{"type", "array"}, {"items", {{"type", "number"}}}}}}},
        {"required", json::array{"numbers"}}};
    return {"sum", "Adds numbers up", to_text(schema), add_up};
}

/// The properties of a component, as the service's own type.
std::string title_of(const parley::ui_component& component) {
    const auto properties = from(component.props);
    const auto* title = properties.as_object().if_contains("title");
    return title && title->is_string() ? std::string(title->as_string().c_str()) : "untitled";
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
