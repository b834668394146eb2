#include "launch/bench/throughput_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <numeric>

#include "launch/report.h"
#include "launch/version.h"
#include "runtime/io/json_writer.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

double Ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

int64_t BytesRead(const RunReport& run) {
  int64_t bytes = 0;
  for (const RankMemory& memory : run.rank_memory()) bytes += memory.checkpoint_bytes_read();
  return bytes;
}

double PromptRate(const StepSummary& s) {
  return Ratio(static_cast<double>(s.prompt_tokens), s.seconds);
}

double SampleRate(const StepSummary& s) {
  return Ratio(static_cast<double>(s.sampled_tokens), s.seconds);
}

double TotalRate(const ThroughputReport& r) {
  const double prompts = static_cast<double>(r.options.num_prompts);
  const auto tokens = static_cast<double>(r.options.prompt_len() + r.options.output_len);
  return Ratio(prompts * tokens, r.seconds());
}

std::string NameOfModel(const RunConfig& config) {
  return absl::StrCat(config.shape().empty() ? config.model() : config.shape(),
                      config.random_weights() ? " (random weights)" : "");
}

std::string FormatPhase(const char* name, double rate, const StepSummary& s) {
  const std::string text =
      absl::StrFormat("%-9s  %.1f tokens/s; %d steps, %.2f s", name, rate, s.steps, s.seconds);
  if (s.bound.seconds == 0) return text + "\n";
  return absl::StrFormat("%s, at least %.2f s for %s: %.0f %% of the bound\n", text,
                         s.bound.seconds, s.bound.limit(), 100 * Ratio(s.bound.seconds, s.seconds));
}

std::string FormatMachine(const MachineRates& rates) {
  if (rates.dram.empty()) return "bounds     not measured (--no-bounds)\n";
  double dram = 0;
  for (const double rate : rates.dram) dram += rate;
  std::string text = absl::StrFormat(
      "bounds     measured on all ranks at once: DRAM reads %.1f GB/s, dot products %.1f GFLOP/s, "
      "of float32 %.1f\n",
      dram / 1e9, rates.dot_products / 1e9, rates.float32_products / 1e9);
  for (const ExchangeRate& rate : rates.exchange) {
    absl::StrAppendFormat(&text, "exchange   %7d B a pair: %9.1f us, %6.2f GB/s sent by a rank\n",
                          rate.message_bytes, rate.seconds * 1e6, rate.bytes_per_second / 1e9);
  }
  return text;
}

// Returns how near ranks with unequal loads can come to ranks with equal ones.
double LoadAllows(const StepSummary& s) {
  return s.busiest_rank_pairs > 0 ? s.mean_rank_pairs / s.busiest_rank_pairs : 1;
}

// Returns the mean over the maximum of the ranks' loads, in both phases.
double RankBalancedness(const ThroughputReport& r) {
  const double busiest = r.prefill.busiest_rank_pairs + r.decode.busiest_rank_pairs;
  return busiest > 0 ? (r.prefill.mean_rank_pairs + r.decode.mean_rank_pairs) / busiest : 1;
}

std::string FormatBalance(const ThroughputReport& r) {
  if (r.run.ranks() == 1) return "";
  return absl::StrFormat(
      "balance    unequal loads allow %.1f %% of the pace of equal ones in prefill, %.1f %% in "
      "decode\n",
      100 * LoadAllows(r.prefill), 100 * LoadAllows(r.decode));
}

// Returns the seconds that no kind of work or wait has counted.
double OtherSeconds(const StepSummary& s) {
  return s.seconds - std::accumulate(s.times.begin(), s.times.end(), 0.0);
}

std::string FormatRouting(const ThroughputOptions& o) {
  if (o.routing.empty()) return "";
  return absl::StrCat("routing    ", Escaped(o.routing), ", whatever the router chose\n");
}

// Formats the seconds of rank 0, a line for each kind of work or wait.
std::string FormatTimes(const ThroughputReport& r) {
  std::string text = absl::StrFormat("rank 0     %-18s %9s %9s\n", "seconds", "prefill", "decode");
  const auto add_line = [&text](const std::string& name, double prefill, double decode) {
    absl::StrAppendFormat(&text, "           %-18s %9.3f %9.3f\n", name, prefill, decode);
  };
  for (int t = 0; t < kNumTimes; ++t) {
    add_line(NameOfTime(t), r.prefill.times[t], r.decode.times[t]);
  }
  add_line("other", OtherSeconds(r.prefill), OtherSeconds(r.decode));
  return text;
}

std::string FormatMemory(const RunReport& run) {
  std::string text;
  for (int r = 0; r < run.rank_memory_size(); ++r) {
    const RankMemory& m = run.rank_memory(r);
    absl::StrAppendFormat(
        &text,
        "memory     rank %d on %s: replicated weights %.2f GB, experts %.2f GB, KV cache %.2f GB\n",
        r, m.host(), m.replicated_weight_bytes() / 1e9, m.expert_weight_bytes() / 1e9,
        m.kv_cache_bytes() / 1e9);
  }
  return text;
}

void WriteShape(const ThroughputReport& r, JsonWriter& json) {
  const ModelConfig& m = r.model;
  json.BeginObject();
  json.Member("model", r.config.model());
  json.Member("shape", r.config.shape());
  json.Member("random_weights", r.config.random_weights());
  json.Member("layers", m.num_layers);
  json.Member("hidden_size", m.hidden_size);
  json.Member("intermediate_size", m.intermediate_size);
  json.Member("heads", m.num_heads);
  json.Member("kv_heads", m.num_kv_heads);
  json.Member("head_dim", m.head_dim);
  json.Member("experts", m.num_experts);
  json.Member("experts_per_token", m.experts_per_token);
  json.Member("vocab_size", m.vocab_size);
  json.EndObject();
}

void WritePhase(const StepSummary& s, JsonWriter& json) {
  json.BeginObject();
  json.Member("steps", s.steps);
  json.Member("seconds", s.seconds);
  json.Member("prompt_tokens", s.prompt_tokens);
  json.Member("sampled_tokens", s.sampled_tokens);
  json.Member("computed_tokens", s.tokens);
  json.Member("bound_seconds", s.bound.seconds);
  json.Member("bound_seconds_of_dram_reads", s.bound.memory);
  json.Member("bound_seconds_of_dot_products", s.bound.arithmetic);
  json.Member("bound_by", s.bound.limit());
  json.Member("share_of_bound", Ratio(s.bound.seconds, s.seconds));
  json.Member("rank_load_allows", LoadAllows(s));
  json.Key("rank_0_seconds").BeginObject();
  for (int t = 0; t < kNumTimes; ++t) json.Member(NameOfTime(t), s.times[t]);
  json.Member("other", OtherSeconds(s));
  json.EndObject().EndObject();
}

void WriteMemory(const RunReport& run, JsonWriter& json) {
  json.BeginArray();
  for (const RankMemory& m : run.rank_memory()) {
    json.BeginObject();
    json.Member("host", m.host());
    json.Member("replicated_weight_bytes", m.replicated_weight_bytes());
    json.Member("expert_weight_bytes", m.expert_weight_bytes());
    json.Member("kv_cache_bytes", m.kv_cache_bytes());
    json.EndObject();
  }
  json.EndArray();
}

// Writes what all ranks sent to others, with the warm-up and, as control, the probes.
void WriteTraffic(const RunReport& run, JsonWriter& json) {
  json.Key("bytes_sent").BeginObject();
  for (const TrafficBytes& t : run.traffic()) {
    json.Member(t.kind(), t.bytes() - t.bytes_in_place());
  }
  json.EndObject().Key("bytes_in_place").BeginObject();
  for (const TrafficBytes& t : run.traffic()) json.Member(t.kind(), t.bytes_in_place());
  json.EndObject();
}

void WriteBounds(const MachineRates& rates, JsonWriter& json) {
  json.BeginObject();
  json.Key("dram_bytes_per_s_of_ranks").BeginArray();
  for (const double rate : rates.dram) json.Double(rate);
  json.EndArray();
  json.Member("dot_product_flop_per_s", rates.dot_products);
  json.Member("float32_product_flop_per_s", rates.float32_products);
  json.Key("exchange").BeginArray();
  for (const ExchangeRate& rate : rates.exchange) {
    json.BeginObject();
    json.Member("message_bytes", rate.message_bytes);
    json.Member("seconds", rate.seconds);
    json.Member("bytes_per_s", rate.bytes_per_second);
    json.EndObject();
  }
  json.EndArray().EndObject();
}

}  // namespace

std::string FormatThroughput(const ThroughputReport& r) {
  const RunReport& run = r.run;
  const auto loaded = static_cast<double>(BytesRead(run));
  std::string text = absl::StrFormat(
      "job        %d prompts of %d tokens, %d tokens of answer each, %s; %d ranks x %d "
      "threads\n"
      "model      %s: %d layers, hidden %d, %d experts of %d; %s\n"
      "load       %.2f GB in %.2f s, %.2f GB/s\n",
      r.options.num_prompts, r.options.prompt_len(), r.options.output_len,
      r.options.sample ? "drawn at temperature 1" : "greedy", run.ranks(), run.threads(),
      NameOfModel(r.config), r.model.num_layers, r.model.hidden_size, r.model.num_experts,
      r.model.intermediate_size, run.numerics_class(), loaded / 1e9, run.load_seconds(),
      Ratio(loaded / 1e9, run.load_seconds()));
  return absl::StrCat(
      text, FormatRouting(r.options), FormatMemory(run), FormatMachine(r.machine.rates),
      r.options.prefix_len > 0 ? FormatPrefixCache(run) : "", FormatSpeculation(run),
      FormatPhase("prefill", PromptRate(r.prefill), r.prefill),
      FormatPhase("decode", SampleRate(r.decode), r.decode), FormatBalance(r),
      absl::StrFormat("total      %.1f tokens/s in and out, %.2f s; answers %s\n", TotalRate(r),
                      r.seconds(), r.right ? "right" : "WRONG"),
      FormatTimes(r));
}

std::string ThroughputJson(const ThroughputReport& r) {
  const RunReport& run = r.run;
  const auto loaded = static_cast<double>(BytesRead(run));
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.BeginObject();
  json.Member("version", OctetVersion());
  json.Member("ranks", run.ranks());
  json.Member("ep_size", run.ep_size());
  json.Member("threads", run.threads());
  json.Member("numerics_class", run.numerics_class());
  json.Key("machine").BeginObject();
  json.Member("cpu_model", r.cpu_model);
  json.Member("num_hosts", r.num_hosts);
  json.EndObject();
  WriteShape(r, json.Key("model"));
  json.Member("prefix_len", r.options.prefix_len);
  json.Member("input_len", r.options.input_len);
  json.Member("output_len", r.options.output_len);
  json.Member("num_prompts", r.options.num_prompts);
  json.Member("max_num_seqs", r.limits.max_num_seqs);
  json.Member("max_num_batched_tokens", r.limits.max_num_batched_tokens);
  json.Member("placement", r.config.placement());
  json.Member("sample", r.options.sample);
  json.Member("routing", r.options.routing);
  json.Member("seed", r.config.seed());
  json.Member("right", r.right);
  json.Member("answers_hash", absl::StrCat(r.answers_hash));  // more digits than a double has
  json.Member("prefill_tokens_per_s", PromptRate(r.prefill));
  json.Member("decode_tokens_per_s", SampleRate(r.decode));
  json.Member("total_tokens_per_s", TotalRate(r));
  json.Member("seconds", r.seconds());
  WritePhase(r.prefill, json.Key("prefill"));
  WritePhase(r.decode, json.Key("decode"));
  json.Member("rank_balancedness", RankBalancedness(r));
  WriteTraffic(run, json);
  json.Member("experts_moved", run.experts_moved());
  json.Member("load_seconds", run.load_seconds());
  json.Member("load_bytes", BytesRead(run));
  json.Member("load_gb_per_s", Ratio(loaded / 1e9, run.load_seconds()));
  WriteMemory(run, json.Key("memory_of_ranks"));
  WriteBounds(r.machine.rates, json.Key("bounds"));
  return json.EndObject().Take() + "\n";
}

}  // namespace octet
