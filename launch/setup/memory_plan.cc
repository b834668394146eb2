#include "launch/setup/memory_plan.h"

#include <absl/status/status.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "kernels/base/number_range.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"
#include "parallel/transport/host_group.h"
#include "runtime/engine/answer_guide.h"
#include "runtime/engine/step_memory.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

// The other memory of a process: MPI's buffers, stacks of threads, memory that the allocator keeps.
// With the demo's model, the whole process (its proportional set size) took at most 17 MiB with 16
// ranks on one host, by TCP, and 12 MiB with 32, by shared memory.
constexpr int64_t kProcessBytes = int64_t{48} << 20;
// What a process takes of a CUDA device beside: its lists, and room for fragments. What the driver
// takes has gone before free memory is read.
constexpr int64_t kDeviceProcessBytes = int64_t{256} << 20;
// The memory for lines that are read ahead, their constraints, and results that wait for earlier
// ones.
constexpr int64_t kRootBytes = int64_t{146} << 20;

constexpr NumberRange<double> kAmounts = {1e-6, 1e15};  // in any unit

// Splits "12GiB" into 12 and GiB.
bool SplitUnit(const std::string& setting, double& number, std::string& unit) {
  const size_t end = setting.find_first_not_of("0123456789.");
  if (end == std::string::npos) return false;
  unit = setting.substr(end);
  const std::optional<double> parsed = kAmounts.Parse(setting.substr(0, end));
  number = parsed.value_or(0);
  return parsed.has_value();
}

int64_t RootBytes(const MemoryNeeds& needs, const HostMemory& host) {
  const bool has_root = std::ranges::find(host.ranks, 0) != host.ranks.end();
  return has_root ? needs.root : 0;
}

int64_t ReplicatedBytes(const MemoryNeeds& needs, const HostMemory& host) {
  return needs.replicated * (needs.ranks_share ? 1 : std::ssize(host.ranks));
}

int64_t SumOf(const std::vector<int64_t>& values, const std::vector<int>& indices) {
  int64_t sum = 0;
  for (const int i : indices) sum += values[i];
  return sum;
}

// Returns the bytes of experts on the fullest of so many hosts with one rank each, at most.
int64_t MostExpertBytes(const MemoryNeeds& needs, int hosts) {
  const int64_t pairs = ExpertPlacement::MostPairs({needs.num_layers, needs.num_experts, hosts});
  if (hosts > needs.num_experts) return pairs * needs.one_expert;
  return pairs / needs.num_layers * needs.one_of_each_layer;  // as many experts of each layer
}

// Returns the number of hosts with this budget, one rank each, that would hold the model; 0 if no
// number would.
int HostsNeeded(const MemoryNeeds& needs, int64_t budget) {
  const int64_t fixed =
      needs.replicated + needs.workspace + needs.root + needs.least_pages * needs.page;
  for (int hosts = 1; hosts <= needs.num_layers * needs.num_experts; ++hosts) {
    if (fixed + MostExpertBytes(needs, hosts) <= budget) return hosts;
  }
  return 0;
}

// Returns the bytes of one expert in the layer where it is the largest.
int64_t GreatestExpert(const ModelConfig& config, std::span<const ExpertFormats> formats) {
  size_t greatest = 0;
  for (const ExpertFormats& f : formats)
    greatest = std::max(greatest, ExpertMemoryBytes(config, f));
  return static_cast<int64_t>(greatest);
}

int64_t OneExpertOfEachLayer(const ModelConfig& config, std::span<const ExpertFormats> formats) {
  size_t bytes = 0;
  for (const ExpertFormats& f : formats) bytes += ExpertMemoryBytes(config, f);
  return static_cast<int64_t>(bytes);
}

// Returns the bytes of a host that `setting` allows.
absl::StatusOr<int64_t> BudgetOf(const HostMemory& host, const std::string& setting) {
  absl::StatusOr<int64_t> budget = ParseMemory(setting, host.available.bytes);
  if (budget.ok()) return budget;
  return absl::InvalidArgumentError(
      absl::StrCat(host.name, ": ", std::string(budget.status().message())));
}

absl::Status TooLittle(const MemoryNeeds& needs, const HostMemory& host, int64_t budget,
                       int64_t experts) {
  const auto num_ranks = std::ssize(host.ranks);
  const int64_t cache = num_ranks * needs.least_pages * needs.page;
  const int64_t workspace = num_ranks * needs.workspace + RootBytes(needs, host);
  const int64_t replicated = ReplicatedBytes(needs, host);
  const int64_t wanted = replicated + experts + workspace + cache;
  const int hosts = HostsNeeded(needs, budget);
  const std::string advice =
      hosts > 0 ? absl::StrCat(hosts, " such hosts with one rank each would hold it")
                : "no number of such hosts would hold it";
  return absl::ResourceExhaustedError(absl::StrCat(
      host.name, " has too little memory: ", FormatGiB(budget), " may be used (--memory) of the ",
      FormatGiB(host.available.bytes), " that ", host.available.limited_by, " leaves, and its ",
      num_ranks, num_ranks == 1 ? " rank needs " : " ranks need ", FormatGiB(wanted), ": ",
      FormatGiB(replicated), " for replicated weights, ", FormatGiB(experts), " for experts, ",
      FormatGiB(workspace), " for work space, ", FormatGiB(cache),
      " for a KV cache of one sequence of --max-model-len a rank; ", advice));
}

}  // namespace

std::string FormatGiB(int64_t bytes) {
  return absl::StrFormat("%.2f GiB", static_cast<double>(bytes) / kGiB);
}

absl::StatusOr<int64_t> ParseMemory(const std::string& setting, int64_t available) {
  const std::map<std::string, double> units = {
      {"%", static_cast<double>(available) / 100},
      {"MB", 1e6},
      {"GB", 1e9},
      {"TB", 1e12},
      {"MiB", kGiB / 1024},
      {"GiB", kGiB},
      {"TiB", kGiB * 1024},
  };
  double number = 0;
  std::string unit;
  if (!SplitUnit(setting, number, unit) || !units.contains(unit) || (unit == "%" && number > 100)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--memory ", Quoted(setting),
                     ": must be a size such as 12GiB or 500MB, or a share such as 80%"));
  }
  const double bytes = number * units.at(unit);
  if (unit != "%" && bytes > static_cast<double>(available)) {
    return absl::InvalidArgumentError(absl::StrCat("--memory ", Quoted(setting),
                                                   " is more than the ", FormatGiB(available),
                                                   " that are available"));
  }
  return static_cast<int64_t>(bytes);
}

MemoryNeeds CountMemoryNeeds(const ModelFiles& model, const EngineOptions& options,
                             const RunConfig& config) {
  const ModelConfig& c = model.config;
  const SchedulerLimits& limits = options.limits;
  std::vector<ExpertFormats> formats = FormatsOfExperts(model.tensors, c, options.dtype);
  const bool has_constraints = options.is_on_host && model.tokenizer != nullptr;
  MemoryNeeds needs = {
      .replicated = static_cast<int64_t>(ReplicatedMemoryBytes(model.tensors, c, options.dtype)),
      .ranks_share = options.is_on_host,
      .workspace = (options.is_on_host ? kProcessBytes : kDeviceProcessBytes) +
                   static_cast<int64_t>(StepMemory(c, options).total()) +
                   (has_constraints ? Constraints::PlannedBytes(c.vocab_size) : 0),
      .root = options.is_on_host ? kRootBytes : 0,
      .page = static_cast<int64_t>(KvCache::PageBytes(c, options.dtype)),
      .least_pages = KvCache::PagesFor(options.max_model_len),
      .one_expert = GreatestExpert(c, formats),
      .one_of_each_layer = OneExpertOfEachLayer(c, formats),
      .num_experts = c.num_experts,
      .num_layers = c.num_layers};
  needs.formats = std::move(formats);
  const int64_t slots = (limits.max_num_seqs + limits.group_size - 1) / limits.group_size;
  needs.most_pages = slots * needs.least_pages + RankLoad::SparePages(slots);
  if (config.kv_cache_gib() > 0) {
    const double pages = config.kv_cache_gib() * kGiB / static_cast<double>(needs.page);
    needs.most_pages = std::min(needs.most_pages, static_cast<int64_t>(pages));
  }
  return needs;
}

std::vector<int64_t> CountExpertBytes(const ModelConfig& config,
                                      std::span<const ExpertFormats> formats,
                                      const ExpertPlacement& placement, int num_ranks,
                                      int spare_experts) {
  const int64_t spare = spare_experts * GreatestExpert(config, formats);
  std::vector<int64_t> bytes;
  bytes.reserve(num_ranks);
  for (int r = 0; r < num_ranks; ++r) {
    const size_t own = ExpertMemoryBytes(config, formats, placement, r % placement.num_ranks());
    bytes.push_back(static_cast<int64_t>(own) + spare);
  }
  return bytes;
}

absl::StatusOr<std::vector<int64_t>> RoomForExperts(const MemoryNeeds& needs,
                                                    const std::vector<HostMemory>& hosts,
                                                    const std::string& setting, int group_size) {
  std::vector<int64_t> rooms(group_size, std::numeric_limits<int64_t>::max());
  for (const HostMemory& host : hosts) {
    const absl::StatusOr<int64_t> budget = BudgetOf(host, setting);
    if (!budget.ok()) return budget.status();
    const int64_t shared = ReplicatedBytes(needs, host) + RootBytes(needs, host);
    const int64_t left = (*budget - shared) / std::ssize(host.ranks) - needs.workspace -
                         needs.least_pages * needs.page;
    for (const int r : host.ranks) {
      int64_t& room = rooms[r % group_size];
      room = std::min(room, left / needs.one_expert);
    }
  }
  return rooms;
}

absl::StatusOr<MemoryPlan> PlanMemory(const MemoryNeeds& needs, std::vector<HostMemory> hosts,
                                      const std::string& setting) {
  if (needs.most_pages < needs.least_pages) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--kv-cache-gib is too small: one sequence of --max-model-len takes ",
        FormatGiB(needs.least_pages * needs.page), "; raise the one or lower the other"));
  }
  MemoryPlan plan = {.needs = needs, .pages = std::vector<int64_t>(needs.experts.size())};
  for (const HostMemory& host : hosts) {
    const absl::StatusOr<int64_t> budget = BudgetOf(host, setting);
    if (!budget.ok()) return budget.status();
    const auto num_ranks = std::ssize(host.ranks);
    const int64_t experts = SumOf(needs.experts, host.ranks);
    const int64_t left = *budget - ReplicatedBytes(needs, host) - experts -
                         num_ranks * needs.workspace - RootBytes(needs, host);
    const int64_t pages = left < 0 ? 0 : left / num_ranks / needs.page;
    if (pages < needs.least_pages) return TooLittle(needs, host, *budget, experts);
    for (const int r : host.ranks) plan.pages[r] = std::min(pages, needs.most_pages);
  }
  plan.hosts = std::move(hosts);
  return plan;
}

std::vector<HostMemory> GatherMemory(Communicator& world, const SharedMemory& mine) {
  const std::vector<std::string> all = AllGather(
      world, {"available memory"},
      absl::StrJoin(
          {mine.key, mine.name, absl::StrCat(mine.available.bytes), mine.available.limited_by},
          "\n"));
  std::vector<HostMemory> memories;
  std::map<std::string, size_t> by_key;
  for (int r = 0; r < world.size(); ++r) {
    const std::vector<std::string> fields = absl::StrSplit(all[r], absl::MaxSplits('\n', 3));
    AvailableMemory available = {.bytes = 0, .limited_by = fields[3]};
    OCTET_CHECK(absl::SimpleAtoi(fields[2], &available.bytes)) << all[r];
    const auto [found, is_new] = by_key.try_emplace(fields[0], memories.size());
    if (is_new) memories.push_back({.name = fields[1], .ranks = {}, .available = available});
    HostMemory& memory = memories[found->second];
    if (available.bytes < memory.available.bytes) memory.available = available;
    memory.ranks.push_back(r);
  }
  return memories;
}

absl::StatusOr<std::vector<HostMemory>> GatherHostMemory(Communicator& world, int64_t kept_bytes,
                                                         FileSystem& files) {
  const HostGroup host = FindHostGroup(world);
  absl::StatusOr<AvailableMemory> mine = ReadAvailableMemory(files);
  const absl::Status status = AgreeOnStatus(world, mine.status());
  if (!status.ok()) return status;
  mine->bytes += kept_bytes;
  // Each rank may have a control group of its own.
  return GatherMemory(world, {.key = absl::StrCat(host.ranks[0]),
                              .name = world.hosts()[world.rank()],
                              .available = *mine});
}

std::string DescribePlan(const MemoryPlan& plan) {
  const MemoryNeeds& needs = plan.needs;
  std::string text;
  for (const HostMemory& host : plan.hosts) {
    absl::StrAppend(&text, host.name, ": ", FormatGiB(host.available.bytes), " available (",
                    host.available.limited_by, "), ", FormatGiB(ReplicatedBytes(needs, host)),
                    " of replicated weights\n");
    for (const int r : host.ranks) {
      absl::StrAppend(&text, "  rank ", r, ": experts ", FormatGiB(needs.experts[r]),
                      ", KV cache up to ", FormatGiB(plan.pages[r] * needs.page), " (",
                      plan.pages[r] * kKvBlock, " tokens), work space up to ",
                      FormatGiB(needs.workspace), "\n");
    }
  }
  return text;
}

}  // namespace octet
