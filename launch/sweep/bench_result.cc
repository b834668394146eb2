#include "launch/sweep/bench_result.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr size_t kMostResultBytes = size_t{16} << 20;

// A reader of a report's members. What is missing or of another type is remembered and read as
// nothing.
class BenchReader {
 public:
  explicit BenchReader(const OrderedJson& report) : report_(report) {}

  double Number(const std::string& path) {
    const OrderedJson* value = Find(path);
    return value != nullptr && (value->is_number() || Misses(path)) ? value->get<double>() : 0;
  }
  int64_t Count(const std::string& path) {
    const OrderedJson* value = Find(path);
    return value != nullptr && (value->is_number_integer() || Misses(path)) ? value->get<int64_t>()
                                                                            : 0;
  }
  std::string Text(const std::string& path) {
    const OrderedJson* value = Find(path);
    return value != nullptr && (value->is_string() || Misses(path)) ? value->get<std::string>()
                                                                    : "";
  }
  bool Bool(const std::string& path) {
    const OrderedJson* value = Find(path);
    return value != nullptr && (value->is_boolean() || Misses(path)) && value->get<bool>();
  }

  // Returns an object or a list.
  const OrderedJson& Part(const std::string& path) {
    static const OrderedJson kNothing = OrderedJson::object();
    const OrderedJson* value = Find(path);
    return value != nullptr && (value->is_structured() || Misses(path)) ? *value : kNothing;
  }

  const std::string& missing() const { return missing_; }

 private:
  // Returns false, for use in conditions.
  bool Misses(const std::string& path) {
    if (missing_.empty()) missing_ = path;
    return false;
  }

  const OrderedJson* Find(const std::string& path) {
    const OrderedJson::json_pointer pointer(path);
    if (report_.contains(pointer)) return &report_[pointer];
    Misses(path);
    return nullptr;
  }

  const OrderedJson& report_;
  std::string missing_;  // the first that was not found
};

void ReadPhase(BenchReader& reader, const std::string& name, SweepPhase& phase) {
  phase.set_steps(reader.Count(absl::StrCat("/", name, "/steps")));
  phase.set_seconds(reader.Number(absl::StrCat("/", name, "/seconds")));
  phase.set_tokens_per_s(reader.Number(absl::StrCat("/", name, "_tokens_per_s")));
  for (const auto& [time, seconds] :
       reader.Part(absl::StrCat("/", name, "/rank_0_seconds")).items()) {
    if (!seconds.is_number()) continue;
    SweepTime& one = *phase.add_times();
    one.set_name(time);
    one.set_seconds(seconds.get<double>());
  }
}

// Returns the sum over what layers exchange. Control has the probes of the machine too.
int64_t RowBytes(BenchReader& reader, const std::string& member) {
  int64_t bytes = 0;
  for (const char* kind : {"routing", "dispatch", "combine"}) {
    bytes += reader.Count(absl::StrCat("/", member, "/", kind));
  }
  return bytes;
}

std::string HostNames(BenchReader& reader) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const OrderedJson& rank : reader.Part("/memory_of_ranks")) {
    const std::string host = rank.is_object() ? rank.value("host", "") : "";
    if (seen.insert(host).second) names.push_back(host);
  }
  return absl::StrJoin(names, ",");
}

void ReadReport(BenchReader& reader, SweepRun& run) {
  uint64_t hash = 0;
  if (absl::SimpleAtoi(reader.Text("/answers_hash"), &hash)) run.set_answers_hash(hash);
  run.set_version(reader.Text("/version"));
  run.set_cpu_model(reader.Text("/machine/cpu_model"));
  run.set_hosts(static_cast<int32_t>(reader.Count("/machine/num_hosts")));
  run.set_host_names(HostNames(reader));
  run.set_ranks(static_cast<int32_t>(reader.Count("/ranks")));
  run.set_threads(static_cast<int32_t>(reader.Count("/threads")));
  ReadPhase(reader, "prefill", *run.mutable_prefill());
  ReadPhase(reader, "decode", *run.mutable_decode());
  run.set_rank_balancedness(reader.Number("/rank_balancedness"));
  run.set_bytes_sent(RowBytes(reader, "bytes_sent"));
  run.set_bytes_in_place(RowBytes(reader, "bytes_in_place"));
}

}  // namespace

absl::Status ReadBenchResult(FileSystem& files, const std::string& path, SweepRun& run) {
  const absl::StatusOr<std::string> text = files.ReadWhole(path, kMostResultBytes);
  if (!text.ok()) return text.status();
  const absl::StatusOr<OrderedJson> report = ParseOrderedJson(*text, path);
  if (!report.ok()) return report.status();
  BenchReader reader(*report);
  SweepRun read = run;
  ReadReport(reader, read);
  const bool right = reader.Bool("/right");
  if (!reader.missing().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has no ", reader.missing(), " as octet bench throughput writes it"));
  }
  if (!right) return absl::DataLossError(absl::StrCat(path, ": the answers are wrong"));
  run = std::move(read);
  return absl::OkStatus();
}

}  // namespace octet
