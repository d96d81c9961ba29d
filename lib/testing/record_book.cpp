#include "testing/record_book.hpp"

#include "testing/text.hpp"

namespace parley::testing {

std::string_view received_request::header(std::string_view name) const noexcept {
    for (const auto& [key, value] : headers) {
        if (same_ignoring_case(key, name)) {
            return value;
        }
    }
    return {};
}

record_book::record_book(std::size_t max_kept) : max_kept_(max_kept) {}

void record_book::count(std::size_t counters::* which) {
    const std::lock_guard lock(mutex_);
    ++(counters_.*which);
    changed_.notify_all();
}

void record_book::discount(std::size_t counters::* which) {
    const std::lock_guard lock(mutex_);
    --(counters_.*which);
    changed_.notify_all();
}

void record_book::add(received_frame frame) {
    const std::lock_guard lock(mutex_);
    ++counters_.frames_received;
    keep(frames_, std::move(frame));
    changed_.notify_all();
}

void record_book::add(received_request request) {
    const std::lock_guard lock(mutex_);
    keep(requests_, std::move(request));
    changed_.notify_all();
}

void record_book::violation(std::string what) {
    const std::lock_guard lock(mutex_);
    ++counters_.protocol_errors;
    keep(violations_, std::move(what));
    changed_.notify_all();
}

void record_book::internal_error(std::string what) {
    const std::lock_guard lock(mutex_);
    ++counters_.internal_errors;
    keep(internal_errors_, std::move(what));
    changed_.notify_all();
}

counters record_book::seen() const {
    const std::lock_guard lock(mutex_);
    return counters_;
}

std::vector<received_frame> record_book::frames() const {
    const std::lock_guard lock(mutex_);
    return {frames_.begin(), frames_.end()};
}

std::vector<received_frame> record_book::frames(std::string_view type) const {
    const std::lock_guard lock(mutex_);
    std::vector<received_frame> result;
    for (const received_frame& frame : frames_) {
        if (frame.type == type) {
            result.push_back(frame);
        }
    }
    return result;
}

std::vector<received_request> record_book::requests() const {
    const std::lock_guard lock(mutex_);
    return {requests_.begin(), requests_.end()};
}

std::vector<std::string> record_book::violations() const {
    const std::lock_guard lock(mutex_);
    return {violations_.begin(), violations_.end()};
}

std::vector<std::string> record_book::internal_errors() const {
    const std::lock_guard lock(mutex_);
    return {internal_errors_.begin(), internal_errors_.end()};
}

bool record_book::wait_until(const std::function<bool(const counters&)>& predicate,
                             std::chrono::milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    const auto holds = [&] { return predicate(counters_); };
    return changed_.wait_for(lock, timeout, holds);
}

} // namespace parley::testing
