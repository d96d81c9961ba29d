#pragma once

#include <parley/log.hpp>

#include "support/secret_watch.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley::test {

/// Keeps what is logged. Copies share the lines; any thread.
class log_capture {
public:
    log_sink sink() const {
        return [kept = kept_](log_level level, std::string_view line) {
            watch_text("The log", line);
            const std::lock_guard lock(kept->mutex);
            kept->lines.emplace_back(level, std::string(line));
        };
    }

    std::vector<std::pair<log_level, std::string>> lines() const {
        const std::lock_guard lock(kept_->mutex);
        return kept_->lines;
    }

    /// Lines of that level which contain the text.
    std::size_t count(log_level level, std::string_view text) const {
        std::size_t found = 0;
        for (const auto& [of, line] : lines())
            if (of == level && line.find(text) != std::string::npos) ++found;
        return found;
    }

    /// The whole log as one text, to look for what must not be in it.
    std::string text() const {
        std::string all;
        for (const auto& [level, line] : lines())
            all += std::string(to_string(level)) + ' ' + line + '\n';
        return all;
    }

private:
    struct kept {
        std::mutex mutex;
        std::vector<std::pair<log_level, std::string>> lines;
    };
    std::shared_ptr<kept> kept_ = std::make_shared<kept>();
};

} // namespace parley::test
