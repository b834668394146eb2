#include "runtime/text/tokenizer_config.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/added_token_json.h"

namespace octet {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxConfigBytes = uint64_t{64} << 20;

// Reads the object in a file, or null if there is no such file.
absl::StatusOr<json> LoadObject(FileSystem& files, const std::string& path) {
  if (!files.IsFile(path)) return json();
  const absl::StatusOr<std::string> text = files.ReadWhole(path);
  if (!text.ok()) return text.status();
  if (text->size() > kMaxConfigBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": has ", text->size(), " bytes; at most ",
                                                   kMaxConfigBytes, " are read"));
  }
  absl::StatusOr<json> value = ParseStrictJson(*text, path);
  if (value.ok() && !value->is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": must be a JSON object"));
  }
  return value;
}

absl::Status KeyError(const std::string& path, const std::string& key, absl::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", key, " ", rule));
}

// Reads a token that a role or a list names: a text, or an object with flags.
absl::StatusOr<AddedToken> ReadNamedToken(const json& value) {
  if (!value.is_string() && !value.is_object()) {
    return absl::InvalidArgumentError("must be a text or an object with content");
  }
  absl::StatusOr<AddedToken> token =
      value.is_object() ? ReadAddedToken(value)
                        : ReadAddedToken(json{{"content", value}, {"normalized", false}});
  if (token.ok()) token->special = true;
  return token;
}

absl::flat_hash_set<std::string> NamesOf(const std::vector<AddedToken>& tokens) {
  absl::flat_hash_set<std::string> names;
  for (const AddedToken& token : tokens) names.insert(token.content);
  return names;
}

bool IsRole(const std::string& key) {
  return std::find(std::begin(kTokenRoles), std::end(kTokenRoles), key) != std::end(kTokenRoles);
}

absl::Status ReadRole(const std::string& path, const std::string& key, const json& value,
                      TokenizerConfig& config) {
  if (value.is_null()) {
    config.roles[key] = std::nullopt;
    return absl::OkStatus();
  }
  absl::StatusOr<AddedToken> token = ReadNamedToken(value);
  if (!token.ok()) return KeyError(path, key, token.status().message());
  config.roles[key] = *std::move(token);
  return absl::OkStatus();
}

absl::Status ReadMoreSpecial(const std::string& path, const std::string& key, const json& value,
                             TokenizerConfig& config) {
  if (value.is_null()) return absl::OkStatus();
  if (value.is_object()) {  // roles that this model alone has
    for (const auto& [role, token] : value.items()) {
      absl::Status status = ReadRole(path, role, token, config);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }
  if (!value.is_array()) return KeyError(path, key, "must be a list of tokens");
  absl::flat_hash_set<std::string> known = NamesOf(config.more_special);
  for (size_t i = 0; i < value.size(); ++i) {
    absl::StatusOr<AddedToken> token = ReadNamedToken(value[i]);
    if (!token.ok())
      return KeyError(path, absl::StrCat(key, "[", i, "]"), token.status().message());
    if (known.insert(token->content).second) config.more_special.push_back(*std::move(token));
  }
  return absl::OkStatus();
}

// Reads the roles and lists of special tokens in tokenizer_config.json or special_tokens_map.json.
absl::Status ReadSpecialTokens(const std::string& path, const json& object,
                               TokenizerConfig& config) {
  absl::Status status;
  for (const auto& [key, value] : object.items()) {
    if (IsRole(key)) {
      status.Update(ReadRole(path, key, value, config));
    } else if (key == "additional_special_tokens" || key == "extra_special_tokens") {
      status.Update(ReadMoreSpecial(path, key, value, config));
    }
  }
  return status;
}

absl::Status ReadBool(const std::string& path, const json& object, const char* key,
                      std::optional<bool>& flag) {
  const auto found = object.find(key);
  if (found == object.end()) return absl::OkStatus();
  if (!found->is_null() && !found->is_boolean()) {
    return KeyError(path, key, "must be true or false");
  }
  flag = found->is_boolean() && found->get<bool>();
  return absl::OkStatus();
}

absl::Status ReadFlags(const std::string& path, const json& object, TokenizerConfig& config) {
  absl::Status status = ReadBool(path, object, "add_bos_token", config.add_bos_token);
  status.Update(ReadBool(path, object, "add_eos_token", config.add_eos_token));
  std::optional<bool> legacy;
  status.Update(ReadBool(path, object, "legacy", legacy));
  const auto is_null = [&](const char* key) {
    return object.contains(key) && object[key].is_null();
  };
  if (legacy && !is_null("legacy")) config.legacy = *legacy;
  status.Update(ReadBool(path, object, "add_prefix_space", config.add_prefix_space));
  if (is_null("add_prefix_space")) config.add_prefix_space.reset();
  const auto name = object.find("tokenizer_class");
  if (name != object.end() && !name->is_null()) {
    if (!name->is_string()) return KeyError(path, "tokenizer_class", "must be a text");
    config.tokenizer_class = name->get<std::string>();
    if (absl::EndsWith(config.tokenizer_class, "Fast") &&
        config.tokenizer_class != "PreTrainedTokenizerFast") {
      config.tokenizer_class.resize(config.tokenizer_class.size() - 4);
    }
  }
  return status;
}

absl::Status ReadAddedTokensDecoder(const std::string& path, const json& object,
                                    TokenizerConfig& config) {
  const auto decoder = object.find("added_tokens_decoder");
  if (decoder == object.end()) return absl::OkStatus();
  if (!decoder->is_object()) return KeyError(path, "added_tokens_decoder", "must be an object");
  config.has_added_tokens_decoder = true;
  absl::flat_hash_map<std::string, int32_t> ids;
  for (const auto& [key, value] : decoder->items()) {
    const std::string name = "added_tokens_decoder." + Quoted(key);
    absl::StatusOr<AddedToken> token = ReadAddedToken(value);
    if (!token.ok()) return KeyError(path, name, token.status().message());
    if (!absl::SimpleAtoi(key, &token->id) || token->id < 0 || token->id > kMaxTokenId) {
      return KeyError(path, name, absl::StrCat("is no token id up to ", kMaxTokenId));
    }
    const auto [other, is_new] = ids.try_emplace(token->content, token->id);
    if (!is_new) {
      return KeyError(
          path, name,
          absl::StrCat("has the content ", Quoted(token->content), ", as ", other->second, " has"));
    }
    config.added_tokens.push_back(*std::move(token));
  }
  const auto by_id = [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; };
  std::sort(config.added_tokens.begin(), config.added_tokens.end(), by_id);
  const auto same_id = [](const AddedToken& a, const AddedToken& b) { return a.id == b.id; };
  const auto twice =
      std::adjacent_find(config.added_tokens.begin(), config.added_tokens.end(), same_id);
  if (twice == config.added_tokens.end()) return absl::OkStatus();
  return KeyError(path, "added_tokens_decoder", absl::StrCat("has the id ", twice->id, " twice"));
}

absl::flat_hash_set<std::string> SpecialNames(const TokenizerConfig& config) {
  absl::flat_hash_set<std::string> names = NamesOf(config.more_special);
  for (const auto& [role, token] : config.roles) {
    if (token) names.insert(token->content);
  }
  return names;
}

// Reads added_tokens.json, which has ids by content.
absl::Status ReadAddedTokensFile(const std::string& path, const json& object,
                                 TokenizerConfig& config) {
  const absl::flat_hash_set<std::string> special_names = SpecialNames(config);
  absl::flat_hash_map<int32_t, std::string> contents;
  for (const auto& [content, id] : object.items()) {
    const bool is_id = id.is_number_integer() && id.get<int64_t>() >= 0 &&
                       id.get<int64_t>() <= kMaxTokenId && !id.is_number_float();
    if (!is_id || content.empty()) {
      return KeyError(path, Quoted(content),
                      absl::StrCat("must be a token id up to ", kMaxTokenId));
    }
    const bool special = special_names.contains(content);
    AddedToken token = {
        .content = content, .id = id.get<int32_t>(), .normalized = !special, .special = special};
    const auto [other, is_new] = contents.try_emplace(token.id, content);
    if (!is_new) {
      return KeyError(path, Quoted(content),
                      absl::StrCat("is ", token.id, ", the id of ", Quoted(other->second)));
    }
    config.added_tokens.push_back(std::move(token));
  }
  const auto by_id = [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; };
  std::sort(config.added_tokens.begin(), config.added_tokens.end(), by_id);
  return absl::OkStatus();
}

std::string NameOf(const std::optional<AddedToken>& token) {
  return token ? Quoted(token->content) : "null";
}

// Notes where special_tokens_map.json has other roles than tokenizer_config.json.
void NoteOtherRoles(const std::string& directory, const TokenizerConfig& config,
                    const TokenizerConfig& map, bool map_counts, TokenizerConfig& noted) {
  for (const auto& [role, token] : map.roles) {
    const auto stated = config.roles.find(role);
    if (stated == config.roles.end()) continue;
    if (NameOf(stated->second) == NameOf(token)) continue;
    noted.notes.push_back(absl::StrCat(
        directory, ": ", role, " is ", NameOf(stated->second), " in tokenizer_config.json and ",
        NameOf(token), " in special_tokens_map.json; ",
        map_counts ? "the latter counts, as in transformers" : "the former counts"));
  }
}

// Notes where added_tokens.json has other ids than added_tokens_decoder.
void NoteOtherIds(const std::string& directory, const TokenizerConfig& file,
                  TokenizerConfig& config) {
  absl::flat_hash_map<std::string, int32_t> ids;
  for (const AddedToken& token : config.added_tokens) ids[token.content] = token.id;
  for (const AddedToken& token : file.added_tokens) {
    const auto stated = ids.find(token.content);
    if (stated != ids.end() && stated->second == token.id) continue;
    config.notes.push_back(absl::StrCat(directory, ": ", Quoted(token.content), " has the id ",
                                        token.id, " in added_tokens.json and ",
                                        stated == ids.end() ? "none" : absl::StrCat(stated->second),
                                        " in tokenizer_config.json, which counts"));
  }
}

}  // namespace

absl::StatusOr<TokenizerConfig> TokenizerConfig::Load(FileSystem& files,
                                                      const std::string& directory) {
  const std::string config_path = JoinPath(directory, "tokenizer_config.json");
  const std::string map_path = JoinPath(directory, "special_tokens_map.json");
  const std::string added_path = JoinPath(directory, "added_tokens.json");
  const absl::StatusOr<json> object = LoadObject(files, config_path);
  if (!object.ok()) return object.status();
  const absl::StatusOr<json> map = LoadObject(files, map_path);
  if (!map.ok()) return map.status();
  const absl::StatusOr<json> added = LoadObject(files, added_path);
  if (!added.ok()) return added.status();

  TokenizerConfig config;
  absl::Status status = ReadFlags(config_path, *object, config);
  status.Update(ReadSpecialTokens(config_path, *object, config));
  status.Update(ReadAddedTokensDecoder(config_path, *object, config));
  if (!status.ok()) return status;

  TokenizerConfig others;
  status.Update(ReadSpecialTokens(map_path, *map, others));
  NoteOtherRoles(directory, config, others, !config.has_added_tokens_decoder, config);
  if (!config.has_added_tokens_decoder) {
    status.Update(ReadSpecialTokens(map_path, *map, config));
    status.Update(ReadAddedTokensFile(added_path, *added, config));
  } else {
    status.Update(ReadAddedTokensFile(added_path, *added, others));
    NoteOtherIds(directory, others, config);
  }
  if (!status.ok()) return status;
  return config;
}

}  // namespace octet
