#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace parley {

/// The deepest nesting of arrays and objects that is accepted (doc/pitfalls.md P57).
inline constexpr std::size_t json_max_depth = 64;

/// The first fault of a text that is not JSON.
struct json_fault {
    enum class kind { grammar, utf8, too_deep };
    kind what = kind::grammar;
    std::size_t offset = 0;
};

/// Reads a text by RFC 8259: grammar, UTF-8, depth. It accepts numbers of any size, escaped lone
/// surrogates and equal keys, as the grammar does.
///
/// Each function moves behind the part that it is named after. It returns false when another text
/// stands there, with the position at the fault.
class json_cursor {
public:
    explicit json_cursor(std::string_view text) noexcept : text_(text) {}

    void space() noexcept; ///< white space, if there is any
    bool character(char expected) noexcept;
    bool string() noexcept;
    bool value() noexcept; ///< of any kind, without white space around it

    bool at_end() const noexcept { return at_ == text_.size(); }
    char next() const noexcept { return at_end() ? '\0' : text_[at_]; }
    std::size_t position() const noexcept { return at_; }
    std::string_view from(std::size_t begin) const noexcept {
        return text_.substr(begin, at_ - begin);
    }
    json_fault fault() const noexcept { return {fault_, at_}; }

private:
    bool fail(json_fault::kind what = json_fault::kind::grammar) noexcept;
    bool open() noexcept;
    bool close(char bracket) noexcept;
    bool object() noexcept;
    bool array() noexcept;
    bool literal(std::string_view word) noexcept;
    bool number() noexcept;
    bool digits() noexcept;
    bool escape() noexcept;

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    json_fault::kind fault_ = json_fault::kind::grammar;
};

/// Checks that a text is one JSON value, with white space around it or without.
std::optional<json_fault> check_json(std::string_view text) noexcept;

} // namespace parley
