#include "core/json_check.hpp"

#include "core/text.hpp"

namespace parley {

namespace {

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20; }

/// ASCII that stands for itself in a string.
bool is_plain(char c) noexcept {
    return !is_control(c) && static_cast<unsigned char>(c) < 0x80 && c != '"' && c != '\\';
}

} // namespace

bool json_cursor::fail(json_fault::kind what) noexcept {
    fault_ = what;
    return false;
}

void json_cursor::space() noexcept {
    while (next() == ' ' || next() == '\n' || next() == '\r' || next() == '\t')
        ++at_;
}

bool json_cursor::character(char expected) noexcept {
    if (at_end() || text_[at_] != expected) return false;
    ++at_;
    return true;
}

bool json_cursor::value() noexcept {
    switch (next()) {
    case '{':
        return object();
    case '[':
        return array();
    case '"':
        return string();
    case 't':
        return literal("true");
    case 'f':
        return literal("false");
    case 'n':
        return literal("null");
    default:
        return number();
    }
}

bool json_cursor::open() noexcept {
    if (depth_ == json_max_depth) return fail(json_fault::kind::too_deep);
    ++depth_;
    ++at_;
    space();
    return true;
}

bool json_cursor::close(char bracket) noexcept {
    --depth_;
    return character(bracket) || fail();
}

bool json_cursor::object() noexcept {
    if (!open()) return false;
    if (next() == '}') return close('}');
    do {
        space();
        if (!string()) return false;
        space();
        if (!character(':')) return fail();
        space();
        if (!value()) return false;
        space();
    } while (character(','));
    return close('}');
}

bool json_cursor::array() noexcept {
    if (!open()) return false;
    if (next() == ']') return close(']');
    do {
        space();
        if (!value()) return false;
        space();
    } while (character(','));
    return close(']');
}

bool json_cursor::literal(std::string_view word) noexcept {
    for (const char c : word)
        if (!character(c)) return fail();
    return true;
}

bool json_cursor::digits() noexcept {
    if (!is_digit(next())) return fail();
    while (is_digit(next()))
        ++at_;
    return true;
}

bool json_cursor::number() noexcept {
    character('-');
    if (!character('0') && !digits()) return false;
    if (character('.') && !digits()) return false;
    if (character('e') || character('E')) {
        if (!character('+')) character('-');
        if (!digits()) return false;
    }
    return true;
}

bool json_cursor::string() noexcept {
    if (!character('"')) return fail();
    for (;;) {
        auto at = at_; // in a register: most of a text is strings
        while (at < text_.size() && is_plain(text_[at]))
            ++at;
        at_ = at;
        if (character('"')) return true;
        if (at_end() || is_control(next())) return fail();
        if (character('\\')) {
            if (!escape()) return false;
        } else if (const auto length = utf8_sequence(text_, at_)) {
            at_ += length;
        } else {
            return fail(json_fault::kind::utf8);
        }
    }
}

bool json_cursor::escape() noexcept {
    constexpr std::string_view simple = "\"\\/bfnrt";
    if (!character('u')) {
        if (at_end() || simple.find(next()) == std::string_view::npos) return fail();
        ++at_;
        return true;
    }
    for (int digit = 0; digit < 4; ++digit, ++at_)
        if (!is_hex(next())) return fail();
    return true;
}

std::optional<json_fault> check_json(std::string_view text) noexcept {
    json_cursor at(text);
    at.space();
    if (!at.value()) return at.fault();
    at.space();
    if (!at.at_end()) return at.fault();
    return std::nullopt;
}

} // namespace parley
