// The exchange of the replay's model beside latencies that others have published.

#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "kernels/base/quantile.h"
#include "launch/files/proto_text.h"
#include "runtime/replay/step_model.h"
#include "tests/support/layer_profile.h"
#include "tests/support/oracle.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

// DeepEP's low-latency test: 128 tokens of each of so many GPUs choose 8 experts, which are divided
// evenly over the GPUs: as DeepSeek-V3's 256. They go in FP8 with a float32 scale for each 128
// channels, and come back in BF16 (its README).
constexpr int kGpuTokens = 128;
constexpr ReplayedModel kDeepEpModel = {.num_layers = 1,
                                        .num_experts = 256,
                                        .topk = 8,
                                        .hidden_size = 7168,
                                        .dispatch_row_bytes = 7168 + 4 * 7168 / 128,
                                        .return_row_bytes = 2 * 7168};

// Each GPU of an H800 host has a ConnectX-7 of 400 Gbit/s (DeepEP's README), through which it sends
// by itself: here it is a host. 2 us is what InfiniBand NDR takes through a switch or two.
Cluster ClusterOfGpus(int gpus) {
  Cluster cluster;
  const absl::Status status =
      ParseTextProto(absl::StrCat("hosts { count: ", gpus, " }",
                                  "network { latency_seconds: 2e-6 bytes_per_second: 50e9 }"),
                     cluster);
  EXPECT_TRUE(status.ok()) << status;
  return cluster;
}

TokenTable RandomGpuTokens(int gpus) {
  std::mt19937 random(1);
  TokenTable table = {
      .num_layers = 1, .num_experts = kDeepEpModel.num_experts, .topk = kDeepEpModel.topk};
  for (int g = 0; g < gpus; ++g) {
    table.answers.push_back({.line = g + 1,
                             .first_row = table.num_tokens(),
                             .num_tokens = kGpuTokens,
                             .prompt_tokens = kGpuTokens});
    table.places.resize(table.num_tokens() + kGpuTokens);
    for (int t = 0; t < kGpuTokens; ++t) {
      std::vector<int16_t> chosen;
      while (std::ssize(chosen) < kDeepEpModel.topk) {
        const auto expert = static_cast<int16_t>(random() % kDeepEpModel.num_experts);
        if (std::ranges::find(chosen, expert) == chosen.end()) chosen.push_back(expert);
      }
      table.experts.insert(table.experts.end(), chosen.begin(), chosen.end());
    }
  }
  return table;
}

struct ExchangeTime {
  double dispatch, combine;  // microseconds
};

// Predicts an exchange between ranks that compute nothing.
ExchangeTime PredictExchange(int gpus) {
  MachineProfile machine;
  LayerProfile& layer = *machine.add_layers();
  layer = LinearProfile(1e-15);
  layer.mutable_shape()->set_hidden_size(kDeepEpModel.hidden_size);
  layer.mutable_shape()->set_experts(kDeepEpModel.num_experts);
  layer.mutable_shape()->set_experts_per_token(kDeepEpModel.topk);
  const auto cluster =
      ClusterModel::Make(ClusterOfGpus(gpus), kDeepEpModel, {{"", machine}}, nullptr);
  EXPECT_TRUE(cluster.ok()) << cluster.status();
  const auto placement = ExpertPlacement::Parse("contiguous", {1, kDeepEpModel.num_experts, gpus});
  const TokenTable table = RandomGpuTokens(gpus);
  auto job = ReplayedJob::Make(table,
                               {.max_num_seqs = gpus,
                                .max_num_batched_tokens = gpus * kGpuTokens,
                                .pages = std::vector<int64_t>(gpus),
                                .group_size = gpus},
                               HomePolicy::kRoundRobin, 1);
  EXPECT_TRUE(job.ok()) << job.status();
  StepModel steps(*cluster, kDeepEpModel, *placement, ReplicaPolicy::kEven, table,
                  /*wants_all=*/true);
  const StepModel::Prediction step = steps.Predict(*job, *job->Next());
  const auto microseconds = [&](ReplayedTime time) {
    return 1e6 * step.times[static_cast<size_t>(time)];
  };
  return {microseconds(ReplayedTime::kExposedDispatch),
          microseconds(ReplayedTime::kExposedCombine)};
}

// Returns what DeepEP's README gives, by GPUs.
std::map<int, ExchangeTime> ReadPublished(const std::string& path) {
  std::map<int, ExchangeTime> published;
  const std::vector<std::string> lines = absl::StrSplit(ReadFile(path), '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    if (!cells[0].starts_with("lowlat_")) continue;
    ExchangeTime& time = published[std::stoi(cells[2])];
    (cells[0] == "lowlat_dispatch" ? time.dispatch : time.combine) = std::stod(cells[7]);
  }
  return published;
}

// From 32 GPUs on. Below that NVLink, which the model does not know, carries half of the rows or
// all.
TEST(PublishedExchange, IsNearWhatDeepEpMeasuredOnH800) {
  const auto directory = OraclePath("published");
  OCTET_SKIP_WITHOUT_ORACLE(directory, "the replay's exchange against DeepEP's latencies");
  const auto published = ReadPublished(*directory + "/deepep_v1_v2.csv");
  ASSERT_TRUE(published.contains(32) && published.contains(256));
  std::vector<double> errors;
  for (const auto& [gpus, measured] : published) {
    const ExchangeTime predicted = PredictExchange(gpus);
    std::cout << gpus << " GPUs: dispatch " << predicted.dispatch << " us, measured "
              << measured.dispatch << "; combine " << predicted.combine << " us, measured "
              << measured.combine << "\n";
    if (gpus < 32) continue;
    for (const auto time : {&ExchangeTime::dispatch, &ExchangeTime::combine}) {
      errors.push_back(std::abs(predicted.*time / measured.*time - 1));
      EXPECT_LT(errors.back(), 0.25) << gpus;
    }
  }
  EXPECT_LT(Median(errors), 0.15);
}

}  // namespace
}  // namespace octet
