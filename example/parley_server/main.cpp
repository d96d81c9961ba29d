// parley-server: the test server as a program.

#include <parley/testing/chat_server.hpp>
#include <parley/version.hpp>

#include "parley_chat/duration.hpp"

#include <CLI/CLI.hpp>
#include <boost/system/system_error.hpp>

#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr int exit_usage = 2;

/// Waits for SIGINT or SIGTERM, which every thread must have blocked.
void wait_for_signal(const sigset_t& signals) {
    int caught = 0;
    while (sigwait(&signals, &caught) != 0) {
    }
}

int serve(parley::testing::chat_server_options options) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr); // before the server's thread inherits the mask

    parley::testing::chat_server server(std::move(options));
    std::cout << "listening " << server.port() << " (" << server.url() << ")" << std::endl;
    wait_for_signal(signals);
    server.stop();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    parley::testing::chat_server_options options;
    std::vector<std::string> tls;
    std::string ticket_ttl = "1h";

    CLI::App app("A chat server on 127.0.0.1 to try parley with. Any token is accepted, or none.",
                 "parley-server");
    app.set_version_flag("--version", "parley-server " + std::string(parley::version));
    app.add_option("--port", options.port, "Port to listen on; 0 picks a free one")
        ->capture_default_str();
    app.add_option("--tls", tls, "Serve TLS with this certificate chain and key, both PEM files")
        ->type_name("CERT KEY")
        ->expected(2)
        ->check(CLI::ExistingFile);
    app.add_option("--ticket-ttl", ticket_ttl,
                   "Lifetime of a ticket, as 90s, 1m30s or 2h; a number alone is seconds")
        ->type_name("TIME")
        ->check(
            [](const std::string& text) {
                return parley_chat::parse_duration(text) ? "" : "a time is 90s, 1m30s or 2h";
            },
            "")
        ->capture_default_str();
    app.add_flag("--awkward-tickets", options.awkward_tickets,
                 "Issue tickets with characters that a URL must percent-encode");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_usage;
    }

    options.ticket_lifetime = parley_chat::parse_duration(ticket_ttl).value();
    if (!tls.empty()) {
        options.tls = parley::testing::server_tls::files;
        options.certificate_file = tls.at(0);
        options.key_file = tls.at(1);
    }
    try {
        return serve(std::move(options));
    } catch (const boost::system::system_error& error) {
        std::cerr << "parley-server: cannot listen: " << error.code().message() << '\n';
        return 1;
    } catch (const std::exception& error) {
        std::cerr << "parley-server: " << error.what() << '\n';
        return 1;
    }
}
