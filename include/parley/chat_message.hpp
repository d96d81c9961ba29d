#pragma once

#include <parley/json_text.hpp>

#include <map>
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
    chat_message& provider_res_id(std::string value) {
        provider_res_id_ = std::move(value);
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
    const std::optional<header_map>& mcp_headers() const noexcept { return mcp_headers_; }

private:
    std::string content_;
    std::vector<std::string> media_;
    std::optional<std::string> provider_res_id_;
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
    std::optional<std::string> conversation_id;
    std::vector<tool_use> tools;
};

/// A change of a conversation (PROTOCOL.md 1, PATCH). What is not set is left unchanged; an
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
