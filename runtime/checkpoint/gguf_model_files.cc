#include "runtime/checkpoint/gguf_model_files.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "runtime/checkpoint/end_tokens.h"
#include "runtime/checkpoint/gguf_config.h"
#include "runtime/checkpoint/gguf_tensors.h"
#include "runtime/checkpoint/gguf_tokenizer.h"
#include "runtime/io/fingerprint.h"

namespace octet {
namespace {

absl::Status CheckGgufTokenizer(const Tokenizer& tokenizer, const ModelConfig& config,
                                const std::string& path) {
  if (tokenizer.vocab_size() <= config.vocab_size) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": tokenizer.ggml.tokens has ", tokenizer.vocab_size(), " tokens, but vocab_size is ",
      config.vocab_size, ": they belong to different models"));
}

// Sets the tokenizer and the chat templates, or warns that there are none.
absl::Status SetGgufTokenizer(const GgufModel& gguf, const std::string& path, ModelFiles& model) {
  if (!HasGgufTokenizer(gguf)) {
    model.warnings.push_back(absl::StrCat(
        path, " has no tokenizer: prompts must be token ids, and answers have no text"));
    return absl::OkStatus();
  }
  absl::StatusOr<Tokenizer> tokenizer = ReadGgufTokenizer(gguf);
  if (!tokenizer.ok()) return tokenizer.status();
  absl::Status fits = CheckGgufTokenizer(*tokenizer, model.config, path);
  if (!fits.ok()) return fits;
  absl::StatusOr<ChatTemplates> chat = ReadGgufChatTemplates(gguf, *tokenizer);
  if (!chat.ok()) return chat.status();
  for (const std::string& note : tokenizer->notes()) model.warnings.push_back(note);
  model.tokenizer = std::make_unique<Tokenizer>(*std::move(tokenizer));
  model.chat = std::make_unique<ChatTemplates>(*std::move(chat));
  return absl::OkStatus();
}

// Warns about the files in a directory from which a Hugging Face model would be made.
void WarnOfFilesBeside(FileSystem& files, const std::string& directory, const std::string& path,
                       std::vector<std::string>& warnings) {
  std::vector<std::string> found;
  for (const char* name : {"config.json", "generation_config.json", "tokenizer.model",
                           "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}) {
    if (files.IsFile(JoinPath(directory, name))) found.emplace_back(name);
  }
  if (found.empty()) return;
  warnings.push_back(absl::StrCat(directory, ": ", absl::StrJoin(found, ", "),
                                  found.size() == 1 ? " has" : " have",
                                  " no effect: everything comes from ", path));
}

}  // namespace

absl::StatusOr<ModelFiles> OpenGgufModel(FileSystem& files, GgufModel opened,
                                         const std::string& given) {
  auto gguf = std::make_unique<GgufModel>(std::move(opened));
  const std::string path = gguf->files().front().file().path();
  absl::StatusOr<ModelConfig> config = ReadGgufConfig(*gguf);
  if (!config.ok()) return config.status();
  absl::StatusOr<MixtralTensors> tensors = MapGgufTensors(*gguf, *config);
  if (!tensors.ok()) return tensors.status();
  const absl::StatusOr<uint64_t> fingerprint = gguf->Fingerprint();
  if (!fingerprint.ok()) return fingerprint.status();
  config->eos_token_ids = JoinEndTokens(std::span(&config->named_tokens, 1), config->eos_token_ids,
                                        config->vocab_size, config->warnings);
  ModelFiles model = {.config = *std::move(config),
                      .checkpoint = nullptr,
                      .gguf = nullptr,
                      .tensors = *std::move(tensors),
                      .tokenizer = nullptr,
                      .chat = nullptr,
                      .fingerprint = ToHex(*fingerprint),
                      .warnings = {},
                      .made = {}};
  model.warnings = model.config.warnings;
  for (const std::string& w : model.tensors.warnings()) model.warnings.push_back(w);
  if (files.IsDirectory(given)) WarnOfFilesBeside(files, given, path, model.warnings);
  absl::Status tokenizer = SetGgufTokenizer(*gguf, path, model);
  if (!tokenizer.ok()) return tokenizer;
  model.gguf = std::move(gguf);
  return model;
}

absl::StatusOr<Tokenizer> LoadModelTokenizer(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::optional<std::string>> found = FindGguf(files, path);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return LoadTokenizerFor(files, path);
  const absl::StatusOr<GgufModel> gguf = GgufModel::Open(files, **found);
  if (!gguf.ok()) return gguf.status();
  return ReadGgufTokenizer(*gguf);
}

}  // namespace octet
