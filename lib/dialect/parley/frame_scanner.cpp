#include "dialect/parley/frame_scanner.hpp"

#include "core/json_string.hpp"
#include "dialect/parley/field.hpp"

#include <cstddef>
#include <string>

namespace parley::wire {

namespace {

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// What separates the members of an object is no value.
bool is_separator(char c) noexcept { return c == ',' || c == ':' || c == '}' || c == ']'; }

class scanner {
public:
    scanner(std::string_view text, std::span<const std::uint32_t> starts, frame_fields& out)
        : text_(text.data()), size_(text.size()), next_(starts.data()),
          end_(starts.data() + starts.size()), out_(out) {}

    bool run() {
        if (next_ == end_ || byte() != '{') return false;
        return members<level::top>() && next_ == end_;
    }

private:
    /// The first of the token that is looked at.
    char byte() const noexcept { return text_[*next_]; }

    /// What begins at `begin` and ends before `end`, where a token begins, without white space.
    std::string_view spelled(std::size_t begin, std::size_t end) const noexcept {
        while (text_[end - 1] <= ' ' && is_space(text_[end - 1]))
            --end;
        return {text_ + begin, end - begin};
    }

    /// The string or other scalar that is looked at.
    std::string_view spelled() const noexcept {
        return spelled(*next_, end_ - next_ > 1 ? next_[1] : size_);
    }

    /// Of the object whose bracket is looked at. Its members pass through registers: they are most
    /// of what there is to do for a frame.
    template <level Where>
    bool members() {
        const auto* at = next_ + 1;
        if (at != end_ && text_[*at] == '}') {
            next_ = at + 1;
            return true;
        }
        for (;;) {
            // A name, its colon, a value, and something behind it.
            if (end_ - at < 4 || text_[at[0]] != '"' || text_[at[1]] != ':') return false;
            const auto which = name(at[0] + 1, at[1]);
            const char first = text_[at[2]];
            if (first == '"') {
                if (which != field::none) out_.put(Where, which, spelled(at[2], at[3]));
                at += 3;
            } else {
                next_ = at + 2;
                if (!other_value<Where>(which, first) || next_ == end_) return false;
                at = next_;
            }
            const char last = text_[*at++];
            if (last == ',') continue;
            next_ = at;
            return last == '}';
        }
    }

    /// Of the name whose letters begin at `begin`; its colon is at `colon`.
    field name(std::size_t begin, std::size_t colon) const {
        while (text_[colon - 1] != '"')
            --colon; // white space
        const std::string_view inner{text_ + begin, colon - 1 - begin};
        const auto known = field_named(inner);
        if (known != field::none || !has_backslash(inner)) return known;
        return escaped_field(inner);
    }

    static field escaped_field(std::string_view inner) {
        std::string name;
        return append_unescaped(name, inner) == unescaped::invalid ? field::none
                                                                   : field_named(name);
    }

    /// A value that is no string.
    template <level Where>
    bool other_value(field which, char first) {
        if (first == '{' || first == '[') return nested<Where>(which);
        if (is_separator(first)) return false;
        if (which != field::none) out_.put(Where, which, spelled());
        ++next_;
        return true;
    }

    template <level Where>
    bool nested(field which) {
        if (which == field::none) return pass_over();
        if constexpr (Where == level::top) {
            if (which == field::data && byte() == '{' && out_.raw(Where, which).empty()) {
                // Its bracket is enough to tell that it is an object.
                out_.put(Where, which, {text_ + *next_, 1});
                return members<level::data>();
            }
        }
        const std::size_t begin = *next_;
        if (!pass_over()) return false;
        out_.put(Where, which, {text_ + begin, next_[-1] + 1 - begin});
        return true;
    }

    /// An array or object by its brackets, whatever is in it: `check_fields` validates it.
    bool pass_over() noexcept {
        std::size_t depth = 0;
        while (next_ != end_) {
            const char c = byte();
            ++next_;
            if (c == '{' || c == '[') ++depth;
            if ((c == '}' || c == ']') && --depth == 0) return true;
        }
        return false;
    }

    const char* const text_;
    const std::size_t size_;
    const std::uint32_t* next_; ///< the token that is looked at
    const std::uint32_t* const end_;
    frame_fields& out_;
};

} // namespace

bool scan_frame(std::string_view text, std::span<const std::uint32_t> starts, frame_fields& out) {
    return scanner(text, starts, out).run();
}

} // namespace parley::wire
