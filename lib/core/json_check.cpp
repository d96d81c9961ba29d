#include "core/json_check.hpp"

#include "core/text.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace parley {

namespace {

static_assert(json_max_depth <= 64, "one bit of the stack per level");

/// What stands for itself in a string, and is one byte.
constexpr auto plain_bytes = [] {
    std::array<bool, 256> all{};
    for (std::size_t c = 0x20; c < 0x80; ++c)
        all[c] = c != '"' && c != '\\';
    return all;
}();
bool is_plain(char c) noexcept { return plain_bytes[static_cast<unsigned char>(c)]; }

/// Walks the text once. Which brackets are open is a bit for each level, so that no nesting can
/// cost more than it does here.
class checker {
public:
    explicit checker(std::string_view text) noexcept : text_(text) {}

    std::optional<json_fault> run() noexcept {
        if (document()) return std::nullopt;
        return fault_;
    }

private:
    bool fail(json_fault::kind what = json_fault::kind::grammar) noexcept {
        fault_ = {what, at_};
        return false;
    }

    bool done() const noexcept { return at_ == text_.size(); }
    char now() const noexcept { return done() ? '\0' : text_[at_]; }

    void space() noexcept {
        if (now() > ' ') return; // as nearly always
        while (!done() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' ||
                           text_[at_] == '\t'))
            ++at_;
    }

    bool take(char expected) noexcept {
        if (done() || text_[at_] != expected) return false;
        ++at_;
        return true;
    }

    bool in_object() const noexcept { return ((objects_ >> (depth_ - 1)) & 1) != 0; }

    bool open(bool object) noexcept {
        if (depth_ == json_max_depth) return fail(json_fault::kind::too_deep);
        ++at_;
        const auto bit = std::uint64_t{1} << depth_++;
        objects_ = object ? objects_ | bit : objects_ & ~bit;
        return true;
    }

    bool document() noexcept {
        do {
            if (!begin_value()) return false;
            if (!after_value()) return false;
        } while (depth_ > 0);
        return done() || fail();
    }

    /// A scalar whole; of an array or object everything up to its first scalar, or its end.
    bool begin_value() noexcept {
        for (;;) {
            space();
            if (now() == '{') {
                if (!open(true)) return false;
                space();
                if (take('}')) return close();
                if (!key()) return false;
            } else if (now() == '[') {
                if (!open(false)) return false;
                space();
                if (take(']')) return close();
            } else {
                return scalar();
            }
        }
    }

    bool close() noexcept {
        --depth_;
        return true;
    }

    /// What closes after a value, up to where the next one begins.
    bool after_value() noexcept {
        for (;;) {
            space();
            if (depth_ == 0) return true;
            if (take(',')) {
                if (!in_object()) return true;
                space();
                return key();
            }
            if (!take(in_object() ? '}' : ']')) return fail();
            --depth_;
        }
    }

    bool key() noexcept {
        if (now() != '"') return fail();
        if (!string()) return false;
        space();
        return take(':') || fail();
    }

    bool scalar() noexcept {
        switch (now()) {
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

    bool literal(std::string_view word) noexcept {
        for (const char c : word)
            if (!take(c)) return fail();
        return true;
    }

    bool digits() noexcept {
        if (!is_digit(now())) return fail();
        while (is_digit(now()))
            ++at_;
        return true;
    }

    bool number() noexcept {
        take('-');
        if (!take('0') && !digits()) return false;
        if (take('.') && !digits()) return false;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) return false;
        }
        return true;
    }

    bool string() noexcept {
        const auto size = text_.size();
        auto at = at_ + 1; // in a register: most of a text is strings
        for (;;) {
            while (at < size && is_plain(text_[at]))
                ++at;
            at_ = at;
            if (at == size) return fail();
            const auto c = static_cast<unsigned char>(text_[at]);
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c < 0x20) return fail();
            if (c == '\\') {
                if (!escape()) return false;
                at = at_;
            } else if (const auto length = utf8_sequence(text_, at)) {
                at += length;
            } else {
                return fail(json_fault::kind::utf8);
            }
        }
    }

    bool escape() noexcept {
        ++at_;
        if (take('u')) {
            for (int i = 0; i < 4; ++i) {
                if (!is_hex(now())) return fail();
                ++at_;
            }
            return true;
        }
        constexpr std::string_view simple = "\"\\/bfnrt";
        if (done() || simple.find(now()) == std::string_view::npos) return fail();
        ++at_;
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::uint64_t objects_ = 0;
    json_fault fault_;
};

} // namespace

std::optional<json_fault> check_json(std::string_view text) noexcept { return checker(text).run(); }

} // namespace parley
