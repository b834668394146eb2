// octet bench kernels: results and what is kept; no times.

#include "launch/bench/kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/cpu/isa.h"
#include "launch/bench/attention.h"
#include "launch/bench/machine_facts.h"
#include "launch/bench/machine_profile.h"
#include "launch/bench/matmul.h"
#include "launch/bench/quantised_matmul.h"
#include "launch/bench/rows.h"
#include "launch/bench/swiglu.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"
#include "tests/support/wrong_backend.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr AttentionHeads kHeads = {.heads = 4, .kv_heads = 2, .head_dim = 16};
constexpr int64_t kRows[] = {3, 17};
constexpr int64_t kTokens[] = {2, 37};
constexpr int64_t kContexts[] = {1, 70};

// All kernels on small matrices.
std::vector<KernelResult> RunAll(Backend& backend, Isa isa, DType dtype) {
  const KernelBench bench = {.backend = backend,
                             .isa = isa,
                             .dtype = dtype,
                             .dram_read = 1e10,
                             .dram_copy = 1e10,
                             .dot_products = 1e11,
                             .f32_dot_products = 1e11,
                             .cold_bytes = 1 << 14};
  std::vector<KernelResult> all = BenchMatmul(bench, 70, 50, kRows);
  for (const auto& results : {BenchSwiGlu(bench, 70, 48, kTokens),
                              BenchAttention(bench, kHeads, 33, kContexts), BenchRows(bench, 70)}) {
    all.insert(all.end(), results.begin(), results.end());
  }
  return all;
}

TEST(BenchKernels, AllAreRightOnEveryPath) {
  for (const Isa isa : SupportedIsas()) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      CpuBackend backend(isa, 2);
      const std::vector<KernelResult> results = RunAll(backend, isa, dtype);
      EXPECT_EQ(results.size(), 3U + 2U + 4U + 3U);
      for (const KernelResult& result : results) {
        EXPECT_TRUE(result.right) << result.time.DebugString();
        EXPECT_GT(result.time.seconds(), 0);
        EXPECT_GT(result.time.bytes(), 0);
        EXPECT_GT(result.time.bound_seconds(), 0);
      }
    }
  }
}

TEST(BenchKernels, QuantisedProductsAreRightOnEveryPath) {
  for (const Isa isa : SupportedIsas()) {
    const auto measure = [isa](Backend& backend, WeightFormat format) {
      const KernelBench bench = {.backend = backend,
                                 .isa = isa,
                                 .dtype = DType::kF32,
                                 .dram_read = 1e10,
                                 .dram_copy = 1e10,
                                 .dot_products = 1e11,
                                 .cold_bytes = 1 << 14};
      return BenchQuantisedMatmul(bench, format, 512, 50, kRows);
    };
    CpuBackend backend(isa, 2);
    WrongBackend wrong(isa, 1);
    for (const WeightFormat format : kQuantisedFormats) {
      const auto results = measure(backend, format);
      ASSERT_EQ(results.size(), 3U);
      for (const KernelResult& result : results) {
        EXPECT_TRUE(result.right) << result.time.DebugString();
        EXPECT_EQ(result.time.dtype(), Name(format));
      }
      EXPECT_EQ(results[1].time.bytes(), 64.0 * static_cast<double>(RowBytes(format, 512)));
      EXPECT_FALSE(measure(wrong, format)[1].right);
    }
  }
}

TEST(BenchKernels, ExpertsTakeTheLoadThatIsAskedFor) {
  MemoryFileSystem files;
  for (const char* text : {"uniform", "zipf:1", "all-on:3,5"}) {
    const auto load = ReadRoutingLoad(files, text, kSwiGluShape);
    ASSERT_TRUE(load.ok()) << load.status();
    for (const Isa isa : SupportedIsas()) {
      CpuBackend backend(isa, 1);
      const KernelBench bench = {
          .backend = backend, .isa = isa, .dtype = DType::kBF16, .cold_bytes = 1 << 14};
      const auto results = BenchSwiGlu(bench, 70, 48, kTokens, {text, load->get()});
      ASSERT_EQ(results.size(), 2U);
      for (const KernelResult& result : results) {
        EXPECT_TRUE(result.right) << result.time.DebugString();
        EXPECT_THAT(result.time.shape(), HasSubstr(text));
      }
      // Weights of experts without tokens are not read.
      const double all = BenchSwiGlu(bench, 70, 48, kTokens)[1].time.bytes();
      const bool some = std::string(text) == "all-on:3,5";
      EXPECT_EQ(results[1].time.bytes(), some ? all / 4 : all);
    }
  }
}

TEST(BenchKernels, WrongResultsAreSeen) {
  const Isa isa = SupportedIsas().back();
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    WrongBackend backend(isa, 1);
    for (const KernelResult& result : RunAll(backend, isa, dtype)) {
      EXPECT_EQ(result.right, result.time.kernel() == "pack") << FormatKernel(result);
    }
    backend.spoils_packs = true;
    EXPECT_FALSE(RunAll(backend, isa, dtype).front().right);
  }
}

// The results' own arithmetic.
TEST(BenchKernels, CountsOperationsAndBytes) {
  CpuBackend backend(Isa::kAvx2, 1);
  const std::vector<KernelResult> all = RunAll(backend, Isa::kAvx2, DType::kBF16);
  const auto time = [&](size_t i) { return all[i].time; };
  EXPECT_EQ(time(0).kernel(), "pack");
  EXPECT_EQ(time(0).bytes(), 50 * 70 * 2 + 64 * 70 * 2);
  EXPECT_EQ(time(2).kernel(), "matmul");
  EXPECT_EQ(time(2).operations(), 2.0 * 17 * 70 * 50);
  EXPECT_EQ(time(2).bytes(), 64 * 70 * 2);
  EXPECT_EQ(time(4).kernel(), "swiglu");
  EXPECT_EQ(time(4).rows(), 74);
  EXPECT_EQ(time(4).operations(), 6.0 * 74 * 70 * 48);
  EXPECT_EQ(time(5).kernel(), "attention");  // 33 tokens, of which each sees those before it
  EXPECT_EQ(time(5).operations(), 4.0 * 16 * 4 * 33 * 34 / 2);
  EXPECT_EQ(time(8).context(), 70);
  EXPECT_EQ(time(8).operations(), 4.0 * 16 * 4 * 70);
  EXPECT_EQ(time(8).bytes(), 70 * 2 * 2 * 16 * 2 + 2 * 4 * 16 * 4);
}

constexpr char kTinyKernels[] =
    "bench kernels --threads 1 --isa avx2 --inputs 64 --outputs 48 --rows 2 --tokens 3 "
    "--seq-len 5 --contexts 40 --memory-mib 1 ";

TEST(BenchKernels, KeepsWhatItMeasured) {
  const std::string path = TestDirectory() + "/machine.txt";
  WriteFile(path, "exchange { ranks: 7 }");
  const ProcessResult result = RunOctet(0, kTinyKernels + ("--formats Q8_0,Q4_K --save " + path));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, AllOf(HasSubstr("result right"), Not(HasSubstr("WRONG"))));
  PosixFileSystem files;
  const absl::StatusOr<MachineProfile> profile = ReadMachineProfile(files, path);
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->exchange().ranks(), 7);
  const KernelProfile& kernels = profile->kernels();
  EXPECT_NE(kernels.host(), "");
  EXPECT_EQ(kernels.threads(), 1);
  EXPECT_GT(kernels.caches().l2_bytes(), 0);
  ASSERT_EQ(kernels.dram_size(), 3);
  EXPECT_EQ(kernels.dram(1).streams(), 4);
  ASSERT_EQ(kernels.dot_products_size(), 3);
  EXPECT_EQ(kernels.dot_products(1).dtype(), "bfloat16");
  EXPECT_EQ(kernels.dot_products(2).dtype(), "int8");
  EXPECT_EQ(kernels.times_size(), 2 * (2 + 1 + 3 + 3) + 2 * 2);
}

TEST(BenchKernels, RefusesBeforeItMeasures) {
  const auto expect_refused = [&](const std::string& flags, const std::string& message) {
    const ProcessResult result = RunOctet(0, kTinyKernels + flags);
    EXPECT_EQ(result.exit_code, 2) << flags;
    EXPECT_THAT(result.output, AllOf(HasSubstr(message), Not(HasSubstr("GB/s")))) << flags;
  };
  expect_refused("--routing all-on:1", "--routing all-on:1: must name at least 2 experts");
  expect_refused("--save /no/such/directory/machine.txt", "/no/such/directory/machine.txt");
  expect_refused("--formats Q8_0,Q3_K",
                 "--formats 'Q3_K': must be all, none, or some of Q4_0, Q4_1");
  const ProcessResult result = RunOctet(0, "bench kernels --isa neon");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("--isa 'neon': this machine has all, avx2"));
}

TEST(MachineFacts, AreReadFromTheSystem) {
  MemoryFileSystem files;
  EXPECT_EQ(CpuModel(files), "");
  files.files["/proc/cpuinfo"] = "processor\t: 0\nmodel name\t: Some CPU: 9\nmodel name\t: Other\n";
  EXPECT_EQ(CpuModel(files), "Some CPU: 9");
  EXPECT_GT(FindCacheSizes().l2_bytes(), 0);
}

}  // namespace
}  // namespace octet
