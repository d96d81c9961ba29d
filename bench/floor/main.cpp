#include "floor/floor.hpp"

#include <cstdio>
#include <exception>

int main(int count, char** words) {
    try {
        const auto asked = bench::task::from(count, words);
        bench::outcome said;
        if (asked.scenario == "decode")
            bench::run_decode(asked, said);
        else if (asked.scenario == "ticket-refresh")
            bench::run_http(asked, said);
        else
            bench::run_websocket(asked, said);
        said.print();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
