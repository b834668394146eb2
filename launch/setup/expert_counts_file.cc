#include "launch/setup/expert_counts_file.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <optional>

#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr size_t kMostCountsBytes = size_t{16} << 20;
constexpr int64_t kMostTokens = int64_t{1} << 53;

using Json = nlohmann::json;

// Returns the list of layers in a file of any of the forms, or null if there is none.
const Json* FindLayers(const Json& file) {
  if (file.is_array()) return &file;
  for (const char* name : {"expert_popularity", "expert_load"}) {
    if (file.is_object() && file.contains(name) && file[name].is_array()) return &file[name];
  }
  return nullptr;
}

// Returns the list of one layer's counts, which a summary.json calls "tokens".
const Json& CountsOf(const Json& layer) {
  return layer.is_object() && layer.contains("tokens") ? layer["tokens"] : layer;
}

absl::StatusOr<std::vector<int64_t>> ReadLayer(const Json& counts, int64_t num_experts) {
  if (!counts.is_array() || std::ssize(counts) != num_experts) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be a list of the tokens of ", num_experts, " experts"));
  }
  std::vector<int64_t> tokens;
  for (const Json& count : counts) {
    const bool fits = count.is_number_unsigned() && count.get<uint64_t>() <= kMostTokens;
    if (!fits) {
      return absl::InvalidArgumentError(
          absl::StrCat("must have whole numbers from 0, not ", Shortened(count.dump())));
    }
    tokens.push_back(count.get<int64_t>());
  }
  return tokens;
}

// Reads the first layers of a file; all of them, with as many experts as the first, if no numbers
// are given.
absl::StatusOr<ExpertCounts> ReadCounts(FileSystem& files, const std::string& flag,
                                        const std::string& path, std::optional<int> num_layers,
                                        std::optional<int> num_experts) {
  const auto bad = [&](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(flag, " ", path, ": ", what));
  };
  const absl::StatusOr<std::string> text = files.ReadWhole(path, kMostCountsBytes);
  if (!text.ok())
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " ", std::string(text.status().message())));
  const absl::StatusOr<Json> file = ParseStrictJson(*text, absl::StrCat(flag, " ", path));
  if (!file.ok()) return absl::InvalidArgumentError(file.status().message());
  const Json* layers = FindLayers(*file);
  if (layers == nullptr) {
    return bad(
        "must be a list of the counts of each layer, or have one as expert_popularity or, as "
        "the summary.json of --report, as expert_load");
  }
  if (num_layers && std::ssize(*layers) < *num_layers) {
    return bad(absl::StrCat("has ", layers->size(), " layers, the model has ", *num_layers));
  }
  if (layers->empty() || CountsOf(layers->front()).empty()) return bad("has no counts");
  ExpertCounts counts;
  const int64_t experts = num_experts.value_or(std::ssize(CountsOf(layers->front())));
  for (int64_t l = 0; l < num_layers.value_or(std::ssize(*layers)); ++l) {
    absl::StatusOr<std::vector<int64_t>> of_layer = ReadLayer(CountsOf((*layers)[l]), experts);
    if (!of_layer.ok()) {
      return bad(absl::StrCat("layer ", l, " ", std::string(of_layer.status().message())));
    }
    counts.push_back(*std::move(of_layer));
  }
  return counts;
}

}  // namespace

absl::StatusOr<ExpertCounts> ReadExpertCounts(FileSystem& files, const std::string& flag,
                                              const std::string& path, int num_layers,
                                              int num_experts) {
  return ReadCounts(files, flag, path, num_layers, num_experts);
}

absl::StatusOr<ExpertCounts> ReadExpertCounts(FileSystem& files, const std::string& flag,
                                              const std::string& path) {
  return ReadCounts(files, flag, path, std::nullopt, std::nullopt);
}

}  // namespace octet
