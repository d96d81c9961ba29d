#include "simulation/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace parley::simulation {

namespace {

class reader {
public:
    explicit reader(std::string_view text) : text_(text) {}

    bool document(json& out) {
        space();
        if (!value(out, 0)) return false;
        space();
        return at_ == text_.size();
    }

private:
    bool value(json& out, int depth) {
        if (depth > 100 || at_ >= text_.size()) return false;
        switch (text_[at_]) {
        case '{':
            return object(out, depth);
        case '[':
            return array(out, depth);
        case '"':
            out.is = json::kind::string;
            return string(out.text);
        case 't':
            out.is = json::kind::boolean;
            out.truth = true;
            return word("true");
        case 'f':
            out.is = json::kind::boolean;
            return word("false");
        case 'n':
            return word("null");
        default:
            out.is = json::kind::number;
            return number(out.text);
        }
    }

    bool object(json& out, int depth) {
        out.is = json::kind::object;
        ++at_;
        space();
        if (take('}')) return true;
        do {
            space();
            std::string name;
            if (!string(name)) return false;
            space();
            if (!take(':')) return false;
            space();
            json member;
            if (!value(member, depth + 1)) return false;
            // Our side never says a name twice.
            if (!out.members.emplace(std::move(name), std::move(member)).second) return false;
            space();
        } while (take(','));
        return take('}');
    }

    bool array(json& out, int depth) {
        out.is = json::kind::array;
        ++at_;
        space();
        if (take(']')) return true;
        do {
            space();
            if (!value(out.elements.emplace_back(), depth + 1)) return false;
            space();
        } while (take(','));
        return take(']');
    }

    bool string(std::string& out) {
        if (!take('"')) return false;
        while (at_ < text_.size() && text_[at_] != '"') {
            const char c = text_[at_++];
            if (static_cast<unsigned char>(c) < 0x20) return false;
            if (c != '\\')
                out += c;
            else if (!escape(out))
                return false;
        }
        return take('"');
    }

    bool escape(std::string& out) {
        if (at_ >= text_.size()) return false;
        const char c = text_[at_++];
        constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
        if (const auto which = from.find(c); which != std::string_view::npos) {
            out += to[which];
            return true;
        }
        if (c != 'u' || at_ + 4 > text_.size()) return false;
        unsigned code = 0;
        for (int i = 0; i < 4; ++i) {
            const char digit = text_[at_++];
            if (!std::isxdigit(static_cast<unsigned char>(digit))) return false;
            code = code * 16 +
                   static_cast<unsigned>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }
        // Only control characters have to be escaped, and ours are.
        if (code < 0x80)
            out += static_cast<char>(code);
        else
            out += fmt::format("<{:x}>", code);
        return true;
    }

    bool number(std::string& out) {
        const auto from = at_;
        while (at_ < text_.size() &&
               std::string_view("+-.0123456789eE").find(text_[at_]) != std::string_view::npos)
            ++at_;
        out = text_.substr(from, at_ - from);
        return !out.empty();
    }

    bool word(std::string_view wanted) {
        if (text_.substr(at_, wanted.size()) != wanted) return false;
        at_ += wanted.size();
        return true;
    }
    bool take(char wanted) {
        if (at_ >= text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }
    void space() {
        while (at_ < text_.size() &&
               std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
            ++at_;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace

std::optional<json> json::parse(std::string_view text) {
    json out;
    return reader(text).document(out) ? std::optional(std::move(out)) : std::nullopt;
}

const json* json::find(std::string_view name) const {
    const auto found = members.find(name);
    return found == members.end() ? nullptr : &found->second;
}

std::string json::string(std::string_view name) const {
    const auto* found = find(name);
    return found && found->is == kind::string ? found->text : std::string();
}

bool json::has(std::string_view name, kind of) const {
    const auto* found = find(name);
    return found && found->is == of;
}

bool json::only(std::initializer_list<std::string_view> names) const {
    std::size_t there = 0;
    for (auto name : names) {
        const bool optional = name.ends_with('?');
        if (optional) name.remove_suffix(1);
        const bool found = find(name) != nullptr;
        if (!found && !optional) return false;
        there += found ? 1 : 0;
    }
    return there == members.size();
}

std::string json_quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += std::string{'\\', c};
        else if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out + '"';
}

} // namespace parley::simulation
