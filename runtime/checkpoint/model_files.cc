#include "runtime/checkpoint/model_files.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <optional>

#include "runtime/checkpoint/end_tokens.h"
#include "runtime/checkpoint/generation_config.h"
#include "runtime/checkpoint/gguf_model_files.h"
#include "runtime/io/fingerprint.h"
#include "runtime/io/strict_json.h"
#include "runtime/text/tokenizer_files.h"

namespace octet {
namespace {

// Returns a hash of all that decides the answers, except the weights' values.
absl::StatusOr<std::string> FingerprintOf(FileSystem& files, const std::string& directory,
                                          const Checkpoint& checkpoint) {
  Fingerprint fingerprint;
  fingerprint.Add(checkpoint.fingerprint());
  absl::StatusOr<std::vector<std::string>> names = ListTokenizerFiles(files, directory);
  if (!names.ok()) return names.status();
  for (const char* name : {"config.json", "params.json", "generation_config.json"}) {
    if (files.IsFile(JoinPath(directory, name))) names->emplace_back(name);
  }
  for (const std::string& name : *names) {
    fingerprint.Add(name.size());
    fingerprint.Add(name);
    const absl::StatusOr<std::string> text = files.ReadWhole(JoinPath(directory, name));
    if (!text.ok()) return text.status();
    fingerprint.Add(text->size());
    fingerprint.Add(*text);
  }
  return fingerprint.ToHex();
}

absl::Status CheckTokenizer(const Tokenizer& tokenizer, const ModelConfig& config,
                            const std::string& directory) {
  if (tokenizer.num_pieces() <= config.vocab_size) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      directory, ": the tokenizer has ", tokenizer.num_pieces(), " pieces, config.json's ",
      "vocab_size is ", config.vocab_size, ": they belong to different models"));
}

// Sets the ids that end an answer, from all files together.
absl::Status SetEndTokens(FileSystem& files, const std::string& directory,
                          const Tokenizer* tokenizer, ModelConfig& config) {
  absl::StatusOr<NamedTokens> generation = LoadGenerationTokens(files, directory);
  if (!generation.ok()) return generation.status();
  std::vector<NamedTokens> named = {config.named_tokens, *std::move(generation)};
  if (tokenizer != nullptr) {
    named.push_back({.file = "the tokenizer", .bos = std::nullopt, .eos = {}});
    if (tokenizer->bos_id() >= 0) named.back().bos = tokenizer->bos_id();
    if (tokenizer->eos_id() >= 0) named.back().eos = {tokenizer->eos_id()};
  }
  config.eos_token_ids =
      JoinEndTokens(named, config.eos_token_ids, config.vocab_size, config.warnings);
  return absl::OkStatus();
}

// Adds a warning about added tokens that the model has no row for.
void NoteTokensWithoutRows(const Tokenizer& tokenizer, const ModelConfig& config,
                           const std::string& directory, std::vector<std::string>& warnings) {
  std::string names;
  int count = 0;
  for (auto id = static_cast<int32_t>(config.vocab_size); id < tokenizer.vocab_size(); ++id) {
    const std::string& spelling = tokenizer.vocabulary().pieces[id];
    if (spelling.empty()) continue;
    if (++count <= 3) absl::StrAppend(&names, names.empty() ? "" : ", ", Quoted(spelling));
  }
  if (count == 0) return;
  warnings.push_back(
      absl::StrCat(directory, ": ", names,
                   count > 3 ? absl::StrCat(" and ", count - 3, " more added tokens") : "",
                   count == 1 ? " has an id" : " have ids", " beyond config.json's vocab_size of ",
                   config.vocab_size, ": requests that need one are refused"));
}

// Returns null if there is no tokenizer.
absl::StatusOr<std::unique_ptr<ChatTemplates>> OpenChat(FileSystem& files,
                                                        const std::string& directory,
                                                        const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) return std::unique_ptr<ChatTemplates>();
  absl::StatusOr<ChatTemplates> chat = ChatTemplates::Load(files, directory, *tokenizer);
  if (!chat.ok()) return chat.status();
  return std::make_unique<ChatTemplates>(*std::move(chat));
}

// Returns null if the directory has no tokenizer.
absl::StatusOr<std::unique_ptr<Tokenizer>> OpenTokenizer(FileSystem& files,
                                                         const std::string& directory,
                                                         const ModelConfig& config) {
  if (!HasTokenizerFiles(files, directory)) return std::unique_ptr<Tokenizer>();
  absl::StatusOr<Tokenizer> tokenizer = LoadTokenizerFor(files, directory);
  if (!tokenizer.ok()) return tokenizer.status();
  const absl::Status fits = CheckTokenizer(*tokenizer, config, directory);
  if (!fits.ok()) return fits;
  return std::make_unique<Tokenizer>(*std::move(tokenizer));
}

absl::StatusOr<ModelFiles> OpenDirectory(FileSystem& files, const std::string& directory) {
  absl::StatusOr<ModelConfig> config = LoadDirectoryConfig(files, directory);
  if (!config.ok()) return config.status();
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(files, directory);
  if (!checkpoint.ok()) return checkpoint.status();
  auto owned_checkpoint = std::make_unique<Checkpoint>(*std::move(checkpoint));
  absl::StatusOr<MixtralTensors> tensors = MixtralTensors::Map(*owned_checkpoint, *config);
  if (!tensors.ok()) return tensors.status();

  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = OpenTokenizer(files, directory, *config);
  if (!tokenizer.ok()) return tokenizer.status();
  absl::StatusOr<std::unique_ptr<ChatTemplates>> chat =
      OpenChat(files, directory, tokenizer->get());
  if (!chat.ok()) return chat.status();
  const absl::Status ends = SetEndTokens(files, directory, tokenizer->get(), *config);
  if (!ends.ok()) return ends;
  absl::StatusOr<std::string> fingerprint = FingerprintOf(files, directory, *owned_checkpoint);
  if (!fingerprint.ok()) return fingerprint.status();

  std::vector<std::string> warnings = config->warnings;
  for (const std::string& w : owned_checkpoint->warnings()) warnings.push_back(w);
  for (const std::string& w : tensors->warnings()) warnings.push_back(w);
  if (*tokenizer == nullptr) {
    warnings.push_back(absl::StrCat(directory,
                                    " has no tokenizer.model and no tokenizer.json: prompts must "
                                    "be token ids, and answers have no text"));
  } else {
    for (const std::string& note : (*tokenizer)->notes()) warnings.push_back(note);
    NoteTokensWithoutRows(**tokenizer, *config, directory, warnings);
  }
  return ModelFiles{.config = *std::move(config),
                    .checkpoint = std::move(owned_checkpoint),
                    .gguf = nullptr,
                    .tensors = *std::move(tensors),
                    .tokenizer = *std::move(tokenizer),
                    .chat = *std::move(chat),
                    .fingerprint = *std::move(fingerprint),
                    .warnings = std::move(warnings),
                    .made = {}};
}

}  // namespace

absl::StatusOr<ModelFiles> ModelFiles::Open(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::optional<std::string>> gguf = FindGguf(files, path);
  if (!gguf.ok()) return gguf.status();
  if (!gguf->has_value()) return OpenDirectory(files, path);
  absl::StatusOr<GgufModel> opened = GgufModel::Open(files, **gguf);
  if (!opened.ok()) return opened.status();
  return OpenGgufModel(files, *std::move(opened), path);
}

}  // namespace octet
