// The exchange of the replay's model beside latencies that others have published.

#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/base/quantile.h"
#include "launch/files/proto_text.h"
#include "runtime/replay/step_model.h"
#include "tests/support/layer_profile.h"
#include "tests/support/oracle.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

// Tokens choose 8 experts, which are divided evenly over the GPUs: as DeepSeek-V3's 256. They go in
// FP8 with a float32 scale for each 128 channels, and come back in BF16 (DeepEP's README).
constexpr ReplayedModel kDeepEpModel = {.num_layers = 1,
                                        .num_experts = 256,
                                        .topk = 8,
                                        .hidden_size = 7168,
                                        .dispatch_row_bytes = 7168 + 4 * 7168 / 128,
                                        .return_row_bytes = 2 * 7168};

// Hosts of 8 H800: NVLink carries 160 GB/s at most, and each GPU has a ConnectX-7 of 400 Gbit/s
// (DeepEP's README). 2 us is what InfiniBand NDR takes through a switch or two.
std::string HostsOfH800(int gpus, double network_rate) {
  return absl::StrCat("ranks_are_devices: true hosts { ranks: 8 count: ", gpus / 8, " } ",
                      "same_host { latency_seconds: 1e-6 bytes_per_second: 160e9 } ",
                      "network { latency_seconds: 2e-6 bytes_per_second: ", network_rate, " }");
}
constexpr double kSheetRate = 50e9;
// What DeepEP's table has where nearly all rows go to other hosts: for 128 GPUs and more.
constexpr double kAttainedRate = 39e9;

Cluster ParseCluster(const std::string& text) {
  Cluster cluster;
  const absl::Status status = ParseTextProto(text, cluster);
  EXPECT_TRUE(status.ok()) << status;
  return cluster;
}

TokenTable RandomGpuTokens(int gpus, int64_t tokens) {
  std::mt19937 random(1);
  TokenTable table = {
      .num_layers = 1, .num_experts = kDeepEpModel.num_experts, .topk = kDeepEpModel.topk};
  for (int g = 0; g < gpus; ++g) {
    table.answers.push_back({.line = g + 1,
                             .first_row = table.num_tokens(),
                             .num_tokens = tokens,
                             .prompt_tokens = tokens});
    table.places.resize(table.num_tokens() + tokens);
    for (int64_t t = 0; t < tokens; ++t) {
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

// Predicts an exchange of so many tokens of each GPU, between ranks that compute nothing.
ExchangeTime PredictExchange(int gpus, int64_t tokens, const std::string& description) {
  MachineProfile machine;
  LayerProfile& layer = *machine.add_layers();
  layer = LinearProfile(1e-15);
  layer.mutable_shape()->set_hidden_size(kDeepEpModel.hidden_size);
  layer.mutable_shape()->set_experts(kDeepEpModel.num_experts);
  layer.mutable_shape()->set_experts_per_token(kDeepEpModel.topk);
  const auto cluster =
      ClusterModel::Make(ParseCluster(description), kDeepEpModel, {{"", machine}}, nullptr);
  EXPECT_TRUE(cluster.ok()) << cluster.status();
  const auto placement = ExpertPlacement::Parse("contiguous", {1, kDeepEpModel.num_experts, gpus});
  const TokenTable table = RandomGpuTokens(gpus, tokens);
  auto job = ReplayedJob::Make(table,
                               {.max_num_seqs = gpus,
                                .max_num_batched_tokens = gpus * tokens,
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

// A line of DeepEP's tables.
struct PublishedLine {
  std::string kernel;
  int gpus = 0;
  int64_t tokens = 0;  // of each GPU
  double latency = 0;  // microseconds; 0 if there is a bandwidth alone
  double bandwidth = 0;

  bool IsDispatch() const { return kernel.ends_with("dispatch"); }
};

std::vector<PublishedLine> ReadPublished(const std::string& directory, const std::string& kind) {
  std::vector<PublishedLine> published;
  const std::vector<std::string> lines =
      absl::StrSplit(ReadFile(directory + "/deepep_v1_v2.csv"), '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    if (!cells[0].starts_with(kind) || cells[1] == "SM100") continue;
    published.push_back({.kernel = cells[0],
                         .gpus = std::stoi(cells[2]),
                         .tokens = std::stoi(cells[3]),
                         .latency = cells[7].empty() ? 0 : std::stod(cells[7]),
                         .bandwidth = std::stod(cells[8])});
  }
  EXPECT_FALSE(published.empty());
  return published;
}

// Returns what predictions of the low-latency kernels are to what was measured.
std::vector<double> PredictedToMeasured(const std::string& directory, double rate, int least_gpus) {
  std::vector<double> ratios;
  for (const PublishedLine& line : ReadPublished(directory, "lowlat_")) {
    const ExchangeTime time = PredictExchange(line.gpus, line.tokens, HostsOfH800(line.gpus, rate));
    const double predicted = line.IsDispatch() ? time.dispatch : time.combine;
    std::cout << line.gpus << " GPUs, " << line.kernel << " at " << rate / 1e9
              << " GB/s: " << predicted << " us, measured " << line.latency << "\n";
    if (line.gpus >= least_gpus) ratios.push_back(predicted / line.latency);
  }
  return ratios;
}

// No kernel reaches the rate of a data sheet.
TEST(PublishedExchange, IsFasterByTheDataSheetThanDeepEpMeasured) {
  const auto directory = OraclePath("published");
  OCTET_SKIP_WITHOUT_ORACLE(directory, "the replay's exchange against DeepEP's latencies");
  for (const double ratio : PredictedToMeasured(*directory, kSheetRate, 32)) {
    EXPECT_GT(ratio, 0.6);
    EXPECT_LT(ratio, 1);
  }
}

// On one host links are not what takes the time: DeepEP's kernels start, and each expert gets a
// row.
TEST(PublishedExchange, IsNearWhatDeepEpMeasuredByTheRateThatItAttains) {
  const auto directory = OraclePath("published");
  OCTET_SKIP_WITHOUT_ORACLE(directory, "the replay's exchange against DeepEP's latencies");
  std::vector<double> errors;
  for (const double ratio : PredictedToMeasured(*directory, kAttainedRate, 16)) {
    errors.push_back(std::abs(ratio - 1));
    EXPECT_LT(errors.back(), 0.25);
  }
  EXPECT_LT(Median(errors), 0.1);
}

// The bandwidths count the rows that a GPU gets, those of its own tokens too.
TEST(PublishedExchange, IsNearTheBandwidthOfNvLink) {
  const auto directory = OraclePath("published");
  OCTET_SKIP_WITHOUT_ORACLE(directory, "the replay's exchange against DeepEP's bandwidths");
  const PublishedLine line = ReadPublished(*directory, "normal_dispatch").front();
  ASSERT_EQ(line.gpus, 8);
  const ExchangeTime time =
      PredictExchange(line.gpus, line.tokens, HostsOfH800(line.gpus, kSheetRate));
  const double gpus_of_token = 8 * (1 - std::pow(1 - 1 / 8.0, 8));
  const double bytes = gpus_of_token * static_cast<double>(line.tokens) *
                       static_cast<double>(kDeepEpModel.dispatch_row_bytes);
  const double bandwidth = bytes / time.dispatch / 1e3;  // GB/s
  std::cout << "NVLink: " << bandwidth << " GB/s, measured " << line.bandwidth << "\n";
  EXPECT_NEAR(bandwidth / line.bandwidth, 1, 0.25);
}

// Where a token goes once to each host, as between CPUs and in DeepEP's second version, the network
// cards of a host together are its link.
TEST(PublishedExchange, IsNearTheBandwidthOfOneRowForEachHost) {
  const auto directory = OraclePath("published");
  OCTET_SKIP_WITHOUT_ORACLE(directory, "the replay's exchange against DeepEP's bandwidths");
  for (const PublishedLine& line : ReadPublished(*directory, "v2_dispatch")) {
    const double hosts = line.gpus / 8.0;
    const ExchangeTime time = PredictExchange(
        line.gpus, line.tokens,
        absl::StrCat("hosts { ranks: 8 count: ", hosts, " } same_host { bytes_per_second: 160e9 } ",
                     "network { latency_seconds: 2e-6 bytes_per_second: ", 8 * kSheetRate, " }"));
    const double hosts_of_token = hosts * (1 - std::pow(1 - 1 / hosts, 8));
    const double bytes = hosts_of_token * static_cast<double>(line.tokens) *
                         static_cast<double>(kDeepEpModel.dispatch_row_bytes);
    const double bandwidth = bytes / time.dispatch / 1e3;  // GB/s
    std::cout << line.gpus << " GPUs: " << bandwidth << " GB/s, measured " << line.bandwidth
              << "\n";
    EXPECT_NEAR(bandwidth / line.bandwidth, 1, 0.2);
  }
}

}  // namespace
}  // namespace octet
