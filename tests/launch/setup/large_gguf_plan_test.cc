// The memory plan of a quantised model as large as people run, before anything of it is loaded: a
// GGUF file whose headers are those of Mixtral 8x7B as Q4_K_M, and whose data are a hole.

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "launch/settings/run_config_rules.h"
#include "launch/setup/job_setup.h"
#include "tests/support/counting_file_system.h"
#include "tests/support/gguf_contents.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/local_ranks.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/octet_process.h"
#include "tests/support/sentencepiece_model.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// The experts' bytes: w1 and w3 of all layers and w2 of half of them have 144 bytes in 256 weights,
// w2 of the others 210.
constexpr int64_t kMatrixWeights = int64_t{4096} * 14336;
constexpr int64_t kExpertsBytes = 8 * kMatrixWeights / 256 * (32 * 2 * 144 + 16 * 144 + 16 * 210);

// Files of a host with so much memory.
class HostFiles : public ForwardingFileSystem {
 public:
  HostFiles(FileSystem& base, int64_t bytes) : ForwardingFileSystem(base) {
    system_.files["/proc/meminfo"] = absl::StrCat("MemAvailable: ", bytes / 1024, " kB\n");
  }
  absl::StatusOr<std::unique_ptr<InputStream>> OpenInput(const std::string& path) override {
    const bool of_memory = path == "/proc/meminfo" || path == "/proc/self/cgroup";
    return of_memory ? system_.OpenInput(path) : base_.OpenInput(path);
  }

 private:
  MemoryFileSystem system_;
};

sentencepiece::ModelProto LargeVocabulary(int size) {
  sentencepiece::ModelProto pieces = BareModel(/*byte_fallback=*/true);
  while (pieces.pieces_size() < size) {
    AddPiece(pieces, absl::StrCat("piece", pieces.pieces_size()), -1);
  }
  return pieces;
}

// Whether llama-quantize takes Q6_K for w2. Source: use_more_bits in
// https://github.com/ggml-org/llama.cpp, src/llama-quant.cpp.
bool HasMoreBits(int layer, int layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

class LargeGgufPlanTest : public testing::Test {
 protected:
  LargeGgufPlanTest() {
    GgufContents contents;
    contents.SetShape(config_);
    contents.SetTokenizer(LargeVocabulary(config_.vocab_size));
    for (const auto& [key, entry] : contents.entries) writer_.Add(key, entry.type, entry.value);
    AddTensors();
    WriteFile(path_, writer_.Bytes());
    header_bytes_ = std::filesystem::file_size(path_);
    std::filesystem::resize_file(path_, header_bytes_ + data_bytes_);
  }
  ~LargeGgufPlanTest() override { std::filesystem::remove(path_); }

  void Add(const std::string& name, const std::vector<uint64_t>& dims, WeightFormat format) {
    writer_.tensors.push_back({name + ".weight", dims, GgmlTypeOf(format), data_bytes_});
    uint64_t rows = 1;
    for (size_t i = 1; i < dims.size(); ++i) rows *= dims[i];
    data_bytes_ += rows * RowBytes(format, static_cast<int64_t>(dims[0]));
  }

  // With the formats of llama-quantize, which has its own for attention where there are 8 experts.
  void AddTensors() {
    Add("token_embd", {4096, 32000}, WeightFormat::kQ4_K);
    Add("output_norm", {4096}, WeightFormat::kF32);
    Add("output", {4096, 32000}, WeightFormat::kQ6_K);
    for (int l = 0; l < config_.num_layers; ++l) {
      const std::string stem = absl::StrCat("blk.", l, ".");
      const bool more = HasMoreBits(l, config_.num_layers);
      Add(stem + "attn_norm", {4096}, WeightFormat::kF32);
      Add(stem + "attn_q", {4096, 4096}, WeightFormat::kQ4_K);
      Add(stem + "attn_k", {4096, 1024}, WeightFormat::kQ8_0);
      Add(stem + "attn_v", {4096, 1024}, WeightFormat::kQ8_0);
      Add(stem + "attn_output", {4096, 4096}, WeightFormat::kQ5_K);
      Add(stem + "ffn_norm", {4096}, WeightFormat::kF32);
      Add(stem + "ffn_gate_inp", {4096, 8}, WeightFormat::kF32);
      Add(stem + "ffn_gate_exps", {4096, 14336, 8}, WeightFormat::kQ4_K);
      Add(stem + "ffn_up_exps", {4096, 14336, 8}, WeightFormat::kQ4_K);
      Add(stem + "ffn_down_exps", {14336, 4096, 8},
          more ? WeightFormat::kQ6_K : WeightFormat::kQ4_K);
    }
  }

  // What a dry run would do on these hosts of 16 GiB, of which the system takes 0.5.
  absl::StatusOr<MemoryPlan> Plan(const std::vector<std::string>& hosts,
                                  const std::string& memory) {
    RunConfig config;
    config.set_model(path_);
    config.set_max_model_len(4096);
    config.set_memory(memory);
    config.set_dry_run(true);
    SetDefaults(config);
    absl::StatusOr<MemoryPlan> plan = absl::UnknownError("no rank");
    RunLocalRanks(hosts, [&](Communicator& comm) {
      HostFiles files(counting_, int64_t{31} << 29);
      absl::StatusOr<JobSetup> setup = SetUpJob(comm, config, files);
      if (comm.rank() != 0) return;
      if (setup.ok()) {
        plan = std::move(setup->memory);
      } else {
        plan = setup.status();
      }
    });
    return plan;
  }

  const ModelConfig config_;  // that of Mixtral 8x7B
  const std::string path_ = TestDirectory() + "/q4_k_m.gguf";
  GgufWriter writer_;
  uint64_t data_bytes_ = 0;
  uint64_t header_bytes_ = 0;
  PosixFileSystem posix_;
  CountingFileSystem counting_{posix_};
};

std::string Refusal(const absl::StatusOr<MemoryPlan>& plan) {
  EXPECT_FALSE(plan.ok());
  return std::string(plan.status().message());
}

TEST_F(LargeGgufPlanTest, FitsOnTwoHostsOf16GbAndNotOnOne) {
  EXPECT_NEAR(static_cast<double>(header_bytes_ + data_bytes_) / (1 << 30), 26.4, 0.1);
  const absl::StatusOr<MemoryPlan> two = Plan({"a", "b"}, "95%");
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_THAT(two->needs.experts, ElementsAre(kExpertsBytes / 2, kExpertsBytes / 2));
  EXPECT_THAT(DescribePlan(*two),
              AllOf(HasSubstr("a: 15.50 GiB available"), HasSubstr("rank 0: experts 12.71 GiB"),
                    HasSubstr("b: 15.50 GiB available"), HasSubstr("rank 1: experts 12.71 GiB")));
  EXPECT_THAT(Refusal(Plan({"a"}, "95%")),
              AllOf(HasSubstr("a has too little memory"), HasSubstr("25.43 GiB for experts"),
                    HasSubstr("2 such hosts with one rank each would hold it")));
  // A tenth is left free unless the user says otherwise.
  EXPECT_THAT(Refusal(Plan({"a", "b"}, "")), HasSubstr("3 such hosts with one rank each would"));

  EXPECT_GT(counting_.BytesRead(path_), 0U);
  constexpr uint64_t kReadAhead = 1 << 16;  // the reader of headers takes pieces of this size
  for (const CountingFileSystem::Range& read : counting_.Reads(path_)) {
    EXPECT_LT(read.offset + read.bytes, header_bytes_ + kReadAhead) << "data were read";
  }
}

TEST_F(LargeGgufPlanTest, ADryRunSaysSoAtOnce) {
  const ProcessResult result = RunOctet(
      0, absl::StrCat("run-batch --dry-run --memory 2500MB --max-model-len 4096 --model ", path_));
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(
      result.output,
      AllOf(HasSubstr("has too little memory: 2.33 GiB may be used (--memory)"),
            HasSubstr("25.43 GiB for experts"), HasSubstr(" such hosts with one rank each")));
}

}  // namespace
}  // namespace octet
