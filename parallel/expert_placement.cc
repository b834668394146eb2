#include "parallel/expert_placement.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <random>
#include <sstream>

namespace octet {
namespace {

constexpr char kRandom[] = "random:";

absl::StatusOr<Placement> ReadPlacementFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(
        "--placement ", path,
        ": neither contiguous, round-robin or random:SEED nor a file that can be read"));
  }
  std::stringstream text;
  text << file.rdbuf();
  Placement proto;
  if (path.ends_with(".json")) {
    const auto status = google::protobuf::util::JsonStringToMessage(text.str(), &proto);
    if (status.ok()) return proto;
    return absl::InvalidArgumentError(
        absl::StrCat("--placement ", path, ": ", status.message().ToString()));
  }
  if (google::protobuf::TextFormat::ParseFromString(text.str(), &proto)) return proto;
  return absl::InvalidArgumentError(absl::StrCat(
      "--placement ", path, ": not a Placement in text format (proto/placement.proto)"));
}

}  // namespace

absl::StatusOr<ExpertPlacement> ExpertPlacement::Parse(const std::string& spec,
                                                       PlacementShape shape) {
  ExpertPlacement placement(shape);
  if (spec == "contiguous" || spec == "round-robin") {
    for (int i = 0; i < std::ssize(placement.ranks_); ++i) {
      const int expert = i % shape.num_experts;
      const int rank = spec == "contiguous" ? expert * shape.num_ranks / shape.num_experts
                                            : expert % shape.num_ranks;
      placement.ranks_[i] = {rank};
    }
    return placement;
  }
  if (spec.starts_with(kRandom)) {
    uint64_t seed = 0;
    if (!absl::SimpleAtoi(spec.substr(sizeof(kRandom) - 1), &seed)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--placement ", spec, ": the seed must be a whole number"));
    }
    return Random(shape, seed);
  }
  absl::StatusOr<Placement> proto = ReadPlacementFile(spec);
  if (!proto.ok()) return proto.status();
  absl::StatusOr<ExpertPlacement> read = FromProto(*proto, shape);
  if (read.ok()) return read;
  return absl::InvalidArgumentError(
      absl::StrCat("--placement ", spec, ": ", std::string(read.status().message())));
}

ExpertPlacement ExpertPlacement::Random(PlacementShape shape, uint64_t seed) {
  ExpertPlacement placement(shape);
  std::mt19937_64 random(seed);
  std::vector<int> order(shape.num_experts);
  for (int layer = 0; layer < shape.num_layers; ++layer) {
    std::iota(order.begin(), order.end(), 0);
    for (int i = shape.num_experts - 1; i > 0; --i) {
      std::swap(order[i], order[random() % (i + 1)]);
    }
    for (int i = 0; i < shape.num_experts; ++i) {
      placement.ranks_[layer * shape.num_experts + order[i]] = {i * shape.num_ranks /
                                                                shape.num_experts};
    }
  }
  return placement;
}

absl::StatusOr<ExpertPlacement> ExpertPlacement::FromProto(const Placement& proto,
                                                           PlacementShape shape) {
  if (proto.layers_size() != shape.num_layers) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", proto.layers_size(), " layers, the model has ", shape.num_layers));
  }
  ExpertPlacement placement(shape);
  for (int layer = 0; layer < shape.num_layers; ++layer) {
    const LayerPlacement& experts = proto.layers(layer);
    if (experts.experts_size() != shape.num_experts) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer ", layer, " has ", experts.experts_size(), " experts, the model has ",
                       shape.num_experts));
    }
    for (int expert = 0; expert < shape.num_experts; ++expert) {
      const auto& given = experts.experts(expert).ranks();
      std::vector<int32_t> ranks(given.begin(), given.end());
      std::sort(ranks.begin(), ranks.end());
      const bool distinct = std::adjacent_find(ranks.begin(), ranks.end()) == ranks.end();
      if (ranks.empty() || !distinct || ranks.front() < 0 || ranks.back() >= shape.num_ranks) {
        return absl::InvalidArgumentError(
            absl::StrCat("layer ", layer, ", expert ", expert,
                         ": needs one or more different ranks from 0 to ", shape.num_ranks - 1));
      }
      placement.ranks_[layer * shape.num_experts + expert] = std::move(ranks);
    }
  }
  return placement;
}

std::string ExpertPlacement::ToString() const {
  std::string text;
  for (const std::vector<int32_t>& ranks : ranks_) {
    absl::StrAppend(&text, absl::StrJoin(ranks, "+"), " ");
  }
  return text;
}

bool ExpertPlacement::Owns(int layer, int expert, int rank) const {
  const std::span<const int32_t> owners = ranks(layer, expert);
  return std::find(owners.begin(), owners.end(), rank) != owners.end();
}

std::vector<int> ExpertPlacement::LocalExperts(int layer, int rank) const {
  std::vector<int> local;
  for (int expert = 0; expert < shape_.num_experts; ++expert) {
    if (Owns(layer, expert, rank)) local.push_back(expert);
  }
  return local;
}

}  // namespace octet
