#include "runtime/checkpoint/generation_config.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/checkpoint/config_reader.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr char kFile[] = "generation_config.json";
constexpr int kTransformersTopK = 50;
constexpr double kLeast = std::numeric_limits<float>::min();  // the least number above 0

// Returns the file's document, or an empty object if there is no such file.
absl::StatusOr<nlohmann::json> Load(FileSystem& files, const std::string& path) {
  if (!files.IsFile(path)) return nlohmann::json::object();
  const auto text = files.ReadWhole(path);
  if (!text.ok()) return text.status();
  return ParseStrictJson(*text, path);
}

// A reader that takes values that differ from transformers' defaults, and notes them.
class SamplingReader {
 public:
  explicit SamplingReader(ConfigReader& reader) : reader_(reader) {}

  void Take(const char* key, double least, double most, float& value) {
    const auto number = reader_.OptionalNumber(key, least, most);
    if (!number || static_cast<float>(*number) == value) return;
    value = static_cast<float>(*number);
    stated_.push_back(absl::StrCat(key, " ", value));
  }

  // Returns nullopt if the value is absent or is transformers' default.
  std::optional<int> TakeInt(const char* key, int least, int transformers_default,
                             const char* of_what = "") {
    const auto number = reader_.OptionalInt(key, least, ConfigReader::kMaxInt);
    if (!number || *number == transformers_default) return std::nullopt;
    stated_.push_back(absl::StrCat(key, " ", *number, of_what));
    return number;
  }

  std::string stated() const { return absl::StrJoin(stated_, ", "); }

 private:
  ConfigReader& reader_;
  std::vector<std::string> stated_;
};

}  // namespace

absl::StatusOr<GenerationDefaults> LoadGenerationDefaults(FileSystem& files,
                                                          const std::string& directory) {
  const std::string path = JoinPath(directory, kFile);
  const auto document = Load(files, path);
  if (!document.ok()) return document.status();
  ConfigReader reader(*document, path);
  SamplingReader sampling(reader);
  GenerationDefaults defaults;
  SamplingDefaults& values = defaults.sampling;
  sampling.Take("temperature", 0, kMaxTemperature, values.temperature);
  sampling.Take("top_p", kLeast, 1, values.top_p);
  // -1 and 0 are vLLM's values for "all".
  values.top_k = std::max(sampling.TakeInt("top_k", -1, kTransformersTopK).value_or(0), 0);
  sampling.Take("min_p", 0, 1, values.min_p);
  sampling.Take("repetition_penalty", kLeast, kMaxRepetitionPenalty, values.repetition_penalty);
  values.max_tokens = sampling.TakeInt("max_new_tokens", 1, 0, " (of a chat)");
  if (!reader.status().ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(reader.status().message()),
                     "; --generation-config none leaves the file's values aside"));
  }
  defaults.stated = sampling.stated();
  return defaults;
}

absl::StatusOr<NamedTokens> LoadGenerationTokens(FileSystem& files, const std::string& directory) {
  const std::string path = JoinPath(directory, kFile);
  const auto document = Load(files, path);
  if (!document.ok()) return document.status();
  ConfigReader reader(*document, path);
  NamedTokens tokens = {.file = kFile, .bos = std::nullopt, .eos = {}};
  tokens.eos = reader.TokenIds("eos_token_id").value_or(tokens.eos);
  const auto bos = reader.TokenIds("bos_token_id");
  if (bos && bos->size() == 1) tokens.bos = bos->front();
  if (!reader.status().ok()) return reader.status();
  return tokens;
}

}  // namespace octet
