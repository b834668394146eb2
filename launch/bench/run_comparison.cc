#include "launch/bench/run_comparison.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <map>

#include "launch/bench/machine_profile.h"
#include "launch/console/text_table.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr size_t kMostBytes = size_t{16} << 20;  // of a saved report

constexpr std::string_view kOfThroughput[] = {"machine.cpu_model",
                                              "machine.num_hosts",
                                              "ranks",
                                              "ep_size",
                                              "threads",
                                              "numerics_class",
                                              "model.layers",
                                              "model.hidden_size",
                                              "model.intermediate_size",
                                              "model.heads",
                                              "model.kv_heads",
                                              "model.head_dim",
                                              "model.experts",
                                              "model.experts_per_token",
                                              "model.vocab_size",
                                              "prefix_len",
                                              "input_len",
                                              "output_len",
                                              "num_prompts",
                                              "max_num_seqs",
                                              "max_num_batched_tokens",
                                              "sample",
                                              "routing",
                                              "seed",
                                              "right"};
constexpr std::string_view kOfKernels[] = {
    "cpu_model",        "cores",           "threads",        "isa",
    "caches.l1d_bytes", "caches.l2_bytes", "caches.l3_bytes"};
constexpr std::string_view kOfExchange[] = {"cpu_model", "num_hosts", "ranks", "threads"};

using ByName = std::map<std::string_view, const RunValue*>;

ByName Index(const RunValues& values) {
  ByName index;
  for (const RunValue& value : values) index.emplace(value.name, &value);
  return index;
}

const RunValue* Find(const ByName& index, std::string_view name) {
  const auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

std::string Shown(const RunValue& value) {
  return value.number ? absl::StrFormat("%.6g", *value.number) : Shortened(value.text);
}

bool AreSame(const RunValue& a, const RunValue& b) {
  return a.text == b.text || (a.number && a.number == b.number);
}

std::string ShownRatio(const RunValue& run, const RunValue& saved) {
  if (!run.number || !saved.number || *saved.number == 0) return "-";
  return absl::StrFormat("%.3f", *run.number / *saved.number);
}

// Returns lines with the names of values that `other` lacks. Where it lacks an element of a list,
// that is named once.
std::string OnlyIn(const std::string& where, const RunValues& values, const ByName& other) {
  std::string text;
  std::string last;
  for (const RunValue& value : values) {
    if (Find(other, value.name) != nullptr) continue;
    std::string name = value.name;
    const size_t element = name.rfind(']') + 1;  // 0 if there is none
    const std::string prefix = name.substr(0, element);
    const auto next = other.lower_bound(prefix);
    if (element > 0 && (next == other.end() || !next->first.starts_with(prefix))) name = prefix;
    if (name != last) absl::StrAppend(&text, "only in ", where, ": ", name, "\n");
    last = std::move(name);
  }
  return text;
}

std::string StatedBy(const RunValue* value, const std::string& where) {
  return absl::StrCat(value == nullptr ? "not stated" : Shown(*value), " in ", where);
}

std::string CompareConditions(const ByName& run, const ByName& values, const SavedRun& saved) {
  std::string differences;
  for (const std::string_view name : saved.conditions) {
    const RunValue* here = Find(run, name);
    const RunValue* there = Find(values, name);
    if (here != nullptr && there != nullptr && AreSame(*here, *there)) continue;
    absl::StrAppend(&differences, "  ", std::string(name), ": ", StatedBy(here, "this run"), ", ",
                    StatedBy(there, saved.path), "\n");
  }
  if (differences.empty()) {
    return absl::StrCat("comparable: machine and work are the same as in ", saved.path, "\n");
  }
  return absl::StrCat("NOT COMPARABLE with ", saved.path,
                      ": the ratios say nothing, as the runs differ\n", differences);
}

// Returns the values of a part of a machine profile.
template <class Part>
SavedRun::Read ReadPart(FileSystem& files, const std::string& path, const std::string& command,
                        bool (MachineProfile::*has)() const,
                        const Part& (MachineProfile::*part)() const,
                        std::span<const std::string_view> conditions) {
  if (path.empty()) return std::nullopt;
  const absl::StatusOr<MachineProfile> profile = ReadMachineProfile(files, path);
  if (!profile.ok()) {
    return absl::Status(profile.status().code(),
                        absl::StrCat("--compare ", std::string(profile.status().message())));
  }
  if (!((*profile).*has)()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--compare ", path, ": has no results of octet bench ", command, ", which --save writes"));
  }
  return SavedRun{path, RunValuesOf(((*profile).*part)()), conditions};
}

}  // namespace

SavedRun::Read SavedRun::ReadThroughput(FileSystem& files, const std::string& path) {
  if (path.empty()) return std::nullopt;
  const std::string where = absl::StrCat("--compare ", path);
  const absl::StatusOr<std::string> text = files.ReadWhole(path, kMostBytes);
  if (!text.ok()) {
    return absl::Status(text.status().code(),
                        absl::StrCat("--compare ", std::string(text.status().message())));
  }
  absl::StatusOr<RunValues> values = ParseRunValues(*text, where);
  if (!values.ok()) return values.status();
  for (const char* number : {"ranks", "prefill_tokens_per_s", "decode_tokens_per_s"}) {
    const RunValue* found = FindRunValue(*values, number);
    if (found != nullptr && found->number) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        where, ": is no report of octet bench throughput, which --output-json writes: it has no ",
        "number ", number));
  }
  return SavedRun{path, *std::move(values), kOfThroughput};
}

SavedRun::Read SavedRun::ReadKernels(FileSystem& files, const std::string& path) {
  return ReadPart(files, path, "kernels", &MachineProfile::has_kernels, &MachineProfile::kernels,
                  kOfKernels);
}

SavedRun::Read SavedRun::ReadExchange(FileSystem& files, const std::string& path) {
  return ReadPart(files, path, "exchange", &MachineProfile::has_exchange, &MachineProfile::exchange,
                  kOfExchange);
}

std::string CompareRuns(const RunValues& run, const SavedRun& saved) {
  const ByName here = Index(run);
  const ByName there = Index(saved.values);
  std::vector<std::vector<std::string>> rows = {
      {absl::StrCat("compared with ", saved.path), "this run", "saved", "ratio"}};
  int shared = 0;
  for (const RunValue& value : run) {
    const RunValue* other = Find(there, value.name);
    if (other == nullptr) continue;
    if (std::ranges::find(saved.conditions, value.name) != saved.conditions.end()) continue;
    ++shared;
    if (AreSame(value, *other)) continue;
    rows.push_back({value.name, Shown(value), Shown(*other), ShownRatio(value, *other)});
  }
  const int64_t same = shared - (std::ssize(rows) - 1);
  return absl::StrCat(FormatTable(rows),
                      same > 0 ? absl::StrCat("the same in both: ", same, " other values\n") : "",
                      shared == 0 ? "no measure is in both\n" : "", OnlyIn("this run", run, there),
                      OnlyIn(saved.path, saved.values, here),
                      CompareConditions(here, there, saved));
}

}  // namespace octet
