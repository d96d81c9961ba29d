#include "dialect/parley/frame_scanner.hpp"

#include "core/json_check.hpp"
#include "core/json_string.hpp"
#include "dialect/parley/field.hpp"

#include <cstddef>
#include <string>

namespace parley::wire {

namespace {

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// What separates the members of an object is no value.
bool is_separator(char c) noexcept { return c == ',' || c == ':' || c == '}' || c == ']'; }

bool valid_string(std::string_view token) noexcept {
    return !has_backslash(token) || valid_escapes(token);
}

bool is_small_number(std::string_view token) noexcept {
    if (token.size() > 1 && token.front() == '0') return false;
    for (const char c : token)
        if (c < '0' || c > '9') return false;
    return true;
}

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
        const auto known = field_at(inner);
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
        const auto* const begin = next_;
        const bool valid = well_formed();
        if (!valid) {
            next_ = begin;
            if (!pass_over()) return false;
        }
        out_.put(Where, which, {text_ + *begin, next_[-1] + 1 - *begin}, valid);
        return true;
    }

    /// An array or object, whatever is in it.
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

    /// An array or object for which `check_json` has nothing to say. Which brackets are open is a
    /// bit for each level.
    bool well_formed() {
        static_assert(json_max_depth <= 64);
        std::uint64_t objects = 0;
        std::size_t depth = 0;
        while (next_ != end_) {
            const char c = byte();
            bool ended = true; // of a value
            if (c == '{' || c == '[') {
                if (depth++ == json_max_depth) return false;
                ++next_;
                objects = objects << 1 | (c == '{' ? 1 : 0);
                ended = next_ != end_ && byte() == c + 2; // the bracket that closes it
                if (!ended && c == '{' && !key()) return false;
            } else {
                if (!scalar()) return false;
                ++next_;
            }
            if (ended && !after_value(objects, depth)) return false;
            if (depth == 0) return true;
        }
        return false;
    }

    /// What closes behind a value, up to where the next begins.
    bool after_value(std::uint64_t& objects, std::size_t& depth) {
        while (next_ != end_) {
            const bool in_object = (objects & 1) != 0;
            const char c = byte();
            ++next_;
            if (c == ',') return !in_object || key();
            if (c != (in_object ? '}' : ']')) return false;
            objects >>= 1;
            if (--depth == 0) return true;
        }
        return false;
    }

    bool key() {
        if (end_ - next_ < 2 || byte() != '"' || text_[next_[1]] != ':') return false;
        const bool valid = scalar();
        next_ += 2;
        return valid;
    }

    bool scalar() const {
        if (byte() == '"') return valid_string(spelled());
        const auto token = spelled();
        return is_small_number(token) || !check_json(token);
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
