#include "runtime/text/tokenizer_json.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/added_token_json.h"
#include "runtime/text/bpe_model_json.h"
#include "runtime/text/text_pipeline_json.h"

namespace octet {
namespace {

using nlohmann::json;

// The most bytes of a file; files for 256,000 pieces have 35 MB.
constexpr uint64_t kMaxFileBytes = uint64_t{256} << 20;

// The most tokens around a text: a template may name a token with many ids many times.
constexpr size_t kMostAround = 256;  // tokens on either side of a text

absl::Status ReadAddedTokens(const json& root, std::vector<AddedToken>& tokens) {
  const auto list = root.find("added_tokens");
  if (list == root.end() || list->is_null()) return absl::OkStatus();
  if (!list->is_array()) return absl::InvalidArgumentError("added_tokens must be a list");
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string name = absl::StrCat("added_tokens[", i, "]");
    absl::StatusOr<AddedToken> token = ReadAddedToken((*list)[i]);
    if (!token.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " ", token.status().message()));
    }
    const auto id = (*list)[i].find("id");
    if (id == (*list)[i].end() || !id->is_number_unsigned() || id->get<uint64_t>() > kMaxTokenId) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " needs an id, which is a token id up to ", kMaxTokenId));
    }
    token->id = id->get<int32_t>();
    tokens.push_back(*std::move(token));
  }
  return absl::OkStatus();
}

// Returns the ids of a special token of a template.
absl::StatusOr<std::vector<int32_t>> IdsOfSpecialToken(const json& processor, const json& name) {
  if (name.is_string() && processor.contains("special_tokens") &&
      processor["special_tokens"].is_object()) {
    const json& known = processor["special_tokens"];
    const auto token = known.find(name.get<std::string>());
    if (token != known.end() && token->is_object() && token->contains("ids") &&
        (*token)["ids"].is_array()) {
      std::vector<int32_t> ids;
      for (const json& id : (*token)["ids"]) {
        if (!id.is_number_unsigned() || id.get<uint64_t>() > kMaxTokenId) {
          return absl::InvalidArgumentError("post_processor.special_tokens has no valid ids");
        }
        ids.push_back(id.get<int32_t>());
      }
      return ids;
    }
  }
  return absl::InvalidArgumentError(
      "post_processor.single has a SpecialToken that special_tokens does not list");
}

absl::Status ReadTemplate(const json& processor, TokenizerJson& tokenizer) {
  const auto single = processor.find("single");
  if (single == processor.end() || !single->is_array()) {
    return absl::InvalidArgumentError("post_processor.single must be a list");
  }
  bool in_front = true;
  std::vector<int32_t> prefix;
  std::vector<int32_t> suffix;
  for (const json& part : *single) {
    if (part.is_object() && part.contains("Sequence")) {
      if (!in_front) {
        return absl::UnimplementedError("post_processor.single has the text twice");
      }
      in_front = false;
      continue;
    }
    if (!part.is_object() || !part.contains("SpecialToken") || !part["SpecialToken"].is_object() ||
        !part["SpecialToken"].contains("id")) {
      return absl::InvalidArgumentError(
          "post_processor.single must be a list of SpecialToken and Sequence");
    }
    auto ids = IdsOfSpecialToken(processor, part["SpecialToken"]["id"]);
    if (!ids.ok()) return ids.status();
    std::vector<int32_t>& side = in_front ? prefix : suffix;
    side.insert(side.end(), ids->begin(), ids->end());
    if (prefix.size() + tokenizer.prefix.size() > kMostAround ||
        suffix.size() + tokenizer.suffix.size() > kMostAround) {
      return absl::UnimplementedError(
          absl::StrCat("post_processor puts more than ", kMostAround, " tokens around a text"));
    }
  }
  if (in_front) return absl::UnimplementedError("post_processor.single leaves the text out");
  tokenizer.prefix.insert(tokenizer.prefix.begin(), prefix.begin(), prefix.end());
  tokenizer.suffix.insert(tokenizer.suffix.end(), suffix.begin(), suffix.end());
  return absl::OkStatus();
}

absl::Status ReadPostProcessor(const json& processor, TokenizerJson& tokenizer) {
  if (processor.is_null()) return absl::OkStatus();
  const std::string type = TypeOf(processor);
  if (type == "TemplateProcessing") return ReadTemplate(processor, tokenizer);
  if (type == "Sequence" && processor.contains("processors") &&
      processor["processors"].is_array()) {
    for (const json& each : processor["processors"]) {
      absl::Status status = ReadPostProcessor(each, tokenizer);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }
  return absl::UnimplementedError(
      absl::StrCat("post_processor is ", type, "; only TemplateProcessing can be read"));
}

// Returns whether a decoder removes the space that the normalizer or the pre-tokenizer put in
// front.
bool StripsSpace(const json& decoder) {
  const std::string type = TypeOf(decoder);
  if (type == "Strip") {
    const auto start = decoder.find("start");
    return start != decoder.end() && start->is_number_unsigned() && start->get<uint64_t>() > 0;
  }
  if (type == "Metaspace") {
    if (decoder.contains("prepend_scheme")) return decoder["prepend_scheme"] != "never";
    return !decoder.contains("add_prefix_space") || decoder["add_prefix_space"] != false;
  }
  if (type != "Sequence" || !decoder.contains("decoders") || !decoder["decoders"].is_array()) {
    return false;
  }
  const json& steps = decoder["decoders"];
  return std::any_of(steps.begin(), steps.end(), StripsSpace);
}

absl::StatusOr<TokenizerJson> ParseRoot(const json& root) {
  const auto part = [&](const char* key) {
    const auto found = root.find(key);
    return found != root.end() ? *found : json();
  };
  const auto model = root.find("model");
  if (model == root.end() || !model->is_object()) {
    return absl::InvalidArgumentError("has no model: it is no tokenizer.json");
  }
  absl::StatusOr<BpeModelJson> bpe = ReadBpeModel(*model);
  if (!bpe.ok()) return bpe.status();
  absl::StatusOr<TextPipeline> pipeline =
      ReadTextPipeline(part("normalizer"), part("pre_tokenizer"));
  if (!pipeline.ok()) return pipeline.status();
  TokenizerJson tokenizer = {.vocabulary = std::move(bpe->vocabulary),
                             .merges = std::move(bpe->merges),
                             .options = bpe->options,
                             .pipeline = *std::move(pipeline)};
  absl::Status status = ReadAddedTokens(root, tokenizer.added_tokens);
  status.Update(ReadPostProcessor(part("post_processor"), tokenizer));
  if (!status.ok()) return status;
  const json decoder = part("decoder");
  tokenizer.strips_space = decoder.is_null() || StripsSpace(decoder);
  return tokenizer;
}

}  // namespace

absl::StatusOr<TokenizerJson> TokenizerJson::Parse(const std::string& text,
                                                   const std::string& source) {
  const absl::StatusOr<json> root = ParseStrictJson(text, source);
  if (!root.ok()) return root.status();
  absl::StatusOr<TokenizerJson> tokenizer =
      root->is_object() ? ParseRoot(*root) : absl::InvalidArgumentError("must be a JSON object");
  if (tokenizer.ok()) return tokenizer;
  return absl::Status(tokenizer.status().code(),
                      absl::StrCat(source, ": ", tokenizer.status().message()));
}

absl::StatusOr<TokenizerJson> TokenizerJson::Load(FileSystem& files, const std::string& path) {
  const auto file = files.Open(path);
  if (!file.ok()) return file.status();
  if ((*file)->size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": has ", (*file)->size(),
                                                   " bytes; at most ", kMaxFileBytes, " are read"));
  }
  std::string text((*file)->size(), '\0');
  const absl::Status status = (*file)->Read(0, std::as_writable_bytes(std::span(text)));
  if (!status.ok()) return status;
  return Parse(text, path);
}

}  // namespace octet
