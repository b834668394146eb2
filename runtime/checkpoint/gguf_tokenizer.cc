#include "runtime/checkpoint/gguf_tokenizer.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/sentencepiece.pb.h"
#include "runtime/checkpoint/config_reader.h"
#include "runtime/checkpoint/gguf_json.h"
#include "runtime/checkpoint/gguf_token_id.h"
#include "runtime/io/strict_json.h"
#include "runtime/io/utf8.h"
#include "runtime/text/sentencepiece_model.h"
#include "runtime/text/tokenizer_config.h"
#include "runtime/text/tokenizer_files.h"

namespace octet {
namespace {

using Piece = sentencepiece::ModelProto::Piece;

constexpr char kModel[] = "tokenizer.ggml.model";
constexpr char kTokens[] = "tokenizer.ggml.tokens";
constexpr char kScores[] = "tokenizer.ggml.scores";
constexpr char kTypes[] = "tokenizer.ggml.token_type";
constexpr char kUnknown[] = "tokenizer.ggml.unknown_token_id";
constexpr char kCharacterMap[] = "tokenizer.ggml.precompiled_charsmap";
constexpr char kTemplate[] = "tokenizer.chat_template";
constexpr char kNames[] = "tokenizer.chat_templates";
constexpr char kConvertAnew[] = "; convert the model to GGUF anew";

// The score that llama.cpp's converter gives to tokens that are not in the tokenizer.model.
constexpr float kScoreOfAdded = -1000;

// Keys that change nothing here. The type of a pre-tokenizer is for other models than 'llama'.
constexpr const char* kKeysWithoutEffect[] = {
    "tokenizer.ggml.pre",
    "tokenizer.ggml.merges",
    "tokenizer.ggml.token_type_count",
    "tokenizer.ggml.added_tokens",
    "tokenizer.ggml.add_sep_token",
    "tokenizer.huggingface.json",
};

// A role of a token, its key, and llama.cpp's default.
struct Role {
  const char* name;
  const char* key;
  int32_t usual;
};

constexpr Role kRoles[] = {
    {"bos_token", "tokenizer.ggml.bos_token_id", 1},
    {"eos_token", "tokenizer.ggml.eos_token_id", 2},
    {"unk_token", kUnknown, 0},
    {"sep_token", "tokenizer.ggml.seperator_token_id", -1},
    {"pad_token", "tokenizer.ggml.padding_token_id", -1},
    {"mask_token", "tokenizer.ggml.mask_token_id", -1},
    {"cls_token", "tokenizer.ggml.cls_token_id", -1},
};

const std::string& PathOf(const GgufModel& model) { return model.files().front().file().path(); }

// The three lists, all of one length.
struct Lists {
  std::vector<std::string> tokens;
  std::vector<float> scores;
  std::vector<int32_t> types;
};

absl::StatusOr<Lists> ReadLists(const GgufModel& model) {
  const GgufMetadata& metadata = model.metadata();
  const auto tokens = metadata.Get<std::vector<std::string>>(kTokens);
  if (!tokens.ok()) return tokens.status();
  const auto scores = metadata.Get<std::vector<float>>(kScores);
  if (!scores.ok()) return scores.status();
  const auto types = metadata.Get<std::vector<int32_t>>(kTypes);
  if (!types.ok()) return types.status();
  for (const auto& [key, size] :
       {std::pair(kScores, scores->size()), std::pair(kTypes, types->size())}) {
    if (size == tokens->size()) continue;
    return absl::InvalidArgumentError(absl::StrCat(PathOf(model), ": ", key, " has ", size,
                                                   " elements, but ", kTokens, " has ",
                                                   tokens->size(), kConvertAnew));
  }
  constexpr size_t kMostTokens = size_t{1} << 20;
  if (tokens->empty() || tokens->size() > kMostTokens) {
    return absl::InvalidArgumentError(absl::StrCat(PathOf(model), ": ", kTokens, " has ",
                                                   tokens->size(), " elements; 1 to ", kMostTokens,
                                                   " can be read"));
  }
  return Lists{*tokens, *scores, *types};
}

// Removes what the converter adds at the end where the model has more rows than the tokenizer has
// tokens.
void RemovePadding(Lists& lists) {
  while (!lists.tokens.empty() && lists.types.back() == Piece::UNUSED &&
         lists.tokens.back() == absl::StrCat("[PAD", lists.tokens.size() - 1, "]")) {
    lists.tokens.pop_back();
    lists.scores.pop_back();
    lists.types.pop_back();
  }
}

// Makes the piece of unknown characters one of type UNKNOWN. The converter calls it a control token
// if tokenizer_config.json lists it.
void RestoreUnknown(std::optional<int32_t> unknown, Lists& lists) {
  if (std::find(lists.types.begin(), lists.types.end(), Piece::UNKNOWN) != lists.types.end()) {
    return;
  }
  const auto id = static_cast<size_t>(unknown.value_or(0));
  if (id < lists.types.size() && lists.types[id] == Piece::CONTROL) {
    lists.types[id] = Piece::UNKNOWN;
  }
}

// Takes the tokens that the converter added to the pieces of the tokenizer.model. They are found in
// texts before the pieces, as those of an added_tokens.json.
std::vector<AddedToken> TakeAddedTokens(Lists& lists) {
  std::vector<AddedToken> added;
  for (size_t id = 0; id < lists.tokens.size(); ++id) {
    if (lists.types[id] != Piece::USER_DEFINED || lists.scores[id] != kScoreOfAdded) continue;
    lists.types[id] = Piece::CONTROL;  // no merge makes it
    added.push_back({.content = lists.tokens[id],
                     .id = static_cast<int32_t>(id),
                     .normalized = false,
                     .special = false});
  }
  return added;
}

absl::StatusOr<sentencepiece::ModelProto> MakeProto(const Lists& lists, const std::string& path) {
  sentencepiece::ModelProto model;
  bool has_bytes = false;
  for (size_t id = 0; id < lists.tokens.size(); ++id) {
    if (!Piece::Type_IsValid(lists.types[id])) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", kTypes, "[", id, "] is ",
                                                     lists.types[id], "; 1 to 6 are of the format",
                                                     kConvertAnew));
    }
    Piece& piece = *model.add_pieces();
    piece.set_piece(lists.tokens[id]);
    piece.set_score(lists.scores[id]);
    piece.set_type(static_cast<Piece::Type>(lists.types[id]));
    has_bytes |= lists.types[id] == Piece::BYTE;
  }
  model.mutable_trainer_spec()->set_model_type(sentencepiece::TrainerSpec::BPE);
  model.mutable_trainer_spec()->set_byte_fallback(has_bytes);
  model.mutable_trainer_spec()->set_bos_id(-1);  // a role
  model.mutable_trainer_spec()->set_eos_id(-1);
  return model;
}

absl::Status CheckKind(const GgufModel& model, ConfigReader& reader) {
  if (!reader.Has(kModel)) {
    reader.Fail(kModel, absl::StrCat("is missing from the metadata", kConvertAnew));
  }
  const std::string kind = reader.OptionalString(kModel).value_or("");
  if (reader.status().ok() && kind != "llama") {
    const auto pre = reader.OptionalString("tokenizer.ggml.pre");
    return absl::UnimplementedError(
        absl::StrCat(PathOf(model), ": ", kModel, " is ", Quoted(kind),
                     pre ? absl::StrCat(" with the pre-tokenizer ", Quoted(*pre)) : "",
                     "; only 'llama' can be read, which is SentencePiece's BPE"));
  }
  const GgufValue* map = model.metadata().Find(kCharacterMap);
  const bool has_map = map != nullptr && std::visit(
                                             [](const auto& v) {
                                               if constexpr (requires { v.empty(); }) {
                                                 return !v.empty();
                                               }
                                               return true;
                                             },
                                             *map);
  if (has_map) {
    return absl::UnimplementedError(
        absl::StrCat(PathOf(model), ": ", kCharacterMap,
                     " is not empty; only models with the identity normalization can be read"));
  }
  return reader.status();
}

// `num_tokens` is the number of tokens with padding, which no role may have.
void ReadRoles(ConfigReader& reader, const Lists& lists, size_t num_tokens,
               TokenizerConfig& config) {
  for (const auto& [role, key, usual] : kRoles) {
    const auto stated = ReadGgufTokenId(reader, key);
    const int32_t id = stated.value_or(reader.Has(key) ? -1 : usual);
    if (stated && static_cast<size_t>(id) >= num_tokens) {
      reader.Fail(key, absl::StrCat("is ", id, ", but there are only ", num_tokens, " tokens",
                                    kConvertAnew));
      return;
    }
    config.roles[role] = std::nullopt;
    if (id < 0 || static_cast<size_t>(id) >= lists.tokens.size()) continue;
    config.roles[role] =
        AddedToken{.content = lists.tokens[id], .normalized = false, .special = true};
  }
}

// Notes what has no effect, and scores that cannot order merges.
void NoteOddities(const ConfigReader& reader, const Lists& lists, TokenizerConfig& config) {
  std::set<std::string> harmless(std::begin(kKeysWithoutEffect), std::end(kKeysWithoutEffect));
  for (const char* key : {kTokens, kScores, kTypes, kCharacterMap, kTemplate, kNames,
                          "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    harmless.insert(key);
  }
  reader.WarnOfUnreadKeys(harmless, config.notes);
  std::set<float> scores;
  for (size_t id = 0; id < lists.tokens.size() && scores.size() < 2; ++id) {
    if (lists.types[id] == Piece::NORMAL) scores.insert(lists.scores[id]);
  }
  if (scores.size() != 1 || lists.tokens.size() < 1000) return;
  config.notes.push_back(absl::StrCat(
      reader.where(), ": all of ", kScores, " are equal, so texts become other tokens than those ",
      "the model was trained on; convert the model again, with its tokenizer.model"));
}

}  // namespace

bool HasGgufTokenizer(const GgufModel& model) {
  const GgufValue* kind = model.metadata().Find(kModel);
  if (kind == nullptr) return model.metadata().Find(kTokens) != nullptr;
  const auto* name = std::get_if<std::string>(kind);
  return name == nullptr || (*name != "none" && *name != "no_vocab");
}

absl::StatusOr<Tokenizer> ReadGgufTokenizer(const GgufModel& model) {
  const std::string& path = PathOf(model);
  const nlohmann::json object = ToJson(model.metadata(), kGgufTokenizer);
  ConfigReader reader(object, path);
  absl::Status kind = CheckKind(model, reader);
  if (!kind.ok()) return kind;
  absl::StatusOr<Lists> lists = ReadLists(model);
  if (!lists.ok()) return lists.status();
  const size_t num_tokens = lists->tokens.size();
  RemovePadding(*lists);
  RestoreUnknown(ReadGgufTokenId(reader, kUnknown), *lists);
  TokenizerConfig config;
  ReadRoles(reader, *lists, num_tokens, config);
  config.add_bos_token = reader.Bool("tokenizer.ggml.add_bos_token", true);
  config.add_eos_token = reader.Bool("tokenizer.ggml.add_eos_token", false);
  const bool add_space = reader.Bool("tokenizer.ggml.add_space_prefix", true);
  const bool remove_spaces = reader.Bool("tokenizer.ggml.remove_extra_whitespaces", false);
  if (!reader.status().ok()) return reader.status();
  config.added_tokens = TakeAddedTokens(*lists);
  NoteOddities(reader, *lists, config);

  absl::StatusOr<sentencepiece::ModelProto> proto = MakeProto(*lists, path);
  if (!proto.ok()) return proto.status();
  proto->mutable_normalizer_spec()->set_add_dummy_prefix(add_space);
  proto->mutable_normalizer_spec()->set_remove_extra_whitespaces(remove_spaces);
  absl::StatusOr<SentencePieceModel> pieces =
      SentencePieceModel::FromProto(*proto, absl::StrCat(path, ": ", kTokens));
  if (!pieces.ok()) return pieces.status();
  return AssembleTokenizer(*std::move(pieces), std::move(config), path);
}

absl::StatusOr<ChatTemplates> ReadGgufChatTemplates(const GgufModel& model,
                                                    const Tokenizer& tokenizer) {
  std::map<std::string, std::string> sources;
  for (const auto& [key, value] : model.metadata().entries()) {
    if (key != kTemplate && !absl::StartsWith(key, absl::StrCat(kTemplate, "."))) continue;
    const auto source = model.metadata().Get<std::string>(key);
    if (!source.ok()) return source.status();
    if (!IsUtf8(*source)) {
      return absl::InvalidArgumentError(
          absl::StrCat(PathOf(model), ": ", Escaped(key), " is not valid UTF-8", kConvertAnew));
    }
    sources[key == kTemplate ? "default" : key.substr(sizeof(kTemplate))] = *source;
  }
  return ChatTemplates::FromNamed(sources, PathOf(model), tokenizer);
}

}  // namespace octet
