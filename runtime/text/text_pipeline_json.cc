#include "runtime/text/text_pipeline_json.h"

#include <absl/status/status.h>
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/io/strict_json.h"
#include "runtime/io/utf8.h"

namespace octet {
namespace {

using nlohmann::json;

// Bounds on steps: each step reads the text once, and may make it longer.
constexpr size_t kMaxSteps = 16;
constexpr size_t kMaxStepText = 64;  // bytes
constexpr size_t kMaxGrowth = 4;     // U+2581 for a space is 3

absl::Status Invalid(const std::string& message) { return absl::InvalidArgumentError(message); }

absl::Status Refused(const std::string& message) { return absl::UnimplementedError(message); }

absl::StatusOr<std::string> Text(const json& part, const char* key, const std::string& name) {
  const auto found = part.find(key);
  if (found == part.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) {
    return Invalid(absl::StrCat(name, ".", key, " must be a text that is not empty"));
  }
  return found->get<std::string>();
}

// Returns the texts that a regular expression matches, if it is only an alternation of texts.
std::optional<std::vector<std::string>> Alternatives(std::string_view regex) {
  constexpr std::string_view kOperators = "\\^$.|?*+()[]{}";
  std::vector<std::string> texts(1);
  for (size_t i = 0; i < regex.size(); ++i) {
    if (regex[i] == '\\' && i + 1 < regex.size()) {
      const char escaped = regex[++i];
      const bool is_class = (escaped >= '0' && escaped <= '9') ||
                            (escaped >= 'A' && escaped <= 'Z') ||
                            (escaped >= 'a' && escaped <= 'z');
      if (is_class) return std::nullopt;
      texts.back() += escaped;
    } else if (regex[i] == '|') {
      texts.emplace_back();
    } else if (kOperators.find(regex[i]) != kOperators.npos) {
      return std::nullopt;
    } else {
      texts.back() += regex[i];
    }
  }
  for (const std::string& text : texts) {
    if (text.empty()) return std::nullopt;
  }
  return texts;
}

// The matches of a "pattern": one of some texts, perhaps only at the start.
struct Pattern {
  std::vector<std::string> texts;
  bool at_start = false;
};

absl::StatusOr<Pattern> ReadPattern(const json& part, const std::string& name) {
  const auto pattern = part.find("pattern");
  if (pattern == part.end() || !pattern->is_object()) {
    return Invalid(absl::StrCat(name, ".pattern must be a String or a Regex"));
  }
  if (pattern->contains("String")) {
    absl::StatusOr<std::string> text = Text(*pattern, "String", name + ".pattern");
    if (!text.ok()) return text.status();
    return Pattern{.texts = {*std::move(text)}};
  }
  absl::StatusOr<std::string> regex = Text(*pattern, "Regex", name + ".pattern");
  if (!regex.ok()) return regex.status();
  const bool at_start = regex->starts_with("\\A");
  auto texts = Alternatives(std::string_view(*regex).substr(at_start ? 2 : 0));
  if (!texts || (at_start && texts->size() > 1)) {
    return Refused(absl::StrCat(name, ".pattern is the regular expression ", Quoted(*regex),
                                "; only plain texts, and \\A in front of one, can be read"));
  }
  return Pattern{.texts = *std::move(texts), .at_start = at_start};
}

absl::StatusOr<TextPipeline::Replace> ReadReplace(const json& part, const std::string& name) {
  absl::StatusOr<Pattern> pattern = ReadPattern(part, name);
  if (!pattern.ok()) return pattern.status();
  if (pattern->texts.size() > 1) {
    return Refused(absl::StrCat(name, ".pattern is one of several texts; one can be read"));
  }
  const auto content = part.find("content");
  if (content == part.end() || !content->is_string()) {
    return Invalid(absl::StrCat(name, ".content must be a text"));
  }
  TextPipeline::Replace step = {
      .from = pattern->texts[0], .to = content->get<std::string>(), .at_start = pattern->at_start};
  const size_t limit = step.at_start ? kMaxStepText : kMaxGrowth * step.from.size();
  if (step.to.size() > limit) {
    return Refused(absl::StrCat(name, ".content has ", step.to.size(), " bytes; at most ", limit,
                                " can be put for that pattern"));
  }
  return step;
}

using NormalizerSteps = std::vector<TextPipeline::NormalizerStep>;
using PreTokenizerSteps = std::vector<TextPipeline::PreTokenizerStep>;

bool Grows(const TextPipeline::NormalizerStep& step) {
  const auto* replace = std::get_if<TextPipeline::Replace>(&step);
  return replace != nullptr && !replace->at_start && replace->to.size() > replace->from.size();
}

absl::Status ReadNormalizer(const json& part, const std::string& name, NormalizerSteps& steps) {
  if (part.is_null()) return absl::OkStatus();
  const std::string type = TypeOf(part);
  if (steps.size() == kMaxSteps) return Refused(name + " has too many steps");
  if (type == "Prepend") {
    absl::StatusOr<std::string> text = Text(part, "prepend", name);
    if (!text.ok()) return text.status();
    if (text->size() > kMaxStepText) return Refused(name + ".prepend is too long");
    steps.push_back(TextPipeline::Prepend{*std::move(text)});
    return absl::OkStatus();
  }
  if (type == "Replace") {
    absl::StatusOr<TextPipeline::Replace> replace = ReadReplace(part, name);
    if (!replace.ok()) return replace.status();
    if (Grows(*replace) && std::any_of(steps.begin(), steps.end(), Grows)) {
      return Refused(name + " makes a text longer that an earlier step made longer");
    }
    steps.push_back(*std::move(replace));
    return absl::OkStatus();
  }
  if (type != "Sequence" || !part.contains("normalizers") || !part["normalizers"].is_array()) {
    return Refused(absl::StrCat(name, " is ", type,
                                "; only Prepend, Replace and Sequence can be "
                                "read"));
  }
  const json& parts = part["normalizers"];
  for (size_t i = 0; i < parts.size(); ++i) {
    absl::Status status =
        ReadNormalizer(parts[i], absl::StrCat(name, ".normalizers[", i, "]"), steps);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<TextPipeline::Metaspace> ReadMetaspace(const json& part, const std::string& name) {
  using Scheme = TextPipeline::Metaspace::Scheme;
  absl::StatusOr<std::string> replacement = Text(part, "replacement", name);
  if (!replacement.ok()) return replacement.status();
  if (FirstUtf8Char(*replacement).size != replacement->size()) {
    return Invalid(absl::StrCat(name, ".replacement must be one character"));
  }
  TextPipeline::Metaspace step = {.replacement = *std::move(replacement)};
  const json scheme = part.value("prepend_scheme", json("always"));
  if (scheme == "first") {
    step.scheme = Scheme::kFirst;
  } else if (scheme == "never") {
    step.scheme = Scheme::kNever;
  } else if (scheme != "always") {
    return Invalid(absl::StrCat(name, ".prepend_scheme must be always, first or never"));
  }
  if (part.contains("add_prefix_space") && part["add_prefix_space"] == false) {
    step.scheme = Scheme::kNever;
  }
  step.split = !part.contains("split") || part["split"] != false;
  return step;
}

// Returns whether the longest match is always the first. A regular expression takes the first
// alternative that fits. A table of the longest gives the same if no alternative precedes a longer
// one that begins with it.
bool LongestIsFirst(const std::vector<std::string>& texts) {
  SymbolTrie seen;
  for (const std::string& text : texts) {
    if (seen.LongestPrefix(text).size > 0) return false;
    seen.Insert(text, 0);
  }
  return true;
}

absl::StatusOr<TextPipeline::Isolate> ReadSplit(const json& part, const std::string& name) {
  const bool isolated = part.contains("behavior") && part["behavior"] == "Isolated" &&
                        (!part.contains("invert") || part["invert"] == false);
  if (!isolated) return Refused(absl::StrCat(name, " is a Split that does not isolate"));
  const absl::StatusOr<Pattern> pattern = ReadPattern(part, name);
  if (!pattern.ok()) return pattern.status();
  if (pattern->at_start || !LongestIsFirst(pattern->texts)) {
    return Refused(absl::StrCat(name, ".pattern has its texts in an order that can't be read"));
  }
  TextPipeline::Isolate step;
  for (const std::string& text : pattern->texts) step.symbols.Insert(text, 0);
  return step;
}

absl::Status ReadPreTokenizer(const json& part, const std::string& name, PreTokenizerSteps& steps) {
  if (part.is_null()) return absl::OkStatus();
  const std::string type = TypeOf(part);
  if (steps.size() == kMaxSteps) return Refused(name + " has too many steps");
  if (type == "Metaspace") {
    absl::StatusOr<TextPipeline::Metaspace> step = ReadMetaspace(part, name);
    if (!step.ok()) return step.status();
    steps.push_back(*std::move(step));
    return absl::OkStatus();
  }
  if (type == "Split") {
    absl::StatusOr<TextPipeline::Isolate> step = ReadSplit(part, name);
    if (!step.ok()) return step.status();
    steps.push_back(*std::move(step));
    return absl::OkStatus();
  }
  if (type != "Sequence" || !part.contains("pretokenizers") || !part["pretokenizers"].is_array()) {
    return Refused(absl::StrCat(name, " is ", type,
                                "; only Metaspace, Split and Sequence can be "
                                "read"));
  }
  const json& parts = part["pretokenizers"];
  for (size_t i = 0; i < parts.size(); ++i) {
    absl::Status status =
        ReadPreTokenizer(parts[i], absl::StrCat(name, ".pretokenizers[", i, "]"), steps);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

std::string TypeOf(const json& part) {
  constexpr size_t kMostLetters = 40;
  const auto found = part.find("type");
  std::string type = found != part.end() && found->is_string() ? found->get<std::string>() : "";
  const bool is_word = !type.empty() && type.size() <= kMostLetters &&
                       std::all_of(type.begin(), type.end(), absl::ascii_isalnum);
  return is_word ? type : "of no type";
}

absl::StatusOr<TextPipeline> ReadTextPipeline(const json& normalizer, const json& pre_tokenizer) {
  NormalizerSteps normalizer_steps;
  PreTokenizerSteps pre_tokenizer_steps;
  absl::Status status = ReadNormalizer(normalizer, "normalizer", normalizer_steps);
  status.Update(ReadPreTokenizer(pre_tokenizer, "pre_tokenizer", pre_tokenizer_steps));
  if (!status.ok()) return status;
  return TextPipeline(std::move(normalizer_steps), std::move(pre_tokenizer_steps));
}

}  // namespace octet
