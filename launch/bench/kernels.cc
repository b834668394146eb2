#include "launch/bench/kernels.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "kernels/cpu/make_cpu_backend.h"
#include "launch/bench/attention.h"
#include "launch/bench/bench_memory.h"
#include "launch/bench/kernel_bench.h"
#include "launch/bench/machine_facts.h"
#include "launch/bench/machine_profile.h"
#include "launch/bench/matmul.h"
#include "launch/bench/probes.h"
#include "launch/bench/quantised_matmul.h"
#include "launch/bench/routing_flag.h"
#include "launch/bench/rows.h"
#include "launch/bench/run_comparison.h"
#include "launch/bench/swiglu.h"
#include "launch/console/console.h"
#include "launch/setup/core_binding.h"
#include "launch/setup/thread_placement.h"
#include "launch/version.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// The sides of a weight. With narrower ones, more memory than any cache holds would have too many
// rows.
constexpr NumberRange<int64_t> kSides = {16, 1 << 20};
constexpr NumberRange<int64_t> kSizes = {1, 1 << 20};
constexpr NumberRange<int64_t> kContexts = {1, 1 << 17};

absl::StatusOr<std::vector<Isa>> ChooseIsas(const std::string& wanted) {
  const std::vector<Isa> supported = SupportedIsas();
  if (wanted == "all") return supported;
  std::string names = "all";
  for (const Isa isa : supported) {
    if (wanted == Name(isa)) return std::vector<Isa>{isa};
    absl::StrAppend(&names, ", ", Name(isa));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--isa ", Quoted(wanted), ": this machine has ", names));
}

absl::StatusOr<std::vector<WeightFormat>> ChooseFormats(const std::string& wanted) {
  if (wanted.empty() || wanted == "all") {
    return std::vector<WeightFormat>(kQuantisedFormats.begin(), kQuantisedFormats.end());
  }
  std::vector<WeightFormat> formats;
  if (wanted == "none") return formats;
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(wanted, ','))) {
    const auto* found =
        std::ranges::find_if(kQuantisedFormats, [&](WeightFormat f) { return name == Name(f); });
    if (found == kQuantisedFormats.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--formats ", Quoted(name), ": must be all, none, or some of ",
          absl::StrJoin(kQuantisedFormats, ", ",
                        [](std::string* out, WeightFormat f) { absl::StrAppend(out, Name(f)); })));
    }
    formats.push_back(*found);
  }
  return formats;
}

int64_t Largest(const std::vector<int64_t>& values) {
  return *std::max_element(values.begin(), values.end());
}

// Returns the memory in float32, the wider of the two dtypes.
std::vector<BenchMemory> MemoryOf(const KernelBenchOptions& o, int threads) {
  constexpr double kFloat = sizeof(float);
  constexpr double kMatrices = 2;       // a weight, and the source of its packing
  constexpr double kExpertWeights = 6;  // of a quarter of the outputs: 8 experts with 3 weights
  const AttentionHeads heads;
  const double weight = kFloat * static_cast<double>(o.inputs) * static_cast<double>(o.outputs);
  const double row = kFloat * static_cast<double>(o.inputs + o.outputs);
  const double position = kFloat * 2 * heads.kv_heads * heads.head_dim;
  const auto largest = [](const std::vector<int64_t>& values) {
    return static_cast<double>(Largest(values));
  };
  return {{absl::StrCat("--memory-mib ", o.memory_mib, " of ", threads, " threads"),
           static_cast<double>(o.memory_mib) * (1 << 20) * threads},
          {absl::StrCat("--inputs ", o.inputs, " and --outputs ", o.outputs),
           std::max(kMatrices, kExpertWeights) * weight},
          {absl::StrCat("--rows ", Largest(o.rows)), weight + largest(o.rows) * row},
          {absl::StrCat("--tokens ", Largest(o.tokens)),
           kExpertWeights * weight + 3 * largest(o.tokens) * row},
          {absl::StrCat("--seq-len ", o.seq_len, " of 64 sequences"),
           64 * static_cast<double>(o.seq_len) * position},
          {absl::StrCat("--contexts ", Largest(o.contexts)), largest(o.contexts) * position}};
}

double BestDramRate(const KernelProfile& profile) {
  double best = 0;
  for (const DramRate& rate : profile.dram()) best = std::max(best, rate.bytes_per_second());
  return best;
}

// Measures the memory and the caches. The rates of the paths come later.
KernelProfile ProbeMachine(const KernelBenchOptions& o, int cores, int threads) {
  PosixFileSystem files;
  KernelProfile profile;
  profile.set_version(OctetVersion());
  profile.set_cpu_model(CpuModel(files));
  profile.set_cores(cores);
  profile.set_threads(threads);
  profile.set_isa(Name(SupportedIsas().back()));
  *profile.mutable_caches() = FindCacheSizes();
  const int64_t bytes = o.memory_mib << 20;
  for (const DramRate& rate : ProbeDram(SupportedIsas().back(), threads, bytes)) {
    *profile.add_dram() = rate;
  }
  profile.set_dram_copy_bytes_per_second(DramCopyRate(threads, bytes));
  return profile;
}

std::string FormatMachine(const KernelProfile& p) {
  std::string text = absl::StrFormat("%s, %d threads; L1d %d KiB, L2 %d KiB of a core, L3 %d KiB\n",
                                     p.cpu_model(), p.threads(), p.caches().l1d_bytes() >> 10,
                                     p.caches().l2_bytes() >> 10, p.caches().l3_bytes() >> 10);
  for (const DramRate& rate : p.dram()) {
    absl::StrAppendFormat(&text, "DRAM reads, %d %s a thread: %.1f GB/s\n", rate.streams(),
                          rate.streams() == 1 ? "stream" : "streams",
                          rate.bytes_per_second() / 1e9);
  }
  absl::StrAppendFormat(&text, "DRAM copies: %.1f GB/s read and written\n",
                        p.dram_copy_bytes_per_second() / 1e9);
  return text;
}

// Quantised formats count as "int8".
DotProductRates ProbeDotProducts(Isa isa, WeightFormat format, int threads) {
  DotProductRates rates;
  rates.set_isa(Name(isa));
  rates.set_dtype(IsQuantised(format) ? "int8" : Name(ElementType(format)));
  rates.set_operations_per_second(DotProductRate(isa, format, threads));
  rates.set_l2_operations_per_second(L2DotProductRate(isa, format, threads));
  return rates;
}

std::string FormatDotProducts(const DotProductRates& rates) {
  const char* const unit = rates.dtype() == "int8" ? "GOP/s" : "GFLOP/s";
  return absl::StrFormat(
      "%-12s %-9s dot products on registers: %.1f %s; with weights in L2: %.1f %s\n", rates.isa(),
      rates.dtype(), rates.operations_per_second() / 1e9, unit,
      rates.l2_operations_per_second() / 1e9, unit);
}

// Runs all kernels of a path and dtype. Returns false if a result was wrong.
bool BenchPath(const KernelBench& bench, const KernelBenchOptions& o, const SwiGluRouting& routing,
               KernelProfile& profile, std::ostream& out) {
  bool right = true;
  const auto add = [&](const std::vector<KernelResult>& results) {
    for (const KernelResult& result : results) {
      *profile.add_times() = result.time;
      out << FormatKernel(result) << std::flush;
      right = right && result.right;
    }
  };
  add(BenchMatmul(bench, o.inputs, o.outputs, o.rows));
  // A quarter of an expert, so that eight of them fit into a small machine.
  add(BenchSwiGlu(bench, o.inputs, std::max<int64_t>(16, o.outputs / 4 / 16 * 16), o.tokens,
                  routing));
  add(BenchAttention(bench, {}, o.seq_len, o.contexts));
  add(BenchRows(bench, o.inputs));
  return right;
}

// Runs the products with quantised weights of a path. Returns false if a result was wrong.
bool BenchQuantised(Isa isa, int threads, const KernelBenchOptions& o,
                    std::span<const WeightFormat> formats, KernelProfile& profile,
                    std::ostream& out) {
  if (formats.empty()) return true;
  const int64_t inputs =
      std::max<int64_t>(1, o.inputs / kActivationBlock) * kActivationBlock;  // whole blocks of all
  const DotProductRates rates = ProbeDotProducts(isa, WeightFormat::kQ8_0, threads);
  *profile.add_dot_products() = rates;
  out << FormatDotProducts(rates) << std::flush;
  const auto backend = MakeCpuBackend(isa, threads);
  const KernelBench bench = {.backend = *backend,
                             .isa = isa,
                             .dtype = DType::kF32,
                             .dram_read = BestDramRate(profile),
                             .dram_copy = profile.dram_copy_bytes_per_second(),
                             .dot_products = rates.operations_per_second(),
                             .cold_bytes = o.memory_mib << 20};
  bool right = true;
  for (const WeightFormat format : formats) {
    for (const KernelResult& result :
         BenchQuantisedMatmul(bench, format, inputs, o.outputs, o.rows)) {
      *profile.add_times() = result.time;
      out << FormatKernel(result) << std::flush;
      right = right && result.right;
    }
  }
  return right;
}

class BenchKernelsCommand : public Subcommand {
 public:
  explicit BenchKernelsCommand(CommandLine& bench)
      : Subcommand(bench, "kernels", "products, experts, attention and rows, of every path") {
    line().AddCount("--threads", options_.threads, kThreadCounts, "default: all cores");
    line().AddText("--isa", options_.isa, absl::StrCat(IsaNames(), ", or all (default)"));
    line().AddCount("--inputs", options_.inputs, kSides, "of the weight; default 4096");
    line().AddCount("--outputs", options_.outputs, kSides, "of the weight; default 14336");
    line().AddCounts("--rows", options_.rows, kSizes, "of products; default 1,8,16,64,512");
    line().AddCounts("--tokens", options_.tokens, kSizes,
                     "of experts that are computed together; default 64,512");
    AddRoutingFlag(line(), options_.routing, "experts share them in the ratio 8 : 7 : ... : 1");
    line().AddText("--formats", options_.formats,
                   "of quantised weights, with commas between; all (default) or none");
    line().AddCount("--seq-len", options_.seq_len, kContexts,
                    "tokens of the prefill, and of each of 64 sequences that are decoded "
                    "together; default 512");
    line().AddCounts("--contexts", options_.contexts, kContexts,
                     "tokens of sequences that are decoded alone; default 1024,8192,32768");
    line().AddCount("--memory-mib", options_.memory_mib, kSizes,
                    "that no cache holds, which each thread and each kernel goes through; "
                    "default 256");
    line().AddText("--save", save_, "machine profile (text proto or .json) to write this into");
    line().AddText("--compare", compare_, "machine profile to compare this with");
  }

  ExitCode Run(Communicator& world) override {
    const auto alone = world.MakeGroup(1);
    if (world.rank() != 0) return ExitCode::kDone;
    PosixFileSystem files;
    absl::Status status = save_.empty() ? absl::OkStatus() : CheckCanUpdate(files, save_);
    const SavedRun::Read saved = SavedRun::ReadKernels(files, compare_);
    status.Update(saved.status());
    if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
    absl::StatusOr<KernelProfile> profile = BenchKernels(*alone, options_, std::cout);
    if (!profile.ok()) {
      return ExitWith(
          world, profile.status(),
          absl::IsInvalidArgument(profile.status()) ? ExitCode::kCannotServe : ExitCode::kFailed);
    }
    if (*saved) std::cout << CompareRuns(RunValuesOf(*profile), **saved) << std::flush;
    if (save_.empty()) return ExitCode::kDone;
    MachineProfile fresh;
    *fresh.mutable_kernels() = *std::move(profile);
    fresh.mutable_kernels()->set_host(world.hosts()[0]);
    status = UpdateMachineProfile(files, save_, fresh);
    return status.ok() ? ExitCode::kDone : ExitWith(world, status, ExitCode::kFailed);
  }

 private:
  KernelBenchOptions options_;
  std::string save_;
  std::string compare_;
};

}  // namespace

absl::StatusOr<KernelProfile> BenchKernels(Communicator& alone, const KernelBenchOptions& options,
                                           std::ostream& out) {
  const absl::StatusOr<std::vector<Isa>> isas = ChooseIsas(options.isa);
  if (!isas.ok()) return isas.status();
  const absl::StatusOr<std::vector<WeightFormat>> formats = ChooseFormats(options.formats);
  if (!formats.ok()) return formats.status();
  PosixFileSystem files;
  const absl::StatusOr<std::unique_ptr<RoutingLoad>> load =
      ReadJobRouting(files, options.routing, kSwiGluShape);
  if (!load.ok()) return load.status();
  const absl::Status memory =
      CheckBenchMemory(files, MemoryOf(options, CountThreads(alone, options.threads)));
  if (!memory.ok()) return memory;
  const int cores = CountThreads(alone, 0);
  std::vector<std::string> warnings;
  NoteBinding(alone, options.threads, files, warnings);
  const int threads = PlaceThreads(alone, options.threads, warnings);
  KernelProfile profile = ProbeMachine(options, cores, threads);
  out << FormatMachine(profile);
  for (const std::string& warning : warnings) out << "octet: " << warning << "\n";
  out << std::flush;
  bool right = true;
  for (const Isa isa : *isas) {
    double f32_dot_products = 0;
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      const DotProductRates rates = ProbeDotProducts(isa, FormatOf(dtype), threads);
      if (dtype == DType::kF32) f32_dot_products = rates.operations_per_second();
      *profile.add_dot_products() = rates;
      out << FormatDotProducts(rates) << std::flush;
      const auto backend = MakeCpuBackend(isa, threads);
      const KernelBench bench = {.backend = *backend,
                                 .isa = isa,
                                 .dtype = dtype,
                                 .dram_read = BestDramRate(profile),
                                 .dram_copy = profile.dram_copy_bytes_per_second(),
                                 .dot_products = rates.operations_per_second(),
                                 .f32_dot_products = f32_dot_products,
                                 .cold_bytes = options.memory_mib << 20};
      right = BenchPath(bench, options, {options.routing, load->get()}, profile, out) && right;
    }
    right = BenchQuantised(isa, threads, options, *formats, profile, out) && right;
  }
  if (!right) return absl::InternalError("a kernel's result was WRONG");
  return profile;
}

std::unique_ptr<Subcommand> AddBenchKernels(CommandLine& bench) {
  return std::make_unique<BenchKernelsCommand>(bench);
}

}  // namespace octet
