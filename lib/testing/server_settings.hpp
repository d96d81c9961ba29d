#pragma once

#include <parley/testing/chat_server_options.hpp>

#include "core/settings.hpp"

namespace parley {

template <>
struct setting_table<testing::chat_server_options> {
    using options = testing::chat_server_options;
    static constexpr std::tuple rows{
        bounded_setting{&options::port, "port", std::uint16_t{0}},
        free_setting{&options::ipv6, "ipv6"},
        free_setting{&options::path_prefix, "path_prefix"},
        free_setting{&options::permessage_deflate, "permessage_deflate"},
        bounded_setting{&options::max_message_size, "max_message_size", std::size_t{1},
                        std::size_t{1} << 30},
        bounded_setting{&options::ticket_lifetime, "ticket_lifetime"},
        free_setting{&options::accepted_tokens, "accepted_tokens"},
        free_setting{&options::send_date, "send_date"},
        offset_setting{&options::clock_offset, "clock_offset"},
        free_setting{&options::awkward_tickets, "awkward_tickets"},
        free_setting{&options::reject_tickets_by_frame, "reject_tickets_by_frame"},
        chosen_setting{&options::tls, "tls", testing::server_tls::files},
        free_setting{&options::certificate_file, "certificate_file"},
        free_setting{&options::key_file, "key_file"},
        free_setting{&options::certificate_names, "certificate_names"},
        offset_setting{&options::certificate_from, "certificate_from"},
        offset_setting{&options::certificate_until, "certificate_until"},
        bounded_setting{&options::max_recorded, "max_recorded", std::size_t{0}}};
};

} // namespace parley
