#include "launch/setup/model_choice.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "runtime/checkpoint/gguf_model.h"
#include "runtime/checkpoint/random_weights.h"
#include "runtime/checkpoint/weight_rounding.h"
#include "runtime/io/fingerprint.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// Returns the shape of a model with random weights: a published one, or that of a directory's
// config.json.
absl::StatusOr<ModelConfig> ChooseShape(const RunConfig& config, FileSystem& files) {
  if (config.shape().empty() == config.model().empty()) {
    return absl::InvalidArgumentError("--random-weights takes its shape from --shape or --model");
  }
  absl::StatusOr<ModelConfig> shape =
      config.shape().empty() ? LoadModelConfig(files, config.model()) : FindShape(config.shape());
  if (!shape.ok() || config.layers() == 0) return shape;
  if (config.layers() > shape->num_layers) {
    return absl::InvalidArgumentError(
        absl::StrCat("--layers ", config.layers(), ": the model has ", shape->num_layers));
  }
  shape->num_layers = config.layers();
  return shape;
}

absl::StatusOr<ModelFiles> OpenStoredModel(const RunConfig& config, FileSystem& files) {
  if (config.random_weights()) {
    const absl::StatusOr<ModelConfig> shape = ChooseShape(config, files);
    if (!shape.ok()) return shape.status();
    return MakeRandomModel(*shape, config.seed());
  }
  if (config.model().empty()) return absl::InvalidArgumentError("--model is missing");
  return ModelFiles::Open(files, config.model());
}

}  // namespace

absl::StatusOr<ModelFiles> OpenModel(const RunConfig& config, FileSystem& files) {
  absl::StatusOr<ModelFiles> model = OpenStoredModel(config, files);
  if (!model.ok()) return model;
  const absl::StatusOr<WeightBits> bits = ParseWeightBits(config.weights());
  if (!bits.ok()) return bits.status();
  const absl::Status status = RoundWeights(*bits, *model);
  if (!status.ok()) return status;
  if (config.device() == "cuda" && !model->tensors.QuantisedFormats().empty()) {
    return absl::UnimplementedError(
        absl::StrCat("--device cuda: its kernels take no quantised weights (",
                     NameOfFormats(model->tensors), "); use --device cpu or unquantised weights"));
  }
  return model;
}

absl::StatusOr<SamplingDefaults> ChooseSampling(const RunConfig& config, FileSystem& files,
                                                std::vector<std::string>& warnings) {
  if (config.generation_config() != "auto") return SamplingDefaults();
  const absl::StatusOr<std::optional<std::string>> gguf = FindGguf(files, config.model());
  if (!gguf.ok()) return gguf.status();
  if (gguf->has_value()) return SamplingDefaults();
  const absl::StatusOr<GenerationDefaults> defaults = LoadGenerationDefaults(files, config.model());
  if (!defaults.ok()) return defaults.status();
  if (!defaults->stated.empty()) {
    warnings.push_back(absl::StrCat("generation_config.json sets ", defaults->stated,
                                    " for requests that don't state them; --generation-config none "
                                    "ignores it"));
  }
  return defaults->sampling;
}

absl::StatusOr<std::string> UseChatTemplate(const RunConfig& config, FileSystem& files,
                                            ModelFiles& model) {
  if (config.chat_template().empty()) return std::string();
  if (model.tokenizer == nullptr) {
    return absl::InvalidArgumentError("--chat-template: the model has no tokenizer");
  }
  const auto refuse = [](const absl::Status& status) {
    return absl::Status(status.code(),
                        absl::StrCat("--chat-template ", std::string(status.message())));
  };
  const absl::StatusOr<std::string> source = files.ReadWhole(config.chat_template());
  if (!source.ok()) return refuse(source.status());
  absl::StatusOr<ChatTemplates> chat =
      ChatTemplates::FromSource(*source, config.chat_template(), *model.tokenizer);
  if (!chat.ok()) return refuse(chat.status());
  model.chat = std::make_unique<ChatTemplates>(*std::move(chat));
  Fingerprint fingerprint;
  fingerprint.Add(*source);
  return fingerprint.ToHex();
}

}  // namespace octet
