#include "runtime/text/tokenizer_files.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/text/sentencepiece_model.h"
#include "runtime/text/token_collection.h"
#include "runtime/text/tokenizer.h"
#include "runtime/text/tokenizer_config.h"
#include "runtime/text/tokenizer_json.h"

namespace octet {
namespace {

constexpr const char* kModelFile = "tokenizer.model";
constexpr const char* kJsonFile = "tokenizer.json";
constexpr const char* kTemplateFolder = "additional_chat_templates";

// The contents of a directory: a tokenizer.model, a tokenizer.json, or both.
struct Sources {
  std::optional<SentencePieceModel> model;
  std::optional<TokenizerJson> json;
  TokenizerConfig config;
  std::vector<std::string> notes;
};

absl::StatusOr<Sources> ReadSources(FileSystem& files, const std::string& directory) {
  Sources sources;
  absl::StatusOr<TokenizerConfig> config = TokenizerConfig::Load(files, directory);
  if (!config.ok()) return config.status();
  sources.config = *std::move(config);
  sources.notes = std::move(sources.config.notes);
  const std::string model_path = JoinPath(directory, kModelFile);
  if (files.IsFile(model_path)) {
    absl::StatusOr<SentencePieceModel> model = SentencePieceModel::Load(files, model_path);
    if (!model.ok()) return model.status();
    sources.model = *std::move(model);
  }
  const std::string json_path = JoinPath(directory, kJsonFile);
  if (!files.IsFile(json_path)) return sources;
  absl::StatusOr<TokenizerJson> json = TokenizerJson::Load(files, json_path);
  if (json.ok()) {
    sources.json = *std::move(json);
  } else if (sources.model) {
    sources.notes.push_back(absl::StrCat(json.status().message(), ": tokenizer.model is used, and ",
                                         "nothing of tokenizer.json"));
  } else {
    return json.status();
  }
  return sources;
}

const Vocabulary& PiecesOf(const Sources& sources) {
  return sources.model ? sources.model->vocabulary : sources.json->vocabulary;
}

// Returns whether it is a class of transformers that uses a tokenizer.json without changes.
bool IsPlainClass(const std::string& name) {
  return name == "PreTrainedTokenizerFast" || name == "TokenizersBackend";
}

// Adds the roles that LlamaTokenizer knows by default.
void AddDefaultRoles(const Sources& sources, TokenizerConfig& config) {
  if (IsPlainClass(config.tokenizer_class) && !sources.model) return;
  const Vocabulary& pieces = PiecesOf(sources);
  const auto add = [&](const char* role, int32_t id, const char* usual) {
    std::string content = id >= 0 ? pieces.pieces[id] : usual;
    const bool is_piece = id >= 0 || std::find(pieces.pieces.begin(), pieces.pieces.end(),
                                               content) != pieces.pieces.end();
    if (!is_piece || config.roles.contains(role)) return;
    config.roles[role] =
        AddedToken{.content = std::move(content), .normalized = false, .special = true};
  };
  add("bos_token", pieces.bos_id, "<s>");
  add("eos_token", pieces.eos_id, "</s>");
  add("unk_token", pieces.unk_id, "<unk>");
}

// Returns all tokens besides the pieces, with their ids.
TokenCollection CollectTokens(const Sources& sources, const std::string& directory) {
  const TokenizerConfig& config = sources.config;
  TokenCollection tokens(PiecesOf(sources), directory);
  if (config.has_added_tokens_decoder) {
    tokens.Add(config.added_tokens, "tokenizer_config.json", /*noted=*/true);
  }
  if (sources.json) tokens.Add(sources.json->added_tokens, kJsonFile, /*noted=*/true);
  if (!config.has_added_tokens_decoder) {
    tokens.Add(config.added_tokens, "added_tokens.json", /*noted=*/true);
  }
  if (sources.model) tokens.Add(sources.model->ControlTokens(), kModelFile, /*noted=*/false);
  tokens.AddNamed(config, /*make_special=*/sources.model.has_value());
  return tokens;
}

// Returns whether tokenizer.json counts: transformers uses only tokenizer.model if add_prefix_space
// is stated.
bool FollowsJson(const Sources& sources) {
  return sources.json && !(sources.model && sources.config.add_prefix_space);
}

// Sets how text between tokens is read, and whether decoding removes its first space.
void SetPipeline(const Sources& sources, TokenizerParts& parts) {
  if (FollowsJson(sources)) {
    parts.between = sources.json->pipeline;
    parts.takes_space = sources.json->strips_space;
    return;
  }
  const SentencePieceModel& model = *sources.model;
  NormalizerOptions options = model.options;
  parts.keeps_all_bytes = model.keeps_all_bytes();
  parts.takes_space = options.add_dummy_prefix || options.remove_extra_whitespaces;
  parts.takes_all_spaces = options.remove_extra_whitespaces;
  if (sources.config.legacy) {
    parts.between = TextPipeline(TextNormalizer(options, model.user_defined), {});
    return;
  }
  using Scheme = TextPipeline::Metaspace::Scheme;
  const bool prepends = sources.config.add_prefix_space.value_or(true);
  options.add_dummy_prefix = false;
  parts.takes_space = prepends || options.remove_extra_whitespaces;
  parts.between =
      TextPipeline(TextNormalizer(options, model.user_defined),
                   {TextPipeline::Metaspace{.replacement = std::string(kSpaceSymbol),
                                            .scheme = prepends ? Scheme::kFirst : Scheme::kNever,
                                            .split = false}});
}

// Sets the tokens around a prompt. A plain class takes them from tokenizer.json, unless it is
// TokenizersBackend and add_bos_token or add_eos_token is stated. Other classes use add_bos_token
// and add_eos_token whatever tokenizer.json has.
void SetSurroundings(const Sources& sources, TokenizerParts& parts) {
  const TokenizerConfig& config = sources.config;
  const bool stated = config.add_bos_token || config.add_eos_token;
  const bool plain = sources.json && IsPlainClass(config.tokenizer_class);
  if (plain && !(stated && config.tokenizer_class == "TokenizersBackend")) {
    parts.prefix = sources.json->prefix;
    parts.suffix = sources.json->suffix;
    return;
  }
  const bool add_bos = config.add_bos_token.value_or(!plain);
  if (add_bos && parts.vocabulary.bos_id >= 0) parts.prefix = {parts.vocabulary.bos_id};
  if (config.add_eos_token.value_or(false) && parts.vocabulary.eos_id >= 0) {
    parts.suffix = {parts.vocabulary.eos_id};
  }
}

// Returns the pieces as merges see them: without those whose ids now belong to other tokens.
Vocabulary WithoutRenamed(Vocabulary pieces, const std::vector<AddedToken>& tokens) {
  for (const AddedToken& token : tokens) {
    const auto id = static_cast<size_t>(token.id);
    if (id >= pieces.pieces.size() || pieces.pieces[id] == token.content) continue;
    if (pieces.types[id] == PieceType::kNormal || pieces.types[id] == PieceType::kUnused) {
      pieces.types[id] = PieceType::kControl;
    }
  }
  return pieces;
}

BpeEncoder MakeEncoder(const Sources& sources, const std::vector<AddedToken>& tokens) {
  if (sources.model) {
    const Vocabulary pieces = WithoutRenamed(sources.model->vocabulary, tokens);
    return BpeEncoder(pieces, MergeTable::ByScore(pieces), sources.model->user_defined);
  }
  const TokenizerJson& json = *sources.json;
  return BpeEncoder(json.vocabulary, MergeTable::ByOrder(json.vocabulary, json.merges), {},
                    json.options);
}

void SetRoles(const TokenizerConfig& config, const TokenCollection& tokens, TokenizerParts& parts) {
  for (const auto& [role, token] : config.roles) {
    if (token) parts.special_tokens[role] = token->content;
  }
  const auto id_of = [&](const char* role) {
    const auto spelling = parts.special_tokens.find(role);
    return spelling != parts.special_tokens.end() ? tokens.IdOf(spelling->second) : -1;
  };
  parts.vocabulary.bos_id = id_of("bos_token");
  parts.vocabulary.eos_id = id_of("eos_token");
}

Tokenizer Assemble(Sources sources, const std::string& directory) {
  AddDefaultRoles(sources, sources.config);
  TokenCollection tokens = CollectTokens(sources, directory);
  const TextPipeline plain =
      sources.model
          ? TextPipeline(TextNormalizer(sources.model->options, sources.model->user_defined), {})
          : sources.json->pipeline;
  TokenizerParts parts = {.vocabulary = PiecesOf(sources),
                          .encoder = MakeEncoder(sources, tokens.tokens()),
                          .plain = plain,
                          .between = plain,
                          .added_tokens = tokens.tokens(),
                          .prefix = {},
                          .suffix = {},
                          .special_tokens = {},
                          .notes = std::move(sources.notes)};
  SetPipeline(sources, parts);
  // SentencePiece finds them in the original text.
  for (AddedToken& token : parts.added_tokens) token.normalized &= FollowsJson(sources);
  SetRoles(sources.config, tokens, parts);
  SetSurroundings(sources, parts);
  for (std::string& note : tokens.TakeNotes()) parts.notes.push_back(std::move(note));
  return Tokenizer(std::move(parts));
}

}  // namespace

Tokenizer AssembleTokenizer(SentencePieceModel model, TokenizerConfig config,
                            const std::string& where) {
  Sources sources;
  sources.model = std::move(model);
  sources.config = std::move(config);
  sources.notes = std::move(sources.config.notes);
  return Assemble(std::move(sources), where);
}

absl::StatusOr<std::vector<std::string>> ListTokenizerFiles(FileSystem& files,
                                                            const std::string& directory) {
  std::vector<std::string> found;
  for (const char* name :
       {kModelFile, kJsonFile, "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "chat_template.jinja", "chat_template.json"}) {
    if (files.IsFile(JoinPath(directory, name))) found.emplace_back(name);
  }
  const std::string folder = JoinPath(directory, kTemplateFolder);
  if (!files.IsDirectory(folder)) return found;
  absl::StatusOr<std::vector<std::string>> templates = files.List(folder);
  if (!templates.ok()) return templates.status();
  std::sort(templates->begin(), templates->end());
  for (const std::string& name : *templates) {
    if (absl::EndsWith(name, ".jinja")) found.push_back(JoinPath(kTemplateFolder, name));
  }
  return found;
}

bool HasTokenizerFiles(FileSystem& files, const std::string& directory) {
  return files.IsFile(JoinPath(directory, kModelFile)) ||
         files.IsFile(JoinPath(directory, kJsonFile));
}

absl::StatusOr<Tokenizer> LoadTokenizerFor(FileSystem& files, const std::string& model_path) {
  if (files.IsDirectory(model_path)) {
    if (!HasTokenizerFiles(files, model_path)) {
      return absl::NotFoundError(absl::StrCat(
          JoinPath(model_path, kModelFile),
          ": there is no such file, and no tokenizer.json; put the tokenizer.model or the "
          "tokenizer.json that belongs to the weights beside them"));
    }
    absl::StatusOr<Sources> sources = ReadSources(files, model_path);
    if (!sources.ok()) return sources.status();
    return Assemble(*std::move(sources), model_path);
  }
  if (!absl::EndsWith(model_path, ".json")) return Tokenizer::Load(files, model_path);
  absl::StatusOr<TokenizerJson> json = TokenizerJson::Load(files, model_path);
  if (!json.ok()) return json.status();
  Sources sources;
  sources.json = *std::move(json);
  return Assemble(std::move(sources), model_path);
}

}  // namespace octet
