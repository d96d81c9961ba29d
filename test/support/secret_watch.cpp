// doc/test-catalogue.md I3: no secret in any log line or exception of the whole suite.

// Catch2 2 hides what a listener needs, unless it is asked for first.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include "support/catch.hpp"
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_case_info.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
using listener_base = Catch::EventListenerBase;
#else
using listener_base = Catch::TestEventListenerBase;
#endif

#include <parley/error.hpp>

#include "support/secret_watch.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <exception>
#include <mutex>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

namespace parley::test {

namespace {

class watch {
public:
    static watch& instance() {
        static watch only;
        return only;
    }

    void begin(const std::string& test) {
        const std::lock_guard lock(mutex_);
        test_ = test;
    }

    void note(std::string_view where) {
        const std::lock_guard lock(mutex_);
        auto found = std::string(where) + " of \"" + test_ + '"';
        if (std::ranges::find(found_, found) == found_.end()) found_.push_back(std::move(found));
    }

    std::vector<std::string> found() {
        const std::lock_guard lock(mutex_);
        return found_;
    }

private:
    std::mutex mutex_;
    std::string test_ = "(no test)";
    std::vector<std::string> found_;
};

/// That word, and right after it so many of these digits.
bool has_numbered(std::string_view text, std::string_view word, std::string_view digits,
                  std::size_t count) {
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        const auto number = text.substr(at + word.size()).substr(0, count);
        if (number.size() == count && number.find_first_not_of(digits) == std::string_view::npos)
            return true;
    }
    return false;
}

void look_at(const std::exception& thrown) {
    watch_text("An exception", thrown.what());
    const auto* ours = dynamic_cast<const client_error*>(&thrown);
    if (!ours) return;
    const auto& info = ours->info();
    for (const auto& text :
         {info.message, info.details.to_string(), info.details.url, info.details.server_text,
          info.details.server_code, info.details.reason})
        watch_text("An error", text);
}

class secret_listener : public listener_base {
public:
    using listener_base::listener_base;

    void testCaseStarting(const Catch::TestCaseInfo& info) override {
        watch::instance().begin(info.name);
    }

    void testRunEnded(const Catch::TestRunStats&) override {
        const auto found = watch::instance().found();
        if (found.empty()) return;
        std::fflush(nullptr);
        for (const auto& where : found)
            std::fprintf(stderr, "%s has a secret in its text.\n", where.c_str());
        std::fflush(nullptr);
        std::_Exit(EXIT_FAILURE); // a listener has no other way to fail a run
    }
};

} // namespace

bool tells_a_secret(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower.find("sentinel") != std::string::npos ||
           has_numbered(lower, "ticket-", "0123456789", 1) ||
           has_numbered(lower, "tk-", "0123456789abcdef", 8);
}

void watch_text(std::string_view where, std::string_view text) {
    if (careless_stranger::on_this_thread == 0 && tells_a_secret(text))
        watch::instance().note(where);
}

CATCH_REGISTER_LISTENER(secret_listener)

} // namespace parley::test

// Every throw of the program goes through here, of the library as of the tests: it takes the place
// of __cxa_throw, under a name that no compiler has a declaration of its own for.
extern "C" [[noreturn]] void watched_throw(void* thrown, std::type_info* type,
                                           void (*end)(void*)) __asm__("__cxa_throw");

void watched_throw(void* thrown, std::type_info* type, void (*end)(void*)) {
    void* as_exception = thrown;
    if (typeid(std::exception).__do_catch(type, &as_exception, 1))
        parley::test::look_at(*static_cast<const std::exception*>(as_exception));
    using real_throw = void(void*, std::type_info*, void (*)(void*));
    static auto* const real = reinterpret_cast<real_throw*>(::dlsym(RTLD_NEXT, "__cxa_throw"));
    real(thrown, type, end);
    std::abort();
}
