// The settings in the files beside a tokenizer.

#ifndef OCTET_RUNTIME_TEXT_TOKENIZER_CONFIG_H_
#define OCTET_RUNTIME_TEXT_TOKENIZER_CONFIG_H_

#include <absl/status/statusor.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/io/file.h"
#include "runtime/text/added_tokens.h"

namespace octet {

// The settings of tokenizer_config.json, special_tokens_map.json and added_tokens.json together, as
// in transformers: if tokenizer_config.json has added_tokens_decoder, the other two are ignored.
struct TokenizerConfig {
  // The spelling of "bos_token", "eos_token", ...; nullopt if it is null. Roles that are not stated
  // are absent.
  std::map<std::string, std::optional<AddedToken>> roles;
  std::vector<AddedToken> more_special;  // additional_special_tokens, extra_special_tokens

  std::vector<AddedToken> added_tokens;  // with ids, all different
  bool has_added_tokens_decoder = false;

  std::string tokenizer_class;        // without "Fast" at its end; empty if not stated
  std::optional<bool> add_bos_token;  // null counts as false
  std::optional<bool> add_eos_token;
  bool legacy = true;
  std::optional<bool> add_prefix_space;

  std::vector<std::string> notes;  // for the user: contradictions between the files

  // Reads those of the three files that exist. Errors name the file and the key.
  static absl::StatusOr<TokenizerConfig> Load(FileSystem& files, const std::string& directory);
};

// Roles, in the order in which tokens without ids get theirs in transformers.
inline constexpr const char* kTokenRoles[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                              "pad_token", "cls_token", "mask_token"};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_TOKENIZER_CONFIG_H_
