// A json_text holds what it was given, byte for byte, and nothing that is not JSON. simdjson's DOM
// is a second opinion on that.

#include <parley/error.hpp>
#include <parley/json_text.hpp>

#include "core/json_check.hpp"
#include "core/json_walk.hpp"
#include "core/text.hpp"
#include "fuzz/target.hpp"

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

namespace parley::fuzz {

namespace {

std::optional<json_text> parsed(std::string_view text) {
    try {
        return json_text::parse(std::string(text));
    } catch (const client_error& thrown) {
        require(thrown.code() == errc::invalid_json, "what is wrong with a text is invalid_json");
        return std::nullopt;
    }
}

/// RFC 8259 leaves it to a parser what it does with a number that it cannot hold, with a string
/// that names half a character, and with a nesting that it finds too deep: the DOM refuses.
void compare(std::string_view input, bool accepted) {
    if (input.starts_with('\xEF')) return; // a byte order mark: newer parsers skip it
    static simdjson::dom::parser parser;
    simdjson::dom::element root;
    const auto fault = parser.parse(input.data(), input.size()).get(root);
    if (!fault) {
        const auto ours = check_json(input);
        require(accepted || (ours && ours->what == json_fault::kind::too_deep),
                "what the parser takes is taken");
    } else if (accepted) {
        for (const auto grammar :
             {simdjson::TAPE_ERROR, simdjson::UTF8_ERROR, simdjson::T_ATOM_ERROR,
              simdjson::F_ATOM_ERROR, simdjson::N_ATOM_ERROR, simdjson::UNESCAPED_CHARS,
              simdjson::UNCLOSED_STRING, simdjson::EMPTY})
            require(fault != grammar, "what is taken is JSON for the parser, too");
    }
}

std::string escaped_token(std::string_view key) {
    std::string out;
    for (const char c : key) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    }
    return out;
}

/// Every value is found by its pointer, and is JSON itself.
void walk(const json_text& whole, const std::string& pointer, int& left) {
    if (left-- <= 0) return;
    const auto found = whole.text_at(pointer);
    require(found.has_value(), "a pointer that was read off the text finds something");
    const auto at = found->view();
    require(!check_json(at), "what a pointer finds is JSON");
    const auto kind = kind_of(at);
    require(whole.string_at(pointer).has_value() == (kind == json_kind::string), "strings by type");
    require(whole.bool_at(pointer).has_value() == (kind == json_kind::boolean), "bools by type");
    if (whole.int_at(pointer)) require(whole.double_at(pointer).has_value(), "an int is a double");
    if (kind == json_kind::object)
        for (json_members each{at}; each.next() && left > 0;)
            walk(whole, pointer + '/' + escaped_token(each.key()), left);
    if (kind == json_kind::array) {
        std::size_t index = 0;
        for (json_elements each{at}; each.next() && left > 0;)
            walk(whole, pointer + '/' + std::to_string(index++), left);
    }
}

void build(std::string_view input, const std::optional<json_text>& value) {
    try {
        json_object object;
        object.set("text", input).set(input, 7);
        if (value) object.set("value", *value);
        const json_text made = object;
        require(made.string_at("/text") == std::string(input), "a text comes back");
        if (value && input != "text" && input != "value")
            require(made.text_at("/value")->view() == trim_json(value->view()),
                    "a value comes back as it was spelled");
    } catch (const client_error& thrown) {
        const bool text = thrown.code() == errc::invalid_utf8 && !valid_utf8(input);
        const bool deep = thrown.code() == errc::invalid_json && value;
        require(text || deep, "only what is no UTF-8 is refused, or what is too deep");
    }
}

} // namespace

void take_json_text(std::string_view input) {
    const auto text = parsed(input);
    compare(input, text.has_value());
    build(input, text);
    if (!text) return;
    require(text->view() == input, "the text is kept byte for byte");
    text->string_at(input); // any bytes for a pointer
    text->text_at("/" + std::string(input));
    int left = 200;
    walk(*text, "", left);
}

} // namespace parley::fuzz
