// libwebsockets, with rapidjson.

#include "peers/peer.hpp"

#include <libwebsockets.h>

namespace {

struct state {
    explicit state(const bench::task& asked) : script(asked) {}
    bench::peer_script script;
    std::string received;
    bool over = false;
};

int on_event(lws* connection, lws_callback_reasons reason, void*, void* bytes, size_t size) {
    auto& self = *static_cast<state*>(lws_context_user(lws_get_context(connection)));
    switch (reason) {
    case LWS_CALLBACK_CLIENT_RECEIVE: {
        self.received.append(static_cast<const char*>(bytes), size);
        if (!lws_is_final_fragment(connection) || lws_remaining_packet_payload(connection) > 0)
            break;
        const auto next = self.script.take(self.received.data(), self.received.size());
        self.received.clear();
        if (next == bench::peer_script::next::send) lws_callback_on_writable(connection);
        if (next == bench::peer_script::next::done) self.over = true;
        break;
    }
    case LWS_CALLBACK_CLIENT_WRITEABLE: {
        static const auto message = bench::chat_message_frame();
        static std::string buffer;
        buffer.assign(LWS_PRE, '\0').append(message);
        lws_write(connection, reinterpret_cast<unsigned char*>(buffer.data()) + LWS_PRE,
                  message.size(), LWS_WRITE_TEXT);
        break;
    }
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
        self.over = true;
        break;
    default:
        break;
    }
    return 0;
}

} // namespace

int main(int count, char** words) {
    const auto asked = bench::task::from(count, words);
    state self(asked);
    lws_set_log_level(LLL_ERR, nullptr);
    static lws_protocols protocols[2] = {};
    protocols[0].name = "bench";
    protocols[0].callback = on_event;
    protocols[0].rx_buffer_size = 64 * 1024;
    lws_context_creation_info info{};
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    info.user = &self;
    info.pt_serv_buf_size = 64 * 1024;
    lws_context* context = lws_create_context(&info);
    const std::string host = asked.host(), path = asked.path() + "/ws?ticket=bench";
    lws_client_connect_info to{};
    to.context = context;
    to.address = host.c_str();
    to.host = host.c_str();
    to.port = std::atoi(asked.port().c_str());
    to.path = path.c_str();
    to.origin = nullptr;
    to.local_protocol_name = "bench";
    lws_client_connect_via_info(&to);
    while (!self.over)
        lws_service(context, 0);
    bench::outcome said;
    self.script.report(said);
    said.print();
    lws_context_destroy(context);
}
