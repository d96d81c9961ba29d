// For which hosts a certificate of a trusted authority is good (RFC 9525).

#include "loopback/secure_wire.hpp"

#include <string>
#include <vector>

namespace tls_names_test {

using namespace parley;
using namespace parley::test;

TEST_CASE("tls: a certificate covers its alternative names, and a wildcard one whole label",
          "[loopback][tls][D47][D48]") {
    struct row {
        const char* what;
        const char* subject;
        std::vector<std::string> names;
        const char* host;
        bool good;
    };
    const std::string a_label = "xn--zrich-kva.good.test";
    const std::vector<row> rows{
        {"the name", "any", {"good.test"}, "good.test", true},
        {"one of several", "any", {"a.test", "good.test"}, "good.test", true},
        {"another name", "any", {"good.test"}, "other.test", false},
        {"a name below", "any", {"good.test"}, "a.good.test", false},
        {"upper case in the certificate", "any", {"GOOD.Test"}, "good.test", true},
        {"upper case in the URL", "any", {"good.test"}, "Good.TEST", true},
        {"a final dot in the URL", "any", {"good.test"}, "good.test.", true},
        {"an A-label", "any", {a_label}, "xn--zrich-kva.good.test", true},

        {"a whole wildcard", "any", {"*.good.test"}, "a.good.test", true},
        {"a whole wildcard, an A-label", "any", {"*.good.test"}, "xn--zrich-kva.good.test", true},
        {"a wildcard, no label", "any", {"*.good.test"}, "good.test", false},
        {"a wildcard, two labels", "any", {"*.good.test"}, "a.b.good.test", false},
        {"two wildcards", "any", {"*.*.good.test"}, "a.b.good.test", false},
        {"a wildcard that is not leftmost", "any", {"a.*.test"}, "a.good.test", false},
        {"a wildcard alone", "any", {"*"}, "good.test", false},
        {"the head of a label", "any", {"w*.good.test"}, "www.good.test", false},
        {"the tail of a label", "any", {"*w.good.test"}, "www.good.test", false},
        {"a label around a wildcard", "any", {"w*w.good.test"}, "www.good.test", false},
        {"a part of an A-label", "any", {"xn--z*.good.test"}, "xn--zrich-kva.good.test", false},

        {"the subject alone", "good.test", {}, "good.test", false},
        {"the subject beside another name", "good.test", {"other.test"}, "good.test", false},
        {"the subject beside an address", "good.test", {"127.0.0.1"}, "good.test", false},
        {"the name beside another subject", "other.test", {"good.test"}, "good.test", true},
        {"a wildcard in the subject", "*.good.test", {}, "a.good.test", false},

        {"the address", "any", {"127.0.0.1"}, "127.0.0.1", true},
        {"another address", "any", {"127.0.0.2"}, "127.0.0.1", false},
        {"an address as the subject", "127.0.0.1", {}, "127.0.0.1", false},
        {"an address as a name", "any", {"DNS:127.0.0.1"}, "127.0.0.1", false},
        {"a wildcard for an address", "any", {"*.0.0.1"}, "127.0.0.1", false},
    };
    for (const row& each : rows) {
        CAPTURE(each.what);
        const auto identity = testing::make_identity(each.names, std::chrono::hours(-1),
                                                     std::chrono::hours(1), each.subject);
        bool served = false;
        raw_server server(identity.certificate_pem, identity.key_pem, {[&served](raw_peer& peer) {
                              peer.upgrade();
                              served = true;
                              peer.hold();
                          }});
        secure_wire here(identity.ca_pem);
        const auto outcome = here.connect_to(each.host, server.port());
        here.link.reset();
        CHECK(outcome.has_value() == each.good);
        server.problems();
        CHECK(served == each.good);
        if (outcome) continue;
        CHECK(outcome.error().is(errc::certificate_rejected));
        CHECK(outcome.error().details.reason == "hostname mismatch");
        CHECK_FALSE(outcome.error().details.retryable);
        CHECK_FALSE(tells_the_ticket(outcome.error()));
    }
}

} // namespace tls_names_test
