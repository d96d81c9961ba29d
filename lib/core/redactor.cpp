#include "core/redactor.hpp"

#include "core/json_string.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <array>

namespace parley {

namespace {

constexpr std::size_t most_groups = 16;
constexpr std::size_t shortest_secret = 4;
constexpr std::size_t telling_prefix = 8;
constexpr std::size_t most_looked_at = 4'096; // of the words of a quotation
constexpr unsigned most_layers = 4;           // of one encoding upon another

/// A string that a text is searched for.
struct form {
    std::string text;
    std::size_t least; ///< so many of its characters give the secret away
};

/// The characters of a Base64 text that this secret decides, when `shift` bytes of the first group
/// of three come before it; at last those that it decides where nothing follows it.
form base64_form(std::string_view secret, std::size_t shift) {
    const auto text = base64(std::string(shift, '\0').append(secret));
    const std::size_t begin =
        shift == 0 ? 0 : shift + 1; // behind the characters that those bytes share
    const auto end = (shift + secret.size()) * 8 / 6; // likewise, of bytes that follow
    return {text.substr(begin), std::clamp(end - begin, shortest_secret + 1, telling_prefix)};
}

/// RFC 4648 section 5.
form base64url_form(form one) {
    std::ranges::replace(one.text, '+', '-');
    std::ranges::replace(one.text, '/', '_');
    return one;
}

/// Appends what the escape at the beginning of `text` stands for; the size of the escape, or 0.
std::size_t unescape_one(std::string_view text, std::string& out) {
    if (text.front() == '%') {
        const auto byte = hex_number(text, 1, 2);
        if (!byte) return 0;
        out.push_back(static_cast<char>(*byte));
        return 3;
    }
    if (text.size() < 2 || std::string_view("\"\\/u").find(text[1]) == std::string_view::npos)
        return 0;
    const std::size_t size = text[1] == 'u' ? 6 : 2;
    const auto before = out.size();
    if (append_unescaped(out, text.substr(0, size)) == unescaped::exact) return size;
    out.resize(before);
    return 0;
}

/// The text with its percent-encoding and its escapes of JSON resolved, one layer of them.
std::string without_escapes(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto plain = std::min(text.find_first_of("%\\"), text.size());
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) break;
        auto taken = unescape_one(text, out);
        if (taken == 0) {
            out += text.front();
            taken = 1;
        }
        text.remove_prefix(taken);
    }
    return out;
}

std::size_t common_prefix(std::string_view one, std::string_view other) noexcept {
    const auto end = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
    return static_cast<std::size_t>(end.first - one.begin());
}

/// All that a text is searched for.
class forms {
public:
    /// No form is longer than the text in which it is looked for.
    explicit forms(std::size_t longest) : longest_(longest) {}

    void add(const secret& one) {
        const auto whole = one.expose();
        if (whole.size() < shortest_secret) return;
        const auto seen = whole.substr(0, longest_);
        add({std::string(seen), std::min(whole.size(), telling_prefix)});
        for (std::size_t shift = 0; shift < 3; ++shift) {
            auto core = base64_form(seen, shift);
            auto other = base64url_form(core);
            if (other.text != core.text) add(std::move(other));
            add(std::move(core));
        }
    }
    /// After the last of them.
    void sort() { std::sort(long_.begin(), long_.end()); }

    std::string starred(std::string_view text) const {
        std::string out;
        for (std::size_t at = 0; at < text.size();) {
            const auto found = match(text.substr(at));
            if (found != 0)
                out += "***";
            else
                out += text[at];
            at += std::max<std::size_t>(found, 1);
        }
        return out;
    }

private:
    void add(form one) {
        if (one.text.size() < one.least || one.least > longest_) return;
        begins_[static_cast<unsigned char>(one.text.front())] = true;
        if (one.least == telling_prefix)
            long_.push_back(std::move(one.text));
        else
            short_.push_back(std::move(one));
    }

    /// The size of the secret at the beginning of `text`.
    std::size_t match(std::string_view text) const {
        if (!begins_[static_cast<unsigned char>(text.front())]) return 0;
        std::size_t longest = 0;
        for (const auto& each : short_)
            if (const auto size = common_prefix(text, each.text); size >= each.least)
                longest = std::max(longest, size);
        // The one that has most in common with a text is sorted right before or behind it: however
        // many a server has us remember, the search is short.
        const auto behind = std::lower_bound(long_.begin(), long_.end(), text);
        std::size_t most = 0;
        if (behind != long_.end()) most = common_prefix(text, *behind);
        if (behind != long_.begin()) most = std::max(most, common_prefix(text, *(behind - 1)));
        return std::max(longest, most >= telling_prefix ? most : 0);
    }

    std::size_t longest_;
    std::vector<std::string> long_;
    std::vector<form> short_;
    std::array<bool, 256> begins_{};
};

} // namespace

void redactor::remember(std::vector<secret> group) {
    std::erase(groups_, group);
    if (groups_.size() == most_groups) groups_.erase(groups_.begin());
    groups_.push_back(std::move(group));
}

std::string redactor::redact(std::string_view text) const {
    std::string shown(text);
    if (text.size() < shortest_secret) return shown;
    forms all(text.size());
    for (const auto& each : always_)
        all.add(each);
    for (const auto& group : groups_)
        for (const auto& each : group)
            all.add(each);
    all.sort();
    shown = all.starred(text);
    // Escaped text is shown as it is, unless a secret is found below its escapes.
    auto last = shown;
    for (unsigned layer = 0; layer < most_layers; ++layer) {
        auto plain = without_escapes(last);
        if (plain.size() == last.size()) break;
        last = all.starred(plain);
        if (last != plain) shown = last;
    }
    return shown;
}

bool redactor::tells_a_secret(std::string_view text) const { return redact(text) != text; }

quotation redactor::quote(std::string_view words, std::size_t max) const {
    const auto seen = words.substr(0, most_looked_at);
    auto fit = shorten_and_escape(redact(seen), max);
    if (seen.size() < words.size() && !fit.ends_with("…")) fit += "…";
    return quotation(std::move(fit));
}

error_info redactor::clean(error_info why) const {
    const auto fit = [this](std::string& text, std::size_t max) {
        if (!text.empty()) text = quote(text, max).text();
    };
    fit(why.message, longest_sentence);
    fit(why.details.server_code, longest_quotation);
    fit(why.details.server_text, longest_quotation);
    fit(why.details.reason, longest_sentence);
    fit(why.details.url, longest_sentence);
    return why;
}

} // namespace parley
