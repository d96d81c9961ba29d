#pragma once

#include <parley/error.hpp>
#include <parley/json_text.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley {

/// A message to the server, with what may accompany its text.
class chat_message {
public:
    using header_map = std::map<std::string, std::map<std::string, std::string>>;

    explicit chat_message(std::string content) : content_(std::move(content)) {}

    chat_message& media(std::vector<std::string> value) {
        media_ = std::move(value);
        return *this;
    }
    /// The conversation that the message belongs to. Default: the one that the server named last
    /// (`thread_created`, `messages_persisted` or `chat_finished`), so that a conversation goes on.
    chat_message& provider_res_id(std::string value) {
        provider_res_id_ = std::move(value);
        begins_conversation_ = false;
        return *this;
    }
    /// The message belongs to no conversation yet: the server begins one, with which the next
    /// messages go on. The client forgets the conversation that it had.
    chat_message& new_conversation() {
        provider_res_id_.reset();
        begins_conversation_ = true;
        return *this;
    }
    /// For each MCP server its headers.
    chat_message& mcp_headers(header_map value) {
        mcp_headers_ = std::move(value);
        return *this;
    }

    const std::string& content() const noexcept { return content_; }
    const std::vector<std::string>& media() const noexcept { return media_; }
    const std::optional<std::string>& provider_res_id() const noexcept { return provider_res_id_; }
    bool begins_conversation() const noexcept { return begins_conversation_; }
    const std::optional<header_map>& mcp_headers() const noexcept { return mcp_headers_; }

private:
    std::string content_;
    std::vector<std::string> media_;
    std::optional<std::string> provider_res_id_;
    bool begins_conversation_ = false;
    std::optional<header_map> mcp_headers_;
};

/// What `ask` collects.
class answer {
public:
    class tool_use {
    public:
        tool_use() = default;
        std::string name;
        std::string call_id;
        std::optional<json_text> result;
        std::string error;
    };

    answer() = default;

    std::string text;
    std::string reasoning;
    std::optional<std::string> conversation_id; ///< of `chat_finished`
    std::optional<std::string> provider_res_id; ///< of `thread_created` or `messages_persisted`
    std::optional<std::string> thread_id;       ///< likewise
    bool persisted = false;                     ///< the server said so before the answer was given
    std::vector<tool_use> tools;
    std::size_t events = 0; ///< of the run, as many as came
};

/// An `ask` that failed when a part of its answer had come: `chat_failed` or `answer_too_large`.
class answer_error : public client_error {
public:
    answer_error(error_info why, answer part)
        : client_error(std::move(why)), partial_(std::make_shared<const answer>(std::move(part))) {}
    ~answer_error() override;

    /// What had come, at most limits_config::answer_bytes of it.
    const answer& partial() const noexcept { return *partial_; }

private:
    std::shared_ptr<const answer> partial_; // an exception is copied
};

/// A change of a conversation (doc/protocol.md 1.6). What is not set is left unchanged; an
/// explicit `null` clears.
class metadata_patch {
public:
    metadata_patch() = default;

    metadata_patch& title(std::optional<std::string> value) {
        title_ = std::move(value);
        return *this;
    }
    metadata_patch& tag(std::optional<std::string> value) {
        tag_ = std::move(value);
        return *this;
    }
    metadata_patch& metadata(json_text value) {
        metadata_ = std::move(value);
        return *this;
    }

    const std::optional<std::optional<std::string>>& title() const noexcept { return title_; }
    const std::optional<std::optional<std::string>>& tag() const noexcept { return tag_; }
    const std::optional<json_text>& metadata() const noexcept { return metadata_; }

private:
    std::optional<std::optional<std::string>> title_;
    std::optional<std::optional<std::string>> tag_;
    std::optional<json_text> metadata_;
};

} // namespace parley
