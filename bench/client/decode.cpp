// Decoding and routing from memory, without a session.

#include "client/client.hpp"
#include "common/corpus.hpp"
#include "message/message_handler_impl.hpp"

#include <boost/asio/strand.hpp>

#include <string>
#include <variant>

namespace bench {

namespace {

class counting_sink final : public parley::message_sink {
public:
    void on_session_established() override {}
    void on_authentication_refused(parley::quotation, parley::quotation) override {}
    void on_tools_acknowledged(bool) override {}
    void on_configuration_requested() override {}
    void on_event(parley::event&& happened) override {
        ++events;
        if (std::holds_alternative<parley::text_delta>(happened)) ++texts;
    }
    void send_control(std::string) override {}
    void send_answer(std::string, std::uint64_t) override {}

    std::uint64_t events = 0;
    std::uint64_t texts = 0;
};

} // namespace

void run_decode(const task& asked, outcome& said) {
    asio::io_context context;
    const asio::any_io_executor strand = asio::make_strand(context.get_executor());
    const parley::message_handler_options options;
    const auto handler = std::make_shared<parley::message_handler::impl>(
        strand, parley::real_environment(), options, nullptr,
        parley::event_queue::before_first::wait);
    const auto sink = std::make_shared<counting_sink>();
    handler->attach(sink);
    const corpus all;
    const stopwatch watch;
    for (std::uint64_t done = 0; done < asked.count;)
        for (const auto message : all.messages()) {
            handler->on_text(message);
            ++done;
        }
    watch.report(said);
    parley::metrics_snapshot counts;
    handler->count(counts);
    said.set("messages", counts.messages_received).set("texts", sink->texts);
    handler->abandon();
}

} // namespace bench
