// The text form of conversations that a model was trained on.

#ifndef OCTET_RUNTIME_TEXT_CHAT_TEMPLATE_H_
#define OCTET_RUNTIME_TEXT_CHAT_TEMPLATE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/io/file.h"
#include "runtime/text/jinja/template.h"
#include "runtime/text/rendered_text.h"
#include "runtime/text/tokenizer.h"

namespace octet {

struct ChatMessage {
  std::string role;                   // "system", "user", "assistant", "tool", or another one
  std::vector<std::string> parts;     // of the content; most messages have one
  nlohmann::ordered_json tool_calls;  // a list, with arguments as values; null if none
  std::optional<std::string> reasoning;
  std::optional<std::string> tool_call_id;
  std::optional<std::string> name;
};

struct Conversation {
  std::vector<ChatMessage> messages;
  nlohmann::ordered_json tools;      // a list; null if none
  nlohmann::ordered_json documents;  // a list; null if none
  nlohmann::ordered_json arguments;  // an object with the template's other variables; null if none
  bool add_generation_prompt = true;
  bool continue_final_message = false;  // the last message is the beginning of the answer
};

// The chat templates of a model: a default one, and sometimes another one for requests with tools.
// They act like transformers' apply_chat_template on the messages that vLLM makes of a request.
// Immutable; safe on many threads.
class ChatTemplates {
 public:
  // Loads the templates of a directory: chat_template.jinja and
  // additional_chat_templates/NAME.jinja, else "chat_template" of tokenizer_config.json, else of
  // chat_template.json. If there is only a tokenizer.model, uses Mistral's v1 or v3 form, by its
  // vocabulary. A model may have no template, or an unusable one: that is an error of each Render,
  // not of Load. Errors of Load name a file that cannot be read in its format.
  static absl::StatusOr<ChatTemplates> Load(FileSystem& files, const std::string& directory,
                                            const Tokenizer& tokenizer);

  // Makes these templates, each under its name; "default" is the one for most conversations. If
  // there are none, uses Mistral's v1 or v3 form, by the vocabulary. `where` begins the errors of
  // Render.
  static ChatTemplates FromNamed(const std::map<std::string, std::string>& sources,
                                 const std::string& where, const Tokenizer& tokenizer);

  // Makes this template alone. `where` names it in errors, such as the path of its file.
  static absl::StatusOr<ChatTemplates> FromSource(const std::string& source,
                                                  const std::string& where,
                                                  const Tokenizer& tokenizer);

  // Renders the conversation as text. `now` is the time that the template sees, in seconds since
  // 1970. Errors are for the user: that there is no template, what it cannot do, or the template's
  // own message.
  absl::StatusOr<RenderedText> Render(const Conversation& conversation, int64_t now) const;

  // Returns OK if conversations without tools can be rendered, else the reason.
  absl::Status CheckDefault() const;

  // Returns whether there is a template for conversations with tools, and it shows them.
  bool TakesTools() const;

  // A note for the user if chat is used; empty if there is none.
  const std::string& note() const { return note_; }

  // Returns whether the default template asks for the time.
  bool AsksForTime() const;

 private:
  explicit ChatTemplates(const Tokenizer& tokenizer);

  void Add(const std::string& name, const std::string& source, const std::string& where);
  absl::Status AddFromJson(const nlohmann::json& value, const std::string& where);
  absl::Status AddFromFiles(FileSystem& files, const std::string& directory);
  absl::Status AddFromConfig(FileSystem& files, const std::string& path);
  void AddMistralForm(const Tokenizer& tokenizer);
  absl::StatusOr<const jinja::Template*> Choose(const Conversation& conversation) const;

  std::map<std::string, absl::StatusOr<jinja::Template>> templates_;  // by name
  std::vector<std::pair<std::string, jinja::Value>> specials_;        // bos_token, eos_token, …
  std::string note_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_CHAT_TEMPLATE_H_
