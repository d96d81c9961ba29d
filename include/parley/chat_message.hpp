#pragma once

#include <parley/error.hpp>
#include <parley/export.hpp>
#include <parley/json_text.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley {

/// A message to the server: text with media, headers and a conversation.
class PARLEY_EXPORT chat_message {
public:
    /// MCP server -> name of a header -> its value.
    using header_map = std::map<std::string, std::map<std::string, std::string>>;

    /// A message of this text, which must be UTF-8: sending throws `invalid_utf8` otherwise.
    explicit chat_message(std::string content) : content_(std::move(content)) {}

    /// Media that accompany the text, each as the server understands it, such as a URL. Default:
    /// none.
    chat_message& media(std::vector<std::string> value) {
        media_ = std::move(value);
        return *this;
    }
    /// The conversation that the message belongs to. Default: the last one that the server named,
    /// in `thread_created`, `messages_persisted` or `chat_finished`, so that it continues.
    chat_message& provider_res_id(std::string value) {
        provider_res_id_ = std::move(value);
        begins_conversation_ = false;
        return *this;
    }
    /// The message belongs to no conversation yet: the server begins one, which the next messages
    /// continue. The client forgets the old conversation.
    chat_message& new_conversation() {
        provider_res_id_.reset();
        begins_conversation_ = true;
        return *this;
    }
    /// The headers of each MCP server.
    chat_message& mcp_headers(header_map value) {
        mcp_headers_ = std::move(value);
        return *this;
    }

    /// The text.
    const std::string& content() const noexcept { return content_; }
    /// The media.
    const std::vector<std::string>& media() const noexcept { return media_; }
    /// The conversation that was set, if one was.
    const std::optional<std::string>& provider_res_id() const noexcept { return provider_res_id_; }
    /// Whether new_conversation was called, and no conversation set after it.
    bool begins_conversation() const noexcept { return begins_conversation_; }
    /// The headers that were set.
    const std::optional<header_map>& mcp_headers() const noexcept { return mcp_headers_; }

private:
    std::string content_;
    std::vector<std::string> media_;
    std::optional<std::string> provider_res_id_;
    bool begins_conversation_ = false;
    std::optional<header_map> mcp_headers_;
};

/// The answer that `ask` collects.
class PARLEY_EXPORT answer {
public:
    /// One of the program's tools that was used for the answer.
    class tool_use {
    public:
        tool_use() = default;
        std::string name;                ///< of the tool
        std::string call_id;             ///< as the server spelled it
        std::optional<json_text> result; ///< of the tool; nullopt when it failed
        std::string error;               ///< that the server got when it failed; else empty
    };

    answer() = default;

    std::string text;                           ///< the whole text
    std::string reasoning;                      ///< of the model, if the server sends it
    std::optional<std::string> conversation_id; ///< of `chat_finished`
    std::optional<std::string> provider_res_id; ///< of `thread_created` or `messages_persisted`
    std::optional<std::string> thread_id;       ///< likewise
    bool persisted = false;                     ///< reported by the server before the answer ended
    std::vector<tool_use> tools;                ///< in the order in which they ended
    std::size_t events = 0;                     ///< number of events of the run
};

/// An `ask` that failed with a partial answer: `chat_failed` or `answer_too_large`.
class PARLEY_EXPORT answer_error : public client_error {
public:
    /// The error and the partial answer.
    answer_error(error_info why, answer part)
        : client_error(std::move(why)), partial_(std::make_shared<const answer>(std::move(part))) {}
    ~answer_error() override;

    /// The partial answer, at most limits_config::answer_bytes of it.
    const answer& partial() const noexcept { return *partial_; }

private:
    std::shared_ptr<const answer> partial_; // an exception is copied
};

/// A change of a conversation (doc/protocol.md 1.6). What is not set is left unchanged; an
/// explicit `null` clears.
class PARLEY_EXPORT metadata_patch {
public:
    metadata_patch() = default;

    /// The title; nullopt clears it.
    metadata_patch& title(std::optional<std::string> value) {
        title_ = std::move(value);
        return *this;
    }
    /// The tag; nullopt clears it.
    metadata_patch& tag(std::optional<std::string> value) {
        tag_ = std::move(value);
        return *this;
    }
    /// The application's own data, any JSON; `null` clears it.
    metadata_patch& metadata(json_text value) {
        metadata_ = std::move(value);
        return *this;
    }

    /// Nullopt: unchanged; an inner nullopt: cleared.
    const std::optional<std::optional<std::string>>& title() const noexcept { return title_; }
    /// Nullopt: unchanged; an inner nullopt: cleared.
    const std::optional<std::optional<std::string>>& tag() const noexcept { return tag_; }
    /// Nullopt: unchanged.
    const std::optional<json_text>& metadata() const noexcept { return metadata_; }

private:
    std::optional<std::optional<std::string>> title_;
    std::optional<std::optional<std::string>> tag_;
    std::optional<json_text> metadata_;
};

} // namespace parley
