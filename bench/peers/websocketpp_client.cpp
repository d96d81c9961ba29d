// websocketpp over Asio, with rapidjson.

#include "peers/peer.hpp"

#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_no_tls_client.hpp>

int main(int count, char** words) {
    using client = websocketpp::client<websocketpp::config::asio_client>;
    const auto asked = bench::task::from(count, words);
    bench::peer_script script(asked);
    const auto message = bench::chat_message_frame();
    client endpoint;
    endpoint.clear_access_channels(websocketpp::log::alevel::all);
    endpoint.clear_error_channels(websocketpp::log::elevel::all);
    endpoint.init_asio();
    endpoint.set_tcp_post_init_handler([&](websocketpp::connection_hdl handle) {
        endpoint.get_con_from_hdl(handle)->get_raw_socket().set_option(
            boost::asio::ip::tcp::no_delay(true));
    });
    endpoint.set_message_handler(
        [&](websocketpp::connection_hdl handle, client::message_ptr received) {
            const auto& text = received->get_payload();
            const auto next = script.take(text.data(), text.size());
            if (next == bench::peer_script::next::send)
                endpoint.send(handle, message, websocketpp::frame::opcode::text);
            else if (next == bench::peer_script::next::done)
                endpoint.stop();
        });
    websocketpp::lib::error_code failed;
    endpoint.connect(endpoint.get_connection(asked.url + "/ws?ticket=bench", failed));
    endpoint.run();
    bench::outcome said;
    script.report(said);
    said.print();
}
