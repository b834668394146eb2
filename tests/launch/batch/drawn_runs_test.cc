// The same job gives the same bytes, whatever decides where its experts and its sequences live:
// settings drawn at random, from a fixed seed.

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "parallel/placement/balanced_placement.h"
#include "tests/support/demo_model.h"
#include "tests/support/fault_samples.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/sanitized.h"
#include "tests/support/test_files.h"

namespace octet::drawn_runs {
namespace {

using nlohmann::json;

// The demo model has these.
constexpr int kLayers = 3;
constexpr int kExperts = 8;

constexpr int kMostRanks = 6;
constexpr uint32_t kSeed = 20;

// Greedy and sampled, with and without seeds and logprobs, and conversations. homes: of each
// request its rank; empty: none is named.
std::string Requests(const std::vector<int>& homes) {
  const json bodies[] = {
      {{"prompt", "In the beginning"}, {"temperature", 0}, {"logprobs", 3}},
      {{"prompt", "ROMEO:\n"}, {"max_tokens", 30}},
      {{"prompt", "The LORD is my shepherd; I shall not want."}, {"seed", 7}, {"logprobs", 5}},
      {{"messages", {{{"role", "user"}, {"content", "Who art thou?"}}}}, {"max_tokens", 12}},
      {{"prompt", ""}, {"temperature", 0}, {"max_tokens", 3}},
      {{"prompt", "And it came to pass"}, {"n", 3}, {"top_p", 0.8}},
      {{"prompt", {"O Lord", "My lord"}}, {"temperature", 1.5}, {"seed", 3}, {"echo", true}},
      {{"prompt", "KING RICHARD III:\nMy lord,"}, {"temperature", 0}, {"prompt_logprobs", 2}},
      {{"prompt", "Hark! who"}, {"min_p", 0.05}, {"frequency_penalty", 0.5}},
      {{"messages", {{{"role", "user"}, {"content", "Speak."}}}},
       {"max_tokens", 9},
       {"temperature", 0},
       {"logprobs", true},
       {"top_logprobs", 2}},
      {{"prompt", std::string(150, 'a')}, {"temperature", 0}, {"max_tokens", 2}},
      {{"prompt", "Now therefore"}, {"repetition_penalty", 1.4}, {"return_token_ids", true}}};
  std::string lines;
  for (int i = 0; i < std::ssize(bodies); ++i) {
    json body = bodies[i];
    if (!homes.empty()) body["home"] = homes[i % homes.size()];
    const bool is_chat = body.contains("messages");
    const json line = {{"custom_id", absl::StrCat("r", i)},
                       {"url", is_chat ? "/v1/chat/completions" : "/v1/completions"},
                       {"body", body}};
    lines += line.dump() + "\n";
  }
  return lines;
}

// Numbers from a seed, the same everywhere.
class Draw {
 public:
  explicit Draw(uint32_t seed) : random_(seed) {}

  int Number(int least, int most) {
    return least + static_cast<int>(random_() % static_cast<uint32_t>(most - least + 1));
  }

  template <class T>
  T OneOf(std::initializer_list<T> values) {
    return values.begin()[Number(0, static_cast<int>(values.size()) - 1)];
  }

 private:
  std::mt19937 random_;
};

class DrawnRuns : public testing::Test {
 protected:
  // One plain run whose answers all others must give, and one for its routing.
  void SetUp() override {
    WriteFile(Path("plain.jsonl"), Requests({}));
    Run(1, Command("plain.jsonl"), "plain run");
    if (HasFatalFailure()) return;
    expected_ = ReadFile(Path("out.jsonl"));
    EXPECT_NE(expected_.find("\"status_code\":200"), std::string::npos);
    EXPECT_EQ(expected_.find("\"status_code\":400"), std::string::npos) << expected_;
    Run(1, Command("plain.jsonl") + " --trace " + Path("plain.zst") + " --report " + directory_,
        "traced run");
  }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  std::string Command(const std::string& input) const {
    return absl::StrCat("run-batch --overwrite --model ", kDemoModel, " -i ", Path(input), " -o ",
                        Path("out.jsonl"));
  }

  void Run(int ranks, const std::string& arguments, const std::string& what) {
    std::filesystem::remove(Path("out.jsonl"));
    const ProcessResult result = RunOctet(ranks, arguments);
    ASSERT_EQ(result.exit_code, 0) << what << "\n" << result.output;
  }

  // A placement with replicas, of random loads, as a file.
  std::string PlacementFile(Draw& draw, int group_size) {
    const PlacementShape shape = {kLayers, kExperts, group_size};
    ExpertCounts loads(kLayers, std::vector<int64_t>(kExperts));
    for (std::vector<int64_t>& layer : loads) {
      for (int64_t& load : layer) load = draw.Number(0, 99);
    }
    const auto base = ExpertPlacement::Parse(absl::StrCat("random:", draw.Number(0, 99)), shape);
    WriteFile(Path("placement.textproto"),
              AddReplicas(*base, loads, draw.Number(1, 9)).ToProto().DebugString());
    return Path("placement.textproto");
  }

  std::string PlacementFlags(Draw& draw, int group_size) {
    const int replicas = draw.Number(-2, 5);  // of which half are none
    std::string placement =
        draw.OneOf({"contiguous", "round-robin", "random:", "eplb", "partition", "file"});
    const bool uses_counts = placement == "eplb" || placement == "partition" || replicas > 0;
    if (placement == "random:") absl::StrAppend(&placement, draw.Number(0, 99));
    if (placement == "file") placement = PlacementFile(draw, group_size);
    std::string flags = " --placement " + placement;
    if (replicas > 0) absl::StrAppend(&flags, " --replicas ", replicas);
    if (uses_counts && draw.Number(0, 2) > 0) flags += " --expert-counts " + Path("summary.json");
    return flags + " --replica-policy " + draw.OneOf({"even", "nearest", "in-turn"});
  }

  // May write an input whose requests name their homes.
  std::string HomeFlags(Draw& draw, int ranks, std::string& input) {
    const std::string home = draw.OneOf({"least-loaded", "round-robin", "affinity:", "named"});
    if (home == "affinity:") return " --home " + home + Path("plain.zst");
    if (home != "named") return " --home " + home;
    std::vector<int> homes(draw.Number(1, 12));
    for (int& rank : homes) rank = draw.Number(0, ranks - 1);
    input = "named.jsonl";
    WriteFile(Path(input), Requests(homes));
    return " --allow-home";
  }

  // Draws all settings of a run. Each rank of a group must have a slot, for requests that name it.
  std::pair<int, std::string> DrawRun(Draw& draw) {
    const int ranks = draw.Number(1, kMostRanks);
    int group_size = draw.Number(1, ranks);
    while (ranks % group_size != 0) ++group_size;
    std::string input = "plain.jsonl";
    std::string flags = HomeFlags(draw, ranks, input);
    flags += PlacementFlags(draw, group_size);
    absl::StrAppend(&flags, " --ep-size ", group_size);
    absl::StrAppend(&flags, " --overlap ", draw.OneOf({"on", "off", "auto"}));
    absl::StrAppend(&flags, " --max-num-batched-tokens ", draw.OneOf({7, 17, 40, 300, 2000}));
    absl::StrAppend(&flags, " --max-num-seqs ", draw.OneOf({6, 10, 64}));
    if (draw.Number(0, 1) == 1) {
      absl::StrAppend(&flags, " --rebalance-every ", draw.Number(1, 12), " --rebalance-policy ",
                      draw.OneOf({"eplb", "partition"}), " --spare-experts ", draw.Number(1, 20));
    }
    if (draw.Number(0, 1) == 1) flags += " --trace " + Path("t.zst");
    return {ranks, Command(input) + flags};
  }

  const std::string directory_ = TestDirectory();
  std::string expected_;
};

TEST_F(DrawnRuns, GiveTheBytesOfAPlainRun) {
  Draw draw(kSeed);
  const int64_t runs = NumFaults(kSanitized ? 4 : 20, 200);
  for (int64_t i = 0; i < runs; ++i) {
    const auto [ranks, arguments] = DrawRun(draw);
    const std::string command = absl::StrCat(OctetCommand(ranks), " ", arguments);
    Run(ranks, arguments, command);
    if (HasFatalFailure()) return;
    ASSERT_EQ(ReadFile(Path("out.jsonl")), expected_) << "run " << i << ": " << command;
  }
}

}  // namespace
}  // namespace octet::drawn_runs
