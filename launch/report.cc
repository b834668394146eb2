#include "launch/report.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <google/protobuf/util/json_util.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "parallel/collectives.h"

namespace octet {
namespace {

constexpr std::array kTrafficKinds = {Traffic::kControl, Traffic::kRouting, Traffic::kDispatch,
                                      Traffic::kCombine};

// What each rank contributes: its memory and its traffic.
RunReport MyPart(const Communicator& comm, const JobSetup& setup, const ModelWeights& weights,
                 const Engine& engine) {
  RunReport part;
  RankMemory* memory = part.add_rank_memory();
  memory->set_replicated_weight_bytes(static_cast<int64_t>(weights.replicated_bytes()));
  memory->set_expert_weight_bytes(static_cast<int64_t>(weights.expert_bytes()));
  memory->set_kv_cache_bytes(
      engine.kv_cache().num_pages() *
      static_cast<int64_t>(KvCache::PageBytes(setup.model.config, setup.engine.dtype)));
  memory->set_checkpoint_bytes_read(static_cast<int64_t>(
      BytesToLoad(setup.model.tensors, setup.model.config, setup.placement, comm.rank())));
  for (const Traffic kind : kTrafficKinds) {
    TrafficBytes* traffic = part.add_traffic();
    traffic->set_kind(Name(kind));
    traffic->set_bytes(comm.bytes_sent(kind));
  }
  return part;
}

void AddPhases(const Communicator& comm, const Engine& engine, RunReport& report) {
  const auto add = [&](const std::string& name, double seconds) {
    PhaseTime* phase = report.add_phases();
    phase->set_phase(name);
    phase->set_seconds(seconds);
  };
  for (int i = 0; i < kNumPhases; ++i) {
    const auto phase = static_cast<Phase>(i);
    add(Name(phase), engine.clock().seconds(phase));
  }
  for (const Traffic kind : kTrafficKinds) {
    add(absl::StrCat("wait for ", Name(kind)), comm.time_waited(kind).count());
  }
}

void AddExpertLoad(const JobSetup& setup, const ExpertLoad& load, RunReport& report) {
  for (int l = 0; l < load.num_layers(); ++l) {
    LayerLoad* layer = report.add_expert_load();
    const std::span<const int64_t> tokens = load.tokens(l);
    layer->mutable_tokens()->Add(tokens.begin(), tokens.end());
    layer->set_expert_balancedness(Balancedness(std::vector<double>(tokens.begin(), tokens.end())));
    layer->set_rank_balancedness(Balancedness(load.RankLoad(l, setup.placement)));
  }
}

// Protobuf's JSON has 64-bit integers as strings; who plots them wants numbers.
void UnquoteIntegers(nlohmann::ordered_json& json) {
  if (json.is_structured()) {
    for (nlohmann::ordered_json& item : json) UnquoteIntegers(item);
  } else if (int64_t value = 0;
             json.is_string() && absl::SimpleAtoi(json.get<std::string>(), &value)) {
    json = value;
  }
}

double Rate(int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

}  // namespace

RunReport MakeReport(Communicator& comm, const JobSetup& setup, const ModelWeights& weights,
                     const Engine& engine) {
  RunReport report;
  const std::string mine = MyPart(comm, setup, weights, engine).SerializeAsString();
  for (const std::string& bytes : GatherToRoot(comm, {"report"}, mine)) {
    RunReport part;
    OCTET_CHECK(part.ParseFromString(bytes));
    for (const RankMemory& memory : part.rank_memory()) *report.add_rank_memory() = memory;
    for (int i = 0; i < part.traffic_size(); ++i) {
      if (report.traffic_size() <= i) report.add_traffic()->set_kind(part.traffic(i).kind());
      report.mutable_traffic(i)->set_bytes(report.traffic(i).bytes() + part.traffic(i).bytes());
    }
  }
  const EngineStats& stats = engine.stats();
  report.set_numerics_class(setup.NumericsClass());
  report.set_ranks(comm.size());
  report.set_threads(setup.threads);
  report.set_steps(stats.steps);
  report.set_prompt_tokens(stats.prompt_tokens);
  report.set_generated_tokens(stats.sampled_tokens);
  report.set_prefill_tokens_per_s(Rate(stats.prompt_tokens, stats.prefill_seconds));
  report.set_decode_tokens_per_s(Rate(stats.decode_sampled_tokens, stats.decode_seconds));
  AddPhases(comm, engine, report);
  AddExpertLoad(setup, engine.expert_load(), report);
  return report;
}

std::string FormatSummary(const RunReport& r) {
  std::string text = absl::StrFormat(
      "requests   %d answered, %d refused\n"
      "tokens     %d prompt, %d generated in %d steps\n"
      "speed      %.1f prompt tokens/s while prefilling, %.1f tokens/s while only decoding\n"
      "time       load %.2f s, run %.2f s; on rank 0:",
      r.requests(), r.failed_requests(), r.prompt_tokens(), r.generated_tokens(), r.steps(),
      r.prefill_tokens_per_s(), r.decode_tokens_per_s(), r.load_seconds(), r.run_seconds());
  for (const PhaseTime& p : r.phases())
    absl::StrAppendFormat(&text, " %s %.2f", p.phase(), p.seconds());
  absl::StrAppend(&text, "\nexchanged ");
  for (const TrafficBytes& t : r.traffic())
    absl::StrAppendFormat(&text, " %s %d B", t.kind(), t.bytes());
  absl::StrAppend(&text, "\n");
  for (int l = 0; l < r.expert_load_size(); ++l) {
    const LayerLoad& load = r.expert_load(l);
    absl::StrAppendFormat(&text, "layer %-4d tokens of its experts:", l);
    for (const int64_t tokens : load.tokens()) absl::StrAppendFormat(&text, " %d", tokens);
    absl::StrAppendFormat(&text, "; balancedness %.2f, over ranks %.2f\n",
                          load.expert_balancedness(), load.rank_balancedness());
  }
  return text;
}

absl::Status WriteReport(const RunReport& report, const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  OCTET_CHECK(google::protobuf::util::MessageToJsonString(report, &json, options).ok());
  nlohmann::ordered_json summary = nlohmann::ordered_json::parse(json);
  UnquoteIntegers(summary);
  std::ofstream file(directory + "/summary.json");
  file << summary.dump(2) << '\n';
  file.close();
  if (file) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("can't write ", directory, "/summary.json"));
}

}  // namespace octet
