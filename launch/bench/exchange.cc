#include "launch/bench/exchange.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <iostream>
#include <limits>

#include "kernels/cpu/make_cpu_backend.h"
#include "launch/bench/bench_memory.h"
#include "launch/bench/exchange_case.h"
#include "launch/bench/exchange_times.h"
#include "launch/bench/machine_facts.h"
#include "launch/bench/machine_profile.h"
#include "launch/bench/run_comparison.h"
#include "launch/console/console.h"
#include "launch/setup/core_binding.h"
#include "launch/setup/placement_choice.h"
#include "launch/setup/thread_placement.h"
#include "launch/version.h"
#include "parallel/transport/agreement.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

absl::StatusOr<DType> ParseDType(const std::string& name) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    if (name == Name(dtype)) return dtype;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--dtype must be float32 or bfloat16, not ", Quoted(name)));
}

absl::StatusOr<ExpertPlacement> ParsePlacement(const ExchangeBenchOptions& o, int num_ranks) {
  PosixFileSystem files;
  return MakePlacement(files, o.placement,
                       {.num_layers = 1, .num_experts = o.num_experts, .num_ranks = num_ranks});
}

absl::Status CheckSizes(const ExchangeBenchOptions& o, int num_ranks) {
  if (num_ranks == 1) {
    return absl::InvalidArgumentError(
        "bench exchange: one rank has nobody to exchange with; start several, as with "
        "'launch/run.sh -n 4 bench exchange'");
  }
  if (o.topk > o.num_experts) {
    return absl::InvalidArgumentError(
        absl::StrCat("--top-k ", o.topk, ": there are ", o.num_experts, " --experts"));
  }
  const int64_t tokens = *std::max_element(o.tokens.begin(), o.tokens.end());
  const int64_t rows = tokens * o.topk * num_ranks;
  if (rows > std::numeric_limits<int32_t>::max() / num_ranks) {
    return absl::InvalidArgumentError(absl::StrCat("--tokens ", tokens, ": with --top-k ", o.topk,
                                                   " on ", num_ranks, " ranks these are too many"));
  }
  return absl::OkStatus();
}

// Checks the memory that the ranks of this host write to. Each token has itself, its sum, and its
// rows to an expert and back, in float32.
absl::Status CheckMemory(const Communicator& comm, const ExchangeBenchOptions& o) {
  const auto hosts = comm.hosts();
  const auto ranks = std::count(hosts.begin(), hosts.end(), hosts[comm.rank()]);
  const int64_t tokens = *std::max_element(o.tokens.begin(), o.tokens.end());
  const double row = sizeof(float) * static_cast<double>(o.hidden_size);
  const std::vector<BenchMemory> needs = {
      {absl::StrCat("--tokens ", tokens, " of ", ranks, " ranks with --hidden-size ", o.hidden_size,
                    " and --top-k ", o.topk),
       row * static_cast<double>(ranks) * static_cast<double>(tokens) * (2 + 3.0 * o.topk)}};
  PosixFileSystem files;
  return CheckBenchMemory(files, needs);
}

std::string FormatHeader(const Communicator& comm, const ExchangeBenchOptions& o, int threads) {
  const int hosts = CountHosts(comm);
  return absl::StrFormat(
      "%d ranks on %d %s, %d %s each; hidden size %d, top %d of %d experts, %s; rows to experts "
      "%s\n",
      comm.size(), hosts, hosts == 1 ? "host" : "hosts", threads,
      threads == 1 ? "thread" : "threads", o.hidden_size, o.topk, o.num_experts,
      o.placement.placement, o.dtype);
}

std::string FormatMessages(const ExchangeProfile& profile) {
  std::string text = "MPI messages from one rank to another\n";
  for (const MessageTime& m : profile.messages()) {
    absl::StrAppendFormat(&text, "  %-12s %8d B  %10.2f us  %7.2f GB/s\n",
                          m.same_host() ? "on one host" : "to another", m.message_bytes(),
                          m.seconds() * 1e6, m.bytes_per_second() / 1e9);
  }
  absl::StrAppend(&text, "all to all, GB/s sent by a rank\n");
  for (const AllToAllTime& a : profile.all_to_all()) {
    absl::StrAppendFormat(
        &text, "  %8d B a pair  MPI %9.1f us  %6.2f GB/s   octet %9.1f us  %6.2f GB/s  %4.0f %%\n",
        a.message_bytes(), a.mpi_seconds() * 1e6, a.mpi_bytes_per_second() / 1e9, a.seconds() * 1e6,
        a.bytes_per_second() / 1e9, 100 * a.mpi_seconds() / a.seconds());
  }
  return text;
}

std::string FormatPhase(int64_t tokens, const char* name, const ExchangePhaseTime& p, bool right) {
  return absl::StrFormat(
      "%5d tokens  %-8s %12.0f B sent  %9.1f us  %6.2f GB/s   MPI's messages %9.1f us: %5.1f%%   "
      "result %s\n",
      tokens, name, p.bytes(), p.seconds() * 1e6, p.bytes() / p.seconds() / 1e9,
      p.bound_seconds() * 1e6, 100 * p.share_of_bound(), right ? "right" : "WRONG");
}

std::string FormatMoe(const MoeExchangeTime& t, bool right) {
  return absl::StrCat(FormatPhase(t.tokens_per_rank(), "dispatch", t.dispatch(), right),
                      FormatPhase(t.tokens_per_rank(), "combine", t.combine(), right),
                      FormatPhase(t.tokens_per_rank(), "layer", t.layer(), right));
}

class BenchExchangeCommand : public Subcommand {
 public:
  explicit BenchExchangeCommand(CommandLine& bench)
      : Subcommand(bench, "exchange", "an MoE layer's exchange between the ranks") {
    line().AddCounts("--tokens", options_.tokens, {1, 1 << 16},
                     "of each rank; default 1,16,64,512,2048");
    line().AddCount("--hidden-size", options_.hidden_size, {1, 1 << 20}, "default 4096");
    line().AddCount("--experts", options_.num_experts, {1, 1024}, "default 8");
    line().AddCount("--top-k", options_.topk, {1, 64}, "experts of each token; default 2");
    line().AddText("--dtype", options_.dtype,
                   "of the rows that experts get: float32 or bfloat16 (default)");
    AddPlacementFlags(line(), options_.placement);
    line().AddCount("--seed", options_.seed, {1, std::numeric_limits<int64_t>::max()},
                    "of the routing; default 1");
    line().AddCount("--threads", options_.threads, kThreadCounts,
                    "of each rank; default: the cores that it may use, divided by the ranks that "
                    "share them");
    line().AddText("--save", save_, "machine profile (text proto or .json) to write this into");
    line().AddText("--compare", compare_, "machine profile to compare this with");
  }

  ExitCode Run(Communicator& world) override {
    PosixFileSystem files;
    const bool saves = world.rank() == 0 && !save_.empty();
    absl::Status status = saves ? CheckCanUpdate(files, save_) : absl::OkStatus();
    const SavedRun::Read saved =
        SavedRun::ReadExchange(files, world.rank() == 0 ? compare_ : std::string());
    status.Update(saved.status());
    status = AgreeOnStatus(world, status);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
    const absl::StatusOr<ExchangeProfile> profile =
        BenchExchange(world, ExchangeMpiMessages, options_, std::cout);
    if (!profile.ok()) {
      return ExitWith(
          world, profile.status(),
          absl::IsInvalidArgument(profile.status()) ? ExitCode::kCannotServe : ExitCode::kFailed);
    }
    if (*saved) std::cout << CompareRuns(RunValuesOf(*profile), **saved) << std::flush;
    if (saves) {
      MachineProfile fresh;
      *fresh.mutable_exchange() = *profile;
      status = UpdateMachineProfile(files, save_, fresh);
    }
    status = AgreeOnStatus(world, status);
    return status.ok() ? ExitCode::kDone : ExitWith(world, status, ExitCode::kFailed);
  }

 private:
  ExchangeBenchOptions options_;
  std::string save_;
  std::string compare_;
};

// Collective. Measures the layers. Returns an error if any rank got wrong values.
absl::Status MeasureLayers(Communicator& comm, PlainExchange plain, const ExchangeBenchOptions& o,
                           const ExpertPlacement& placement, DType dtype, Backend& backend,
                           std::ostream& out, ExchangeProfile& profile) {
  absl::Status status;
  for (const int64_t tokens : o.tokens) {
    const ExchangeCase exchange_case = {.tokens_per_rank = tokens,
                                        .hidden_size = o.hidden_size,
                                        .num_experts = o.num_experts,
                                        .topk = o.topk,
                                        .dtype = dtype,
                                        .seed = o.seed};
    const MoeExchangeResult result =
        MeasureMoeExchange(comm, plain, placement, backend, exchange_case);
    const absl::Status right = AgreeOnStatus(
        comm, result.right ? absl::OkStatus()
                           : absl::InternalError(absl::StrCat(
                                 tokens, " tokens: what the exchange brought is WRONG")));
    if (comm.rank() == 0) out << FormatMoe(result.time, right.ok()) << std::flush;
    status.Update(right);
    MoeExchangeTime& time = *profile.add_moe();
    time = result.time;
    time.set_placement(o.placement.placement);
  }
  return status;
}

}  // namespace

absl::StatusOr<ExchangeProfile> BenchExchange(Communicator& comm, PlainExchange plain,
                                              const ExchangeBenchOptions& o, std::ostream& out) {
  const absl::StatusOr<DType> dtype = ParseDType(o.dtype);
  const absl::StatusOr<ExpertPlacement> placement = ParsePlacement(o, comm.size());
  absl::Status status = CheckSizes(o, comm.size());
  status.Update(dtype.status());
  status.Update(placement.status());
  if (status.ok()) status = CheckMemory(comm, o);
  status = AgreeOnStatus(comm, status);
  if (!status.ok()) return absl::InvalidArgumentError(status.message());

  const bool speaks = comm.rank() == 0;
  std::vector<std::string> warnings;
  PosixFileSystem files;
  NoteBinding(comm, o.threads, files, warnings);
  const int threads = PlaceThreads(comm, o.threads, warnings);
  const auto backend = MakeCpuBackend(SupportedIsas().back(), threads);
  ExchangeProfile profile;
  profile.set_version(OctetVersion());
  profile.set_ranks(comm.size());
  profile.set_threads(threads);
  profile.mutable_hosts()->Add(comm.hosts().begin(), comm.hosts().end());
  profile.set_num_hosts(CountHosts(comm));
  profile.set_cpu_model(CpuModels(comm, files));
  if (speaks) {
    out << FormatHeader(comm, o, threads);
    for (const std::string& warning : warnings) out << "octet: " << warning << "\n";
    out << std::flush;
  }
  for (const MessageTime& m : MeasureMessages(comm, plain)) *profile.add_messages() = m;
  for (const AllToAllTime& a : MeasureAllToAll(comm, plain)) *profile.add_all_to_all() = a;
  if (speaks) out << FormatMessages(profile) << "exchange of a layer, on the slowest rank\n";
  status = MeasureLayers(comm, plain, o, *placement, *dtype, *backend, out, profile);
  if (!status.ok()) return status;
  return profile;
}

std::unique_ptr<Subcommand> AddBenchExchange(CommandLine& bench) {
  return std::make_unique<BenchExchangeCommand>(bench);
}

}  // namespace octet
