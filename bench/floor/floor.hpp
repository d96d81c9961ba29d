#pragma once

#include "common/measure.hpp"
#include "common/task.hpp"

#include <simdjson.h>

#include <cstdint>
#include <string_view>

namespace bench {

/// What a hand-written client does with a message: simdjson on-demand, dispatch on the type, and
/// the text counted.
class floor_reader {
public:
    /// `capacity`: how much of the memory behind `data` may be read.
    void take(const char* data, std::size_t size, std::size_t capacity);

    std::uint64_t texts() const noexcept { return texts_; }
    std::uint64_t text_bytes() const noexcept { return text_bytes_; }
    std::uint64_t others() const noexcept { return others_; }

private:
    void take_event(simdjson::ondemand::object& message);

    simdjson::ondemand::parser parser_;
    std::uint64_t texts_ = 0;
    std::uint64_t text_bytes_ = 0;
    std::uint64_t others_ = 0;
};

void run_websocket(const task& asked, outcome& said); ///< raw Beast
void run_http(const task& asked, outcome& said);      ///< raw Beast: the bare ticket exchange
void run_decode(const task& asked, outcome& said);    ///< simdjson alone

} // namespace bench
