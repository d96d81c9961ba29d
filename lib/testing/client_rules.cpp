#include "testing/client_rules.hpp"

#include <array>

namespace parley::testing {
namespace {

using complaint = std::optional<std::string>;

enum class need { required, optional };

/// Collects the first complaint about an object's members.
class inspector {
public:
    inspector(const json_text& object, std::string about)
        : object_(object), about_(std::move(about)) {}

    inspector& string(std::string_view key, need how = need::required) {
        const std::string pointer = "/" + std::string(key);
        return check(key, how, object_.string_at(pointer).has_value(), "string");
    }
    inspector& integer(std::string_view key, need how = need::required) {
        const std::string pointer = "/" + std::string(key);
        return check(key, how, object_.int_at(pointer).has_value(), "integer");
    }
    inspector& array(std::string_view key, need how = need::required) {
        const auto value = member(key);
        return check(key, how, value && value->is_array(), "array");
    }
    inspector& object(std::string_view key, need how = need::required) {
        const auto value = member(key);
        return check(key, how, value && value->is_object(), "object");
    }
    /// Of one kind, or `null`, or absent.
    inspector& nullable(std::string_view key, bool (json_text::*kind)() const noexcept) {
        const auto value = member(key);
        return check(key, need::optional, value && (value->is_null() || (*value.*kind)()),
                     "of its type, nor null");
    }
    inspector& require(bool holds, std::string_view otherwise) {
        if (!holds && !found_) {
            found_ = about_ + " " + std::string(otherwise);
        }
        return *this;
    }
    std::optional<json_text> member(std::string_view key) const {
        return object_.text_at("/" + std::string(key));
    }
    complaint result() const { return found_; }

private:
    inspector& check(std::string_view key, need how, bool good, std::string_view kind) {
        const bool absent = !member(key).has_value();
        if (absent && how == need::optional) {
            return *this;
        }
        return require(good, "has a field '" + std::string(key) + "' that is " +
                                 (absent ? "missing" : "no " + std::string(kind)));
    }

    const json_text& object_;
    std::string about_;
    complaint found_;
};

void inspect_schemas(inspector& in) {
    in.array("toolSchemas").array("generativeComponents", need::optional);
    const auto schemas = in.member("toolSchemas");
    for (std::size_t i = 0; schemas; ++i) {
        const auto schema = schemas->text_at("/" + std::to_string(i));
        if (!schema) {
            return;
        }
        inspector one(*schema, "toolSchemas[" + std::to_string(i) + "]");
        one.string("name").string("description").array("parameters");
        if (const complaint wrong = one.result()) {
            in.require(false, "has " + *wrong);
        }
    }
}

void inspect_media(inspector& in) {
    in.array("media");
    const auto media = in.member("media");
    for (std::size_t i = 0; media; ++i) {
        const std::string pointer = "/" + std::to_string(i);
        if (!media->text_at(pointer)) {
            return;
        }
        in.require(media->string_at(pointer).has_value(), "has media that are no strings");
    }
}

void inspect_tool_response(inspector& in) {
    in.string("callId");
    const bool result = in.member("result").has_value();
    const bool error = in.member("error").has_value();
    in.require(!result || !error, "has both 'result' and 'error'");
    in.string("error", need::optional);
}

} // namespace

std::optional<std::string> wrong_with_frame(std::string_view type, const json_text& frame) {
    inspector in(frame, std::string(type));
    if (type == "chat_message") {
        in.string("content").string("providerResId", need::optional);
        in.object("mcpHeaders", need::optional);
        inspect_media(in);
    } else if (type == "configure_tools") {
        inspect_schemas(in);
        in.object("contextHelpers");
    } else if (type == "update_tools") {
        inspect_schemas(in);
    } else if (type == "update_context_helpers") {
        in.object("contextHelpers");
    } else if (type == "tool_call_response") {
        inspect_tool_response(in);
    } else if (type == "heartbeat_ping") {
        in.string("timestamp").integer("pingTime");
    } else if (type == "heartbeat_pong") {
        in.string("timestamp").string("originalTimestamp");
    } else if (type == "stop_run") {
        in.string("conversationUuid");
    } else {
        in.require(false, "is a type that no client sends");
    }
    return in.result();
}

std::optional<std::string> wrong_with_ticket_request(const received_request& request,
                                                     const json_text& body) {
    inspector in(body, "the ticket request");
    constexpr std::array optional_texts{"entityId", "entityType", "providerResId", "userId"};
    for (const char* key : optional_texts) {
        in.string(key, need::optional); // absent fields are left out, never null
    }
    in.object("clientInfo");
    const auto agent = body.string_at("/clientInfo/userAgent");
    in.require(agent.has_value(), "has no clientInfo.userAgent");
    in.require(body.string_at("/clientInfo/timestamp").has_value(), "has no clientInfo.timestamp");
    in.require(!agent || request.header("user-agent") == *agent,
               "has a User-Agent other than its clientInfo.userAgent");
    return in.result();
}

std::optional<std::string> wrong_with_validation(const json_text& body) {
    inspector in(body, "the validation");
    in.string("ticket").string("entityId", need::optional).string("entityType", need::optional);
    return in.result();
}

std::optional<std::string> wrong_with_thread_update(const json_text& body) {
    inspector in(body, "the thread update");
    constexpr std::array texts{"entityId", "entityType", "title", "tag"};
    for (const char* key : texts) {
        in.nullable(key, &json_text::is_string);
    }
    return in.result();
}

} // namespace parley::testing
