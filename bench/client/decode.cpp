// Decoding and routing from memory, without a session.

#include "client/client.hpp"
#include "common/corpus.hpp"
#include "message/message_router.hpp"

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
    const auto router = parley::message_router::make(strand, parley::real_environment(), {});
    const auto sink = std::make_shared<counting_sink>();
    router->attach(sink);
    const corpus all;
    const stopwatch watch;
    for (std::uint64_t done = 0; done < asked.count;)
        for (const auto message : all.messages()) {
            router->on_text(message);
            ++done;
        }
    watch.report(said);
    said.set("messages", router->counts().received).set("texts", sink->texts);
    router->abandon();
}

} // namespace bench
