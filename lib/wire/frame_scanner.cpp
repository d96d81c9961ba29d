#include "wire/frame_scanner.hpp"

#include "core/json_check.hpp"
#include "core/json_string.hpp"
#include "wire/field.hpp"

#include <cstddef>
#include <string>

namespace parley::wire {

namespace {

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// What separates the members of an object is no value.
bool is_separator(char c) noexcept { return c == ',' || c == ':' || c == '}' || c == ']'; }

/// A name that is spelled with escapes.
field escaped_field(std::string_view inner) {
    std::string name;
    return append_unescaped(name, inner) == unescaped::invalid ? field::none : field_named(name);
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
        : text_(text.data()), end_(static_cast<std::uint32_t>(text.size())), starts_(starts.data()),
          count_(starts.size()), out_(out) {}

    bool run() {
        if (count_ == 0 || byte(0) != '{') return false;
        return members<level::top>() && next_ == count_;
    }

private:
    char byte(std::size_t token) const noexcept { return text_[starts_[token]]; }

    /// What begins at `begin` and ends before `end`, where a token begins, without white space.
    std::string_view spelled(std::uint32_t begin, std::uint32_t end) const noexcept {
        while (text_[end - 1] <= ' ' && is_space(text_[end - 1]))
            --end;
        return {text_ + begin, end - begin};
    }

    std::string_view spelled(std::size_t token) const noexcept {
        return spelled(starts_[token], token + 1 < count_ ? starts_[token + 1] : end_);
    }

    /// Of the object whose bracket is next.
    template <level Where>
    bool members() {
        ++next_;
        if (next_ < count_ && byte(next_) == '}') {
            ++next_;
            return true;
        }
        for (;;) {
            // A name, its colon, a value, and something behind it.
            if (count_ - next_ < 4) return false;
            const auto* const at = starts_ + next_;
            if (text_[at[0]] != '"' || text_[at[1]] != ':') return false;
            const auto which = name(spelled(at[0], at[1]));
            const char first = text_[at[2]];
            next_ += 3;
            if (first == '{' || first == '[') {
                --next_;
                if (!nested<Where>(which) || next_ == count_) return false;
            } else if (first != '"' && is_separator(first)) {
                return false;
            } else if (which != field::none) {
                out_.put(Where, which, spelled(at[2], at[3]));
            }
            const char last = byte(next_++);
            if (last != ',') return last == '}';
        }
    }

    field name(std::string_view token) const {
        const auto inner = token.substr(1, token.size() - 2);
        const auto known = field_at(inner);
        if (known != field::none || out_.plain_text(inner)) return known;
        return escaped_field(inner);
    }

    template <level Where>
    bool nested(field which) {
        if (which == field::none) return pass_over();
        if constexpr (Where == level::top) {
            if (which == field::data && byte(next_) == '{' && out_.raw(Where, which).empty()) {
                // Its bracket is enough to tell that it is an object.
                out_.put(Where, which, {text_ + starts_[next_], 1});
                return members<level::data>();
            }
        }
        const auto begin = next_;
        const bool valid = well_formed();
        if (!valid) {
            next_ = begin;
            if (!pass_over()) return false;
        }
        const auto from = starts_[begin];
        out_.put(Where, which, {text_ + from, starts_[next_ - 1] + 1 - from}, valid);
        return true;
    }

    /// An array or object, whatever is in it.
    bool pass_over() noexcept {
        std::size_t depth = 0;
        while (next_ < count_) {
            const char c = byte(next_++);
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
        while (next_ < count_) {
            const char c = byte(next_);
            bool ended = true; // of a value
            if (c == '{' || c == '[') {
                if (depth++ == json_max_depth) return false;
                ++next_;
                objects = objects << 1 | (c == '{' ? 1 : 0);
                ended = next_ < count_ && byte(next_) == c + 2; // the bracket that closes it
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
        while (next_ < count_) {
            const bool in_object = (objects & 1) != 0;
            const char c = byte(next_++);
            if (c == ',') return !in_object || key();
            if (c != (in_object ? '}' : ']')) return false;
            objects >>= 1;
            if (--depth == 0) return true;
        }
        return false;
    }

    bool key() {
        if (count_ - next_ < 2 || byte(next_) != '"' || byte(next_ + 1) != ':') return false;
        const bool valid = scalar();
        next_ += 2;
        return valid;
    }

    bool scalar() const {
        const auto token = spelled(next_);
        if (token.front() == '"') return out_.plain_text(token) || !check_json(token);
        return is_small_number(token) || !check_json(token);
    }

    const char* text_;
    std::uint32_t end_;
    const std::uint32_t* starts_;
    std::size_t count_;
    frame_fields& out_;
    std::size_t next_ = 0; ///< the token that is looked at
};

} // namespace

bool scan_frame(std::string_view text, std::span<const std::uint32_t> starts, frame_fields& out) {
    return scanner(text, starts, out).run();
}

} // namespace parley::wire
