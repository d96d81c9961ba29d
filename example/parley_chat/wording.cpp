#include "wording.hpp"

#include <array>
#include <string_view>

namespace parley_chat {

namespace {

struct setting {
    std::string_view name; // its last part; what qualifies it goes with it
    std::string_view option;
};

constexpr std::array settings{
    setting{"allow_plaintext", "--allow-plaintext"},
    setting{"ca_file", "--ca"},
    setting{"retry_first", "--retry-first"},
    setting{"max_attempts", "--max-reconnect-attempts"},
    setting{"user_mp_auth_token", "--token"},
    setting{"chat_server_key", "--server-key"},
    setting{"user_id", "--user-id"},
    setting{"entity_id", "--entity-id"},
    setting{"entity_type", "--entity-type"},
    setting{"provider_res_id", "--provider-res-id"},
};

constexpr std::string_view of_names = "abcdefghijklmnopqrstuvwxyz0123456789_:.`";

bool is_of_name(std::string_view text, std::size_t position) {
    return position < text.size() && of_names.find(text[position]) != std::string_view::npos;
}

// `set reconnect.retry_first` becomes `give --retry-first`.
void name_option(std::string& text, const setting& one) {
    std::size_t begin = text.find(one.name);
    while (begin != std::string::npos) {
        std::size_t end = begin + one.name.size();
        constexpr std::string_view behind_names = "`.:";
        const bool is_longer_name =
            is_of_name(text, end) && behind_names.find(text[end]) == std::string_view::npos;
        if (!is_longer_name) {
            while (begin > 0 && is_of_name(text, begin - 1))
                --begin;
            if (end < text.size() && text[end] == '`') ++end;
            text.replace(begin, end - begin, one.option);
            end = begin + one.option.size();
            constexpr std::string_view set = "set ";
            if (begin >= set.size() && text.compare(begin - set.size(), set.size(), set) == 0) {
                text.replace(begin - set.size(), set.size(), "give ");
                ++end;
            }
        }
        begin = text.find(one.name, end);
    }
}

bool is(const parley::error_info& info, parley::errc code) {
    return info.code == parley::make_error_code(code);
}

} // namespace

std::string sentence(const parley::error_info& info) {
    if (is(info, parley::errc::not_sent)) {
        return "Your message was not sent: there was no connection to the server. Nothing of it "
               "has "
               "reached the server, so it can be sent again.";
    }
    if (is(info, parley::errc::sent_unconfirmed)) {
        return "The connection was lost before the answer was complete. The server may have "
               "processed your message, or may not have; the answer will not arrive.";
    }
    std::string text = info.message;
    for (const setting& each : settings)
        name_option(text, each);
    return text;
}

} // namespace parley_chat
