// permessage-deflate without a network (RFC 7692 sections 7.2.1 to 7.2.3).

#include "support/catch.hpp"
#include "websocket/permessage_deflate.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>

#include <cstddef>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace permessage_deflate_test {

using namespace parley;
using namespace std::string_literals;
namespace zlib = boost::beast::zlib;
using outcome = permessage_deflate::outcome;

namespace {

/// What a server sends.
class server_half {
public:
    explicit server_half(zlib::Strategy strategy = zlib::Strategy::normal) {
        stream_.reset(6, 15, 8, strategy);
    }

    std::string message(std::string_view text) {
        if (text.empty()) return "\0"s;
        auto out = written(text, zlib::Flush::sync);
        return out.substr(0, out.size() - 4);
    }

    /// As one final block, with nothing behind it, and the context forgotten.
    std::string finished(std::string_view text) {
        auto out = written(text, zlib::Flush::finish);
        stream_.reset();
        return out;
    }

    void forget() { stream_.reset(); }

private:
    std::string written(std::string_view text, zlib::Flush how) {
        std::string out(stream_.upper_bound(text.size()) + 64, '\0');
        zlib::z_params ends;
        ends.next_in = text.data();
        ends.avail_in = text.size();
        ends.next_out = out.data();
        ends.avail_out = out.size();
        boost::system::error_code failed;
        stream_.write(ends, how, failed);
        out.resize(ends.total_out);
        return out;
    }

    zlib::deflate_stream stream_;
};

/// How much room there is when so much of the message is there.
using rooms = std::function<std::size_t(std::size_t)>;

rooms always(std::size_t size) {
    return [size](std::size_t) { return size; };
}
rooms up_to(std::size_t size) {
    return [size](std::size_t there) { return size - there; };
}

struct inflated {
    outcome reached{};
    std::string text;
    int out_of_room = 0;
};

/// One piece, each time from a buffer of its own: what it reads outside, AddressSanitizer sees.
outcome take_piece(permessage_deflate& codec, std::string_view piece, bool last, const rooms& room,
                   inflated& to) {
    for (;;) {
        const std::vector<char> moved(piece.begin(), piece.end());
        std::string_view left(moved.data(), moved.size());
        std::vector<char> into(room(to.text.size()));
        std::size_t count = 0;
        const auto reached = codec.inflate(left, last, into, count);
        to.text.append(into.data(), count);
        if (reached != outcome::out_of_room) return reached;
        if (++to.out_of_room > 1'000'000) throw std::runtime_error("no end");
        piece.remove_prefix(piece.size() - left.size());
    }
}

inflated take(permessage_deflate& codec, std::string_view payload, const rooms& room,
              std::size_t piece = 1'000'000) {
    inflated all;
    do {
        const auto now = payload.substr(0, piece);
        payload.remove_prefix(now.size());
        all.reached = take_piece(codec, now, payload.empty(), room, all);
    } while (!payload.empty() && all.reached == outcome::done);
    return all;
}

/// As `take` has it, or as it should be.
std::string whole(permessage_deflate& codec, std::string_view payload, const rooms& room,
                  std::size_t piece = 1'000'000) {
    const auto all = take(codec, payload, room, piece);
    return all.reached == outcome::done ? all.text : "not done";
}

enum class kind { frames, noise, one_letter, three_letters };

std::string content(kind of, std::size_t size, std::mt19937& random) {
    if (of == kind::one_letter) return std::string(size, 'a');
    std::string text;
    while (text.size() < size) {
        if (of == kind::noise)
            text += static_cast<char>(random() & 0xffu);
        else if (of == kind::three_letters)
            text += static_cast<char>('a' + random() % 3);
        else
            text += R"({"type":"text","id":)" + std::to_string(random() % 1'000) + "},";
    }
    text.resize(size);
    return text;
}

deflate_parameters window_of(int bits) { return {bits, bits, false, false}; }

} // namespace

TEST_CASE("permessage_deflate: inflates the examples of RFC 7692 section 7.2.3",
          "[unit][permessage_deflate]") {
    const std::string hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"s;
    const std::string payload = GENERATE_COPY(
        as<std::string>(), hello, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s, // stored
        "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s,                                       // final
        "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s);                  // two blocks
    const std::size_t piece = GENERATE(1u, 2u, 100u);
    permessage_deflate codec({});
    CHECK(whole(codec, payload, up_to(5), piece) == "Hello");
    CHECK(whole(codec, payload, always(1), piece) == "Hello");
    CHECK(whole(codec, hello, up_to(5), piece) == "Hello");
    if (payload == hello) CHECK(whole(codec, "\xf2\x00\x11\x00\x00"s, up_to(5), piece) == "Hello");
}

TEST_CASE("permessage_deflate: inflates an empty message", "[unit][permessage_deflate]") {
    permessage_deflate codec({});
    std::string payload = "before";
    codec.deflate("", payload);
    CHECK(payload == "before\0"s);
    codec.deflate("x", payload);
    payload.clear();
    codec.deflate("", payload);
    CHECK(payload == "\0"s);
    for (const auto& empty : {"\0"s, "\x02\0"s, ""s, "\x03\0"s, "\x03\0\0"s})
        CHECK(whole(codec, empty, up_to(0)).empty());
    CHECK(whole(codec, "\xf2\x48\xcd\xc9\xc9\x07\x00"s, up_to(5)) == "Hello");
}

// Beast takes some of these for malformed: doc/pitfalls.md P36.
TEST_CASE("permessage_deflate: inflates messages of any size into a buffer that just fits",
          "[unit][permessage_deflate]") {
    const auto of = GENERATE(kind::frames, kind::noise, kind::one_letter);
    std::mt19937 random(1);
    server_half server;
    permessage_deflate exact({});
    permessage_deflate one_more({});
    permessage_deflate drop_by_drop({});
    for (std::size_t size = 0; size < 5'000; size += size < 600 ? 1 : 7) {
        CAPTURE(static_cast<int>(of), size);
        const auto text = content(of, size, random);
        const auto payload = server.message(text);
        const std::size_t piece = size % 3 == 0 ? 1 : size % 3 == 1 ? 7 : 1'000;
        const auto all = take(exact, payload, up_to(size), piece);
        REQUIRE((all.reached == outcome::done && all.text == text));
        REQUIRE(all.out_of_room == 0);
        REQUIRE(take(one_more, payload, up_to(size + 1)).text == text);
        REQUIRE(whole(drop_by_drop, payload, always(1 + size % 7), piece) == text);
    }
}

// Beast's zlib would, by what it has ahead: short codes, a full buffer, and then much room.
TEST_CASE("permessage_deflate: output before the piece is never read",
          "[unit][permessage_deflate]") {
    std::mt19937 random(GENERATE(1u, 2u, 3u));
    server_half server(zlib::Strategy::huffman);
    permessage_deflate codec({});
    for (int count = 0; count < 100; ++count) {
        const auto text = content(kind::three_letters, random() % 3'000, random);
        const auto size_of_room = [&](std::size_t) {
            return random() % 3 == 0 ? 1'000 : 1 + random() % 40;
        };
        REQUIRE(whole(codec, server.message(text), size_of_room, 6 + random() % 4) == text);
    }
}

TEST_CASE("permessage_deflate: accepts final blocks at any position",
          "[unit][permessage_deflate]") {
    std::mt19937 random(5);
    server_half server;
    permessage_deflate codec({});
    for (std::size_t size = 0; size < 600; ++size) {
        CAPTURE(size);
        const auto text = content(size % 4 == 0 ? kind::noise : kind::frames, size, random);
        const std::size_t piece = 1 + size % 9;
        const auto room = size % 2 == 0 ? up_to(size) : always(1 + size % 300);
        REQUIRE(whole(codec, server.finished(text) + "\0"s, room, piece) == text);
        REQUIRE(whole(codec, server.finished(text), room, piece) == text);
        const auto half = std::string_view(text).substr(0, size / 2);
        const auto rest = std::string_view(text).substr(size / 2);
        const auto first = server.finished(half);
        REQUIRE(whole(codec, first + server.message(rest), room, piece) == text);
        server.forget(); // as the final block would have made it
    }
}

TEST_CASE("permessage_deflate: deflated data inflates to the same, for each window",
          "[unit][permessage_deflate]") {
    const int window = GENERATE(9, 10, 11, 12, 13, 14, 15);
    const bool forgets = GENERATE(false, true);
    std::mt19937 random(2);
    permessage_deflate client({window, window, forgets, forgets});
    for (std::size_t size = 0; size < 60'000; size = size * 3 / 2 + 1) {
        const auto text = content(size % 2 == 0 ? kind::frames : kind::noise, size, random);
        std::string payload;
        client.deflate(text, payload);
        CHECK(payload.size() <= size + size / 16 + 16);
        CHECK(whole(client, payload, up_to(size)) == text);
    }
}

TEST_CASE("permessage_deflate: the context is kept or dropped, as negotiated",
          "[unit][permessage_deflate]") {
    const bool forgets = GENERATE(false, true);
    std::mt19937 random(3);
    const auto text = content(kind::noise, 2'000, random);
    permessage_deflate codec({15, 15, forgets, forgets});
    std::string first;
    std::string second;
    codec.deflate(text, first);
    codec.deflate(text, second);
    CHECK((second == first) == forgets);
    CHECK(second.size() < (forgets ? 2'100u : 100u));

    server_half server;
    const auto own = server.message(text);
    const auto by_reference = server.message(text);
    CHECK(whole(codec, own, up_to(text.size())) == text);
    CHECK((whole(codec, by_reference, up_to(text.size())) == text) == !forgets);
}

TEST_CASE("permessage_deflate: a reference beyond the window is malformed",
          "[unit][permessage_deflate]") {
    std::mt19937 random(4);
    const auto noise = content(kind::noise, 4'000, random);
    server_half server;
    permessage_deflate codec(window_of(9));
    CHECK(whole(codec, server.message(noise), always(4'000)) == noise);
    CHECK(take(codec, server.message(noise.substr(0, 100)), always(4'000)).reached ==
          outcome::malformed);
}

TEST_CASE("permessage_deflate: a message that ends within a block is malformed, permanently",
          "[unit][permessage_deflate]") {
    std::mt19937 random(6);
    const auto payload = server_half().message(content(kind::frames, 500, random));
    for (std::size_t size = 1; size + 1 < payload.size(); ++size) {
        permessage_deflate codec({});
        REQUIRE(take(codec, payload.substr(0, size), always(100)).reached == outcome::malformed);
        REQUIRE(take(codec, "\0"s, always(100)).reached == outcome::malformed);
    }
    for (const auto& cut :
         {"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff"s, // the tail was sent too
          "\xf3\x48"s}) { // a final block, which the tail would end
        permessage_deflate codec({});
        CHECK(take(codec, cut, always(100)).reached == outcome::malformed);
    }
}

TEST_CASE("permessage_deflate: damaged messages terminate", "[unit][permessage_deflate]") {
    std::mt19937 random(7);
    int malformed = 0;
    for (int count = 0; count < 3'000; ++count) {
        server_half server;
        permessage_deflate codec(window_of(9 + static_cast<int>(random() % 7)));
        auto payload = server.message(content(kind::frames, random() % 600, random));
        if (count % 3 == 0) payload = content(kind::noise, random() % 100, random);
        if (!payload.empty())
            payload[random() % payload.size()] ^= static_cast<char>(1u << random() % 8);
        const std::size_t piece = 1 + random() % 50;
        const auto all = take(codec, payload, always(1 + random() % 500), piece);
        malformed += all.reached == outcome::malformed ? 1 : 0;
    }
    CHECK(malformed > 1'000);
}

} // namespace permessage_deflate_test
