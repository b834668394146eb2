#include "runtime/text/chat_template.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja/case.h"
#include "runtime/text/mistral_forms.h"

namespace octet {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using Origin = jinja::Value::Origin;
using Items = std::vector<std::pair<std::string, jinja::Value>>;

constexpr char kDefault[] = "default";
constexpr char kToolUse[] = "tool_use";
constexpr char kTemplateKey[] = "chat_template";
constexpr char kTokenizerConfig[] = "tokenizer_config.json";
constexpr char kFolder[] = "additional_chat_templates";
constexpr char kSuffix[] = ".jinja";

jinja::Value TextPart(const std::string& text) {
  return jinja::Value::Dict({{"type", jinja::Value::String("text", Origin::kTemplate)},
                             {"text", jinja::Value::String(text, Origin::kOutside)}});
}

// Returns the content of a message. That of a tool is always a text, whatever the template takes.
jinja::Value Content(const ChatMessage& message, bool as_parts) {
  if (!as_parts || message.role == "tool") {
    return jinja::Value::String(absl::StrJoin(message.parts, "\n"), Origin::kOutside);
  }
  std::vector<jinja::Value> parts;
  for (const std::string& part : message.parts) parts.push_back(TextPart(part));
  return jinja::Value::List(std::move(parts));
}

// Returns whether the role is one of the template's words. Others may be part of a token's
// spelling: `<|` + role + `|>`.
bool IsKnownRole(const std::string& role) {
  constexpr std::array kRoles = {"system", "user", "assistant", "tool"};
  return std::find(kRoles.begin(), kRoles.end(), role) != kRoles.end();
}

// Returns the message's fields in vLLM's order (chat_utils.py), which a template may show.
jinja::Value ValueOf(const ChatMessage& message, bool as_parts) {
  const Origin role = IsKnownRole(message.role) ? Origin::kTemplate : Origin::kOutside;
  Items items = {{"role", jinja::Value::String(message.role, role)},
                 {"content", Content(message, as_parts)}};
  const auto add = [&](const char* key, const std::optional<std::string>& text) {
    if (text) items.emplace_back(key, jinja::Value::String(*text, Origin::kOutside));
  };
  if (!message.tool_calls.is_null()) {
    items.emplace_back("tool_calls", jinja::Value::FromJson(message.tool_calls, Origin::kOutside));
  }
  add("reasoning", message.reasoning);
  add("reasoning_content", message.reasoning);
  add("tool_call_id", message.tool_call_id);
  add("name", message.name);
  return jinja::Value::Dict(items);
}

// Cuts `text` to `size` bytes.
void Cut(RenderedText& text, size_t size) {
  text.text.resize(size);
  while (!text.from_outside.empty() && text.from_outside.back().begin >= size) {
    text.from_outside.pop_back();
  }
  if (!text.from_outside.empty()) {
    text.from_outside.back().end = std::min(text.from_outside.back().end, size);
  }
}

std::string StrippedText(const std::string& text, jinja::Sides sides) {
  return Stripped(jinja::Text(text), std::nullopt, sides).bytes();
}

// Ends the text where the last message ends, as transformers does (utils/chat_template_utils.py).
absl::Status EndWithFinalMessage(const ChatMessage& message, bool as_parts, RenderedText& text) {
  const std::string content = as_parts && !message.parts.empty()
                                  ? message.parts.back()
                                  : absl::StrJoin(message.parts, "\n");
  const std::string stripped = StrippedText(content, jinja::Sides::kBoth);
  const size_t begin = text.text.rfind(stripped);
  if (begin == std::string::npos) {
    return absl::InvalidArgumentError(
        "continue_final_message can't be served: the chat template changes the last message");
  }
  const std::string with_end = StrippedText(content, jinja::Sides::kLeft);
  const bool keeps_end = text.text.compare(begin, with_end.size(), with_end) == 0;
  Cut(text, begin + (keeps_end ? with_end : stripped).size());
  return absl::OkStatus();
}

bool HasControlPiece(const Tokenizer& tokenizer, std::string_view name) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    if (vocabulary.pieces[id] == name) return vocabulary.types[id] == PieceType::kControl;
  }
  return false;
}

}  // namespace

ChatTemplates::ChatTemplates(const Tokenizer& tokenizer) {
  for (const auto& [role, text] : tokenizer.special_tokens()) {
    specials_.emplace_back(role, jinja::Value::String(text, Origin::kTemplate));
  }
}

void ChatTemplates::Add(const std::string& name, const std::string& source,
                        const std::string& where) {
  absl::StatusOr<jinja::Template> parsed = jinja::Template::Parse(source);
  if (!parsed.ok()) {
    parsed = absl::Status(
        parsed.status().code(),
        absl::StrCat(where, ": the chat template: ", std::string(parsed.status().message())));
  }
  templates_.insert_or_assign(name, std::move(parsed));
}

// Adds a template, or a list of {"name", "template"}.
absl::Status ChatTemplates::AddFromJson(const json& value, const std::string& where) {
  if (value.is_null()) return absl::OkStatus();
  if (value.is_string()) {
    Add(kDefault, value.get<std::string>(), where);
    return absl::OkStatus();
  }
  const auto refuse = [&] {
    return absl::InvalidArgumentError(absl::StrCat(
        where, ": chat_template is neither a text nor a list of objects with name and template"));
  };
  if (!value.is_array()) return refuse();
  for (const json& each : value) {
    const bool valid = each.is_object() && each.contains("name") && each["name"].is_string() &&
                       each.contains("template") && each["template"].is_string();
    if (!valid) return refuse();
    Add(each["name"].get<std::string>(), each["template"].get<std::string>(), where);
  }
  return absl::OkStatus();
}

absl::Status ChatTemplates::AddFromFiles(FileSystem& files, const std::string& directory) {
  const auto add = [&](const std::string& name, const std::string& path) -> absl::Status {
    const absl::StatusOr<std::string> source = files.ReadWhole(path);
    if (source.ok()) Add(name, *source, path);
    return source.status();
  };
  absl::Status status;
  const std::string path = JoinPath(directory, "chat_template.jinja");
  if (files.IsFile(path)) status = add(kDefault, path);
  const std::string folder = JoinPath(directory, kFolder);
  if (!status.ok() || !files.IsDirectory(folder)) return status;
  const absl::StatusOr<std::vector<std::string>> names = files.List(folder);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!absl::EndsWith(name, kSuffix)) continue;
    status.Update(add(name.substr(0, name.size() - (sizeof(kSuffix) - 1)), JoinPath(folder, name)));
  }
  return status;
}

absl::Status ChatTemplates::AddFromConfig(FileSystem& files, const std::string& path) {
  if (!files.IsFile(path)) return absl::OkStatus();
  const absl::StatusOr<std::string> text = files.ReadWhole(path);
  if (!text.ok()) return text.status();
  const absl::StatusOr<json> config = ParseStrictJson(*text, path);
  if (!config.ok()) return config.status();
  return config->is_object() ? AddFromJson(config->value(kTemplateKey, json()), path)
                             : absl::InvalidArgumentError(path + ": is not a JSON object");
}

void ChatTemplates::AddMistralForm(const Tokenizer& tokenizer) {
  const bool is_v3 = HasControlPiece(tokenizer, "[INST]") && HasControlPiece(tokenizer, "[/INST]");
  note_ = absl::StrCat("the model brings no chat template; conversations take the form of Mixtral ",
                       is_v3 ? "8x22B Instruct (v3: [INST] is a control token)"
                             : "8x7B Instruct (v1: [INST] is text)",
                       "; --chat-template FILE gives another one");
  Add(kDefault, is_v3 ? MistralV3Form() : MistralV1Form(), "Mistral");
}

absl::StatusOr<ChatTemplates> ChatTemplates::Load(FileSystem& files, const std::string& directory,
                                                  const Tokenizer& tokenizer) {
  ChatTemplates loaded(tokenizer);
  absl::Status status = loaded.AddFromFiles(files, directory);
  for (const char* name : {kTokenizerConfig, "chat_template.json"}) {
    if (!status.ok() || !loaded.templates_.empty()) continue;
    status = loaded.AddFromConfig(files, JoinPath(directory, name));
  }
  if (!status.ok()) return status;
  const bool is_tokenizer_alone = !files.IsFile(JoinPath(directory, kTokenizerConfig)) &&
                                  files.IsFile(JoinPath(directory, "tokenizer.model"));
  if (loaded.templates_.empty() && is_tokenizer_alone) loaded.AddMistralForm(tokenizer);
  return loaded;
}

ChatTemplates ChatTemplates::FromNamed(const std::map<std::string, std::string>& sources,
                                       const std::string& where, const Tokenizer& tokenizer) {
  ChatTemplates made(tokenizer);
  for (const auto& [name, source] : sources) made.Add(name, source, where);
  if (sources.empty()) made.AddMistralForm(tokenizer);
  return made;
}

absl::StatusOr<ChatTemplates> ChatTemplates::FromSource(const std::string& source,
                                                        const std::string& where,
                                                        const Tokenizer& tokenizer) {
  ChatTemplates made(tokenizer);
  made.Add(kDefault, source, where);
  const absl::Status usable = made.CheckDefault();
  if (!usable.ok()) return usable;
  return made;
}

absl::StatusOr<const jinja::Template*> ChatTemplates::Choose(
    const Conversation& conversation) const {
  auto found = templates_.end();
  if (!conversation.tools.is_null()) found = templates_.find(kToolUse);
  if (found == templates_.end()) found = templates_.find(kDefault);
  if (found == templates_.end()) {
    return absl::FailedPreconditionError(
        "the model has no chat template, as models that were not taught to chat: send prompts to "
        "/v1/completions, or give a template by --chat-template FILE");
  }
  if (!found->second.ok()) return found->second.status();
  return &*found->second;
}

bool ChatTemplates::TakesTools() const {
  const absl::StatusOr<const jinja::Template*> chosen =
      Choose({.tools = nlohmann::ordered_json::array()});
  return !chosen.ok() || (*chosen)->Uses("tools");  // an error of the template comes first
}

absl::Status ChatTemplates::CheckDefault() const { return Choose({}).status(); }

bool ChatTemplates::AsksForTime() const {
  const absl::StatusOr<const jinja::Template*> chosen = Choose({});
  return chosen.ok() && (*chosen)->Uses("strftime_now");
}

absl::StatusOr<RenderedText> ChatTemplates::Render(const Conversation& conversation,
                                                   int64_t now) const {
  const absl::StatusOr<const jinja::Template*> chosen = Choose(conversation);
  if (!chosen.ok()) return chosen.status();
  const bool as_parts = (*chosen)->WalksOverContent();
  std::vector<jinja::Value> messages;
  for (const ChatMessage& message : conversation.messages) {
    messages.push_back(ValueOf(message, as_parts));
  }
  std::map<std::string, jinja::Value> variables = {
      {"messages", jinja::Value::List(std::move(messages))},
      {"tools", jinja::Value::FromJson(conversation.tools, Origin::kOutside)},
      {"documents", jinja::Value::FromJson(conversation.documents, Origin::kOutside)},
      {"add_generation_prompt", jinja::Value::Bool(conversation.add_generation_prompt)}};
  variables.insert(specials_.begin(), specials_.end());
  for (const auto& [name, value] : conversation.arguments.items()) {
    variables[name] = jinja::Value::FromJson(value, Origin::kOutside);
  }
  absl::StatusOr<RenderedText> text = (*chosen)->Render({variables.begin(), variables.end()}, now);
  if (!text.ok() || !conversation.continue_final_message) return text;
  const absl::Status ended = EndWithFinalMessage(conversation.messages.back(), as_parts, *text);
  if (!ended.ok()) return ended;
  return text;
}

}  // namespace octet
