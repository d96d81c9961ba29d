// Every target is given its whole corpus, without a fuzzer: what was found once stays found.

#include "fuzz/target.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace replay_test {

namespace {

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::filesystem::path> corpus_of(std::string_view target) {
    std::vector<std::filesystem::path> files;
    const auto folder = std::filesystem::path(PARLEY_FUZZ_CORPUS) / target;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

/// With every beginning of a small input: what a peer says may stop anywhere.
void replay(std::string_view target, std::size_t cut_below) {
    const auto* const found =
        std::find_if(std::begin(parley::fuzz::targets), std::end(parley::fuzz::targets),
                     [&](const auto& each) { return each.name == target; });
    REQUIRE(found != std::end(parley::fuzz::targets));
    const auto corpus = corpus_of(target);
    CHECK_FALSE(corpus.empty());
    for (const auto& file : corpus) {
        INFO(file.filename().string()); // a broken promise aborts, and Catch says where
        const auto input = content_of(file);
        CHECK_NOTHROW(found->take(input));
        for (std::size_t size = 0; size < input.size() && input.size() < cut_below; ++size)
            CHECK_NOTHROW(found->take(std::string_view(input).substr(0, size)));
    }
}

} // namespace

TEST_CASE("fuzz: the decoder keeps its promises for its corpus", "[component][fuzz][N137]") {
    replay("decoder", 500);
}

TEST_CASE("fuzz: encoded values are decoded again for their corpus", "[component][fuzz][N137]") {
    replay("round_trip", 500);
}

TEST_CASE("fuzz: json_text keeps its promises for its corpus", "[component][fuzz][N137]") {
    replay("json_text", 500);
}

TEST_CASE("fuzz: a whole client keeps its promises for its corpus", "[component][fuzz][N137]") {
    replay("client", 0);
}

TEST_CASE("fuzz: frames in pieces are read the same, for their corpus", "[component][fuzz][N137]") {
    replay("frame_reader", 500);
}

TEST_CASE("fuzz: the small parsers keep their promises for their corpus",
          "[component][fuzz][N137]") {
    replay("vocabulary", 500);
}

} // namespace replay_test
