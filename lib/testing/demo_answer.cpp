#include <parley/json_text.hpp>
#include <parley/testing/answer_script.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <string>

namespace parley::testing {
namespace {

/// Position of `part` in `text`, letter case of ASCII ignored.
std::size_t find_ignoring_case(std::string_view text, std::string_view part) {
    const auto same = [](unsigned char a, unsigned char b) {
        return std::tolower(a) == std::tolower(b);
    };
    const auto hit = std::ranges::search(text, part, same);
    return hit.empty() ? std::string_view::npos
                       : static_cast<std::size_t>(hit.begin() - text.begin());
}

/// `Zürich` in `What's the weather in Zürich?`.
std::string city_in(std::string_view content) {
    constexpr std::string_view lead = "weather in ";
    constexpr std::string_view fallback = "Zürich";
    const std::size_t at = find_ignoring_case(content, lead);
    if (at == std::string_view::npos) {
        return std::string(fallback);
    }
    std::string_view rest = content.substr(at + lead.size());
    rest = rest.substr(0, rest.find_first_of("?!.,;:\r\n"));
    const std::size_t first = rest.find_first_not_of(' ');
    if (first == std::string_view::npos) {
        return std::string(fallback);
    }
    return std::string(rest.substr(first, rest.find_last_not_of(' ') - first + 1));
}

/// The pieces of a text, of one or two words each.
std::vector<std::string> in_pieces(std::string_view text) {
    std::vector<std::string> pieces;
    std::size_t words = 0;
    std::size_t from = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ' ' && ++words % 2 == 0) {
            pieces.emplace_back(text.substr(from, i + 1 - from));
            from = i + 1;
        }
    }
    if (from < text.size()) {
        pieces.emplace_back(text.substr(from));
    }
    return pieces;
}

/// 21, 21.5, not 21.500000.
std::string plain_number(double value) {
    std::string text = std::to_string(std::round(value * 10) / 10);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') {
        text.pop_back();
    }
    return text;
}

/// A sentence about the tool's result, when it uses one of the usual names; else its JSON.
std::string describe(const json_text& weather) {
    if (weather.is_string()) {
        return weather.string_at("").value_or("");
    }
    std::string sky;
    constexpr std::array sky_names{"/conditions", "/condition", "/summary", "/description", "/sky"};
    for (const char* name : sky_names) {
        if (const auto text = weather.string_at(name)) {
            sky = *text;
            break;
        }
    }
    std::string degrees;
    constexpr std::array degree_names{"/temperature", "/temperatureC", "/temperature_c", "/celsius",
                                      "/temp"};
    for (const char* name : degree_names) {
        if (const auto number = weather.double_at(name)) {
            const std::string unit = weather.string_at("/unit").value_or("C");
            degrees = plain_number(*number) + " °" + unit;
            break;
        }
        if (const auto text = weather.string_at(name)) {
            degrees = *text;
            break;
        }
    }
    if (degrees.empty() || sky.empty()) {
        return degrees.empty() && sky.empty() ? std::string(weather.view()) : degrees + sky;
    }
    return degrees + " and " + sky;
}

answer_script tell_weather(const std::string& city, const tool_answer& answer) {
    if (answer.result) {
        const std::string weather = describe(json_text::parse(*answer.result));
        return answer_script{}.text(
            in_pieces("Here is the weather in " + city + " right now: " + weather + "."));
    }
    return answer_script{}.text(in_pieces("I could not find out the weather in " + city + ": " +
                                          answer.error.value_or("no answer") + "."));
}

} // namespace

answer_script demo_answer(const received_message& message) {
    if (find_ignoring_case(message.content, "weather") != std::string_view::npos) {
        if (const auto tool = message.tool_named_like("weather")) {
            const std::string city = city_in(message.content);
            const json_text parameters = json_object{}.set("city", city);
            answer_script script;
            script.reasoning(
                {"The user asks about the weather in ", city, ". ", "The tool ", *tool, " knows."});
            script.call_tool(*tool, std::string(parameters.view()));
            script.then([city](const tool_answer& answer) { return tell_weather(city, answer); });
            return script;
        }
    }
    answer_script script;
    script.text(in_pieces("Hello! You said: " + message.content));
    script.text(in_pieces("\nAsk me about the weather in a city, and I shall use your tool."));
    return script;
}

} // namespace parley::testing
