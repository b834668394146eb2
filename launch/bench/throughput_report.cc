#include "launch/bench/throughput_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <nlohmann/json.hpp>
#include <numeric>

namespace octet {
namespace {

using Json = nlohmann::ordered_json;

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
  return Ratio(prompts * (r.options.input_len + r.options.output_len), r.seconds());
}

std::string NameOfModel(const RunConfig& config) {
  return absl::StrCat(config.shape().empty() ? config.model() : config.shape(),
                      config.random_weights() ? " (random weights)" : "");
}

std::string FormatPhase(const char* name, double rate, const StepSummary& s) {
  return absl::StrFormat(
      "%-9s  %.1f tokens/s; %d steps, %.2f s, at least %.2f s for %s: %.0f %% of the bound\n", name,
      rate, s.steps, s.seconds, s.bound.seconds, s.bound.limit(),
      100 * Ratio(s.bound.seconds, s.seconds));
}

std::string FormatMachine(const MachineRates& rates) {
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

// How near ranks whose experts get unequal loads can come to ranks with equal ones.
double LoadAllows(const StepSummary& s) {
  return s.busiest_rank_pairs > 0 ? s.mean_rank_pairs / s.busiest_rank_pairs : 1;
}

std::string FormatBalance(const ThroughputReport& r) {
  if (r.run.ranks() == 1) return "";
  return absl::StrFormat(
      "balance    unequal loads allow %.1f %% of the pace of equal ones in prefill, %.1f %% in "
      "decode\n",
      100 * LoadAllows(r.prefill), 100 * LoadAllows(r.decode));
}

// What none of the kinds of work and wait has counted.
double OtherSeconds(const StepSummary& s) {
  return s.seconds - std::accumulate(s.times.begin(), s.times.end(), 0.0);
}

// Seconds of rank 0, a line for each kind of work or wait.
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

Json ShapeJson(const ThroughputReport& r) {
  const ModelConfig& m = r.model;
  return {{"model", r.config.model()},
          {"shape", r.config.shape()},
          {"random_weights", r.config.random_weights()},
          {"layers", m.num_layers},
          {"hidden_size", m.hidden_size},
          {"intermediate_size", m.intermediate_size},
          {"heads", m.num_heads},
          {"kv_heads", m.num_kv_heads},
          {"head_dim", m.head_dim},
          {"experts", m.num_experts},
          {"experts_per_token", m.experts_per_token},
          {"vocab_size", m.vocab_size}};
}

Json PhaseJson(const StepSummary& s) {
  Json times = Json::object();
  for (int t = 0; t < kNumTimes; ++t) times[NameOfTime(t)] = s.times[t];
  times["other"] = OtherSeconds(s);
  return {{"steps", s.steps},
          {"seconds", s.seconds},
          {"prompt_tokens", s.prompt_tokens},
          {"sampled_tokens", s.sampled_tokens},
          {"computed_tokens", s.tokens},
          {"bound_seconds", s.bound.seconds},
          {"bound_seconds_of_dram_reads", s.bound.memory},
          {"bound_seconds_of_dot_products", s.bound.arithmetic},
          {"bound_by", s.bound.limit()},
          {"share_of_bound", Ratio(s.bound.seconds, s.seconds)},
          {"rank_load_allows", LoadAllows(s)},
          {"rank_0_seconds", std::move(times)}};
}

Json MemoryJson(const RunReport& run) {
  Json ranks = Json::array();
  for (const RankMemory& m : run.rank_memory()) {
    ranks.push_back({{"host", m.host()},
                     {"replicated_weight_bytes", m.replicated_weight_bytes()},
                     {"expert_weight_bytes", m.expert_weight_bytes()},
                     {"kv_cache_bytes", m.kv_cache_bytes()}});
  }
  return ranks;
}

Json BoundsJson(const MachineRates& rates) {
  Json exchange = Json::array();
  for (const ExchangeRate& rate : rates.exchange) {
    exchange.push_back({{"message_bytes", rate.message_bytes},
                        {"seconds", rate.seconds},
                        {"bytes_per_s", rate.bytes_per_second}});
  }
  return {{"dram_bytes_per_s_of_ranks", rates.dram},
          {"dot_product_flop_per_s", rates.dot_products},
          {"float32_product_flop_per_s", rates.float32_products},
          {"exchange", std::move(exchange)}};
}

}  // namespace

std::string FormatThroughput(const ThroughputReport& r) {
  const RunReport& run = r.run;
  const auto loaded = static_cast<double>(BytesRead(run));
  std::string text = absl::StrFormat(
      "job        %d prompts of %d tokens, %d tokens of answer each, greedy; %d ranks x %d "
      "threads\n"
      "model      %s: %d layers, hidden %d, %d experts of %d; %s\n"
      "load       %.2f GB in %.2f s, %.2f GB/s\n",
      r.options.num_prompts, r.options.input_len, r.options.output_len, run.ranks(), run.threads(),
      NameOfModel(r.config), r.model.num_layers, r.model.hidden_size, r.model.num_experts,
      r.model.intermediate_size, run.numerics_class(), loaded / 1e9, run.load_seconds(),
      Ratio(loaded / 1e9, run.load_seconds()));
  return absl::StrCat(text, FormatMemory(run), FormatMachine(r.machine.rates),
                      FormatPhase("prefill", PromptRate(r.prefill), r.prefill),
                      FormatPhase("decode", SampleRate(r.decode), r.decode), FormatBalance(r),
                      absl::StrFormat("total      %.1f tokens/s in and out, %.2f s; answers %s\n",
                                      TotalRate(r), r.seconds(), r.right ? "right" : "WRONG"),
                      FormatTimes(r));
}

std::string ThroughputJson(const ThroughputReport& r) {
  const RunReport& run = r.run;
  const auto loaded = static_cast<double>(BytesRead(run));
  const Json json = {{"ranks", run.ranks()},
                     {"ep_size", run.ep_size()},
                     {"threads", run.threads()},
                     {"numerics_class", run.numerics_class()},
                     {"model", ShapeJson(r)},
                     {"input_len", r.options.input_len},
                     {"output_len", r.options.output_len},
                     {"num_prompts", r.options.num_prompts},
                     {"seed", r.config.seed()},
                     {"right", r.right},
                     {"prefill_tokens_per_s", PromptRate(r.prefill)},
                     {"decode_tokens_per_s", SampleRate(r.decode)},
                     {"total_tokens_per_s", TotalRate(r)},
                     {"seconds", r.seconds()},
                     {"prefill", PhaseJson(r.prefill)},
                     {"decode", PhaseJson(r.decode)},
                     {"load_seconds", run.load_seconds()},
                     {"load_bytes", BytesRead(run)},
                     {"load_gb_per_s", Ratio(loaded / 1e9, run.load_seconds())},
                     {"memory_of_ranks", MemoryJson(run)},
                     {"bounds", BoundsJson(r.machine.rates)}};
  return json.dump(2) + "\n";
}

}  // namespace octet
