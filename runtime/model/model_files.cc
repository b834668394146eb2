#include "runtime/model/model_files.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "runtime/io/fingerprint.h"
#include "runtime/model/end_tokens.h"
#include "runtime/model/generation_config.h"

namespace octet {
namespace {

// Of what decides the answers apart from the weights' values.
absl::StatusOr<std::string> FingerprintOf(FileSystem& files, const std::string& directory,
                                          const Checkpoint& checkpoint) {
  Fingerprint fingerprint;
  fingerprint.Add(checkpoint.fingerprint());
  for (const char* name :
       {"config.json", "params.json", "generation_config.json", "tokenizer.model"}) {
    const std::string path = JoinPath(directory, name);
    fingerprint.Add(files.IsFile(path) ? 1 : 0);
    if (!files.IsFile(path)) continue;
    const absl::StatusOr<std::string> text = files.ReadWhole(path);
    if (!text.ok()) return text.status();
    fingerprint.Add(text->size());
    fingerprint.Add(std::as_bytes(std::span(*text)));
  }
  return absl::StrCat(absl::Hex(fingerprint.value(), absl::kZeroPad16));
}

absl::Status CheckTokenizer(const Tokenizer& tokenizer, const ModelConfig& config,
                            const std::string& directory) {
  if (tokenizer.vocab_size() <= config.vocab_size) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      directory, ": tokenizer.model has ", tokenizer.vocab_size(), " pieces, config.json's ",
      "vocab_size is ", config.vocab_size, ": they belong to different models"));
}

// Which id ends an answer is for all files together to say.
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

}  // namespace

absl::StatusOr<ModelFiles> ModelFiles::Open(FileSystem& files, const std::string& directory) {
  absl::StatusOr<ModelConfig> config = LoadModelConfig(files, directory);
  if (!config.ok()) return config.status();
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(files, directory);
  if (!checkpoint.ok()) return checkpoint.status();
  auto owned_checkpoint = std::make_unique<Checkpoint>(*std::move(checkpoint));
  absl::StatusOr<MixtralTensors> tensors = MixtralTensors::Map(*owned_checkpoint, *config);
  if (!tensors.ok()) return tensors.status();

  std::unique_ptr<Tokenizer> tokenizer;
  if (files.IsFile(JoinPath(directory, "tokenizer.model"))) {
    absl::StatusOr<Tokenizer> loaded = LoadTokenizerFor(files, directory);
    if (!loaded.ok()) return loaded.status();
    const absl::Status fits = CheckTokenizer(*loaded, *config, directory);
    if (!fits.ok()) return fits;
    tokenizer = std::make_unique<Tokenizer>(*std::move(loaded));
  }
  const absl::Status ends = SetEndTokens(files, directory, tokenizer.get(), *config);
  if (!ends.ok()) return ends;
  absl::StatusOr<std::string> fingerprint = FingerprintOf(files, directory, *owned_checkpoint);
  if (!fingerprint.ok()) return fingerprint.status();

  std::vector<std::string> warnings = config->warnings;
  for (const std::string& w : owned_checkpoint->warnings()) warnings.push_back(w);
  for (const std::string& w : tensors->warnings()) warnings.push_back(w);
  if (tokenizer == nullptr) {
    warnings.push_back(absl::StrCat(
        directory, " has no tokenizer.model: prompts must be token ids, and answers have no text"));
  }
  return ModelFiles{.config = *std::move(config),
                    .checkpoint = std::move(owned_checkpoint),
                    .tensors = *std::move(tensors),
                    .tokenizer = std::move(tokenizer),
                    .fingerprint = *std::move(fingerprint),
                    .warnings = std::move(warnings),
                    .made = {}};
}

}  // namespace octet
