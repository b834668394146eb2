// Conversations as a model was taught to read them.

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
  std::vector<std::string> parts;     // of the content; most have one
  nlohmann::ordered_json tool_calls;  // a list, with arguments as values; null: none
  std::optional<std::string> reasoning;
  std::optional<std::string> tool_call_id;
  std::optional<std::string> name;
};

struct Conversation {
  std::vector<ChatMessage> messages;
  nlohmann::ordered_json tools;      // a list; null: none
  nlohmann::ordered_json documents;  // a list; null: none
  nlohmann::ordered_json arguments;  // an object of what else the template is given; null: nothing
  bool add_generation_prompt = true;
  bool continue_final_message = false;  // the last message is the beginning of the answer
};

// The chat templates of a model: by default one, at times another one for requests with tools. Acts
// as transformers' apply_chat_template does on what vLLM makes of a request's messages. Immutable;
// safe on many threads.
class ChatTemplates {
 public:
  // Those that the directory brings: chat_template.jinja and additional_chat_templates/NAME.jinja,
  // else "chat_template" of tokenizer_config.json, else of chat_template.json. Where there is a
  // tokenizer.model alone, Mistral's v1 or v3 form, whichever its vocabulary is made for. A model
  // may have none, or one that can't be used: that is an error of each Render, not of Load. Errors
  // of Load name a file that can't be read as what it is.
  static absl::StatusOr<ChatTemplates> Load(FileSystem& files, const std::string& directory,
                                            const Tokenizer& tokenizer);

  // This template alone. `where` names it in errors, such as the path of its file.
  static absl::StatusOr<ChatTemplates> FromSource(const std::string& source,
                                                  const std::string& where,
                                                  const Tokenizer& tokenizer);

  // The conversation as text. `now` is what the template takes for the time, in seconds since 1970.
  // Errors are for a person: that there is no template, what it can't do, what it says itself.
  absl::StatusOr<RenderedText> Render(const Conversation& conversation, int64_t now) const;

  // OK where conversations without tools can be rendered, else why not.
  absl::Status CheckDefault() const;

  // A template for conversations with tools is there, and shows them.
  bool TakesTools() const;

  // What a person should know once chat is used; empty: nothing.
  const std::string& note() const { return note_; }

  // The default template asks for the time.
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
