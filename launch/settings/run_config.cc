#include "launch/settings/run_config.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <type_traits>

#include "launch/settings/run_config_rules.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr NumberRange<int64_t> kLineCounts = {1, 1'000'000'000'000};
constexpr NumberRange<int32_t> kSequenceCounts = {1, 1 << 16};
constexpr NumberRange<int64_t> kSeeds = {std::numeric_limits<int64_t>::min(),
                                         std::numeric_limits<int64_t>::max()};
constexpr NumberRange<int64_t> kStepCounts = {1, 1'000'000'000};
constexpr NumberRange<int32_t> kSpareExpertCounts = {1, 1 << 16};
constexpr int64_t kLastSecond = 253402300799;  // of the year 9999

// Returns the value of a field of this type.
template <class T>
T Get(const RunConfig& config, const google::protobuf::FieldDescriptor* field) {
  const google::protobuf::Reflection& r = *RunConfig::GetReflection();
  if constexpr (std::is_same_v<T, double>) return r.GetDouble(config, field);
  if constexpr (std::is_same_v<T, int32_t>) return r.GetInt32(config, field);
  if constexpr (std::is_same_v<T, int64_t>) return r.GetInt64(config, field);
}

}  // namespace

std::string RunConfigFlags::AddField(const std::string& names) {
  std::string name = absl::StrReplaceAll(names.substr(names.rfind("--") + 2), {{"-", "_"}});
  fields_[name] = [](const RunConfig&) { return ""; };
  return name;
}

template <class T>
void RunConfigFlags::AddNumber(const std::string& names, void (RunConfig::*set)(T),
                               NumberRange<T> range, const std::string& help) {
  const std::string field = AddField(names);
  fields_[field] = [field, range](const RunConfig& c) {
    const T value = Get<T>(c, RunConfig::descriptor()->FindFieldByName(field));
    return range.Contains(value) ? "" : absl::StrCat(range.Rule(), ", not ", value);
  };
  line_.OnText(
      names,
      [this, names, set, range](const std::string& text) {
        const std::optional<T> value = range.Parse(text);
        if (!value) return Refuse(names, absl::StrCat(range.Rule(), ", not ", Quoted(text)));
        set_by_flags_.push_back([set, value](RunConfig& c) { (c.*set)(*value); });
      },
      absl::StrCat(help, "; ", range.Limits()));
}

void RunConfigFlags::AddString(const std::string& names, std::string* (RunConfig::*mutable_field)(),
                               const std::string& help) {
  AddField(names);
  line_.OnText(
      names,
      [this, names, mutable_field](const std::string& value) {
        if (value.empty()) return Refuse(names, "must not be empty");
        set_by_flags_.push_back(
            [mutable_field, value](RunConfig& c) { *(c.*mutable_field)() = value; });
      },
      help);
}

void RunConfigFlags::Refuse(const std::string& names, const std::string& rule) {
  flags_status_.Update(absl::InvalidArgumentError(absl::StrCat(names, " ", rule)));
}

void RunConfigFlags::AddSwitch(const std::string& name, void (RunConfig::*set)(bool),
                               const std::string& help) {
  AddField(name);
  line_.OnSwitch(
      name, [this, set] { set_by_flags_.push_back([set](RunConfig& c) { (c.*set)(true); }); },
      help);
}

RunConfigFlags::RunConfigFlags(CommandLine& line) : line_(line) {
  using C = RunConfig;
  line_.AddText("--config", config_file_, "text proto with these settings (proto/config.proto)");
  AddString("--model", &C::mutable_model, "Hugging Face directory or GGUF file of a Mixtral model");
  AddPlacementFlags();
  AddNumber<int32_t>("--ep-size", &C::set_ep_size, kRankCounts,
                     "ranks over which the experts are spread; default: all. With fewer, groups of "
                     "ranks serve one queue");
  AddString("--expert-parallel", &C::mutable_expert_parallel,
            "on, or off: each rank holds all experts, as with --ep-size 1");
  AddString("--dtype", &C::mutable_dtype,
            "auto (bfloat16 for BF16 and quantised weights, else float32), float32 or bfloat16");
  AddString("--weights", &C::mutable_weights,
            "auto (as they are stored, rounded to --dtype), or rounded to blocks of int8 or int4");
  AddString("--device", &C::mutable_device, "cpu, or cuda: each rank computes on a CUDA device");
  AddString("--row-transport", &C::mutable_row_transport,
            "how rows go between CUDA devices: nccl, mpi (through memory of the hosts), or auto");
  AddString("--isa", &C::mutable_isa,
            absl::StrCat("auto (the best that all ranks have), ", IsaNames()));
  AddNumber<int32_t>("--threads", &C::set_threads, kThreadCounts,
                     "of each rank; default: the cores that it may use, divided by the ranks that "
                     "share them");
  AddNumber<int32_t>("--max-num-seqs", &C::set_max_num_seqs, kSequenceCounts,
                     "sequences that run at the same time, in each group; default 64");
  AddNumber<int32_t>("--max-num-batched-tokens", &C::set_max_num_batched_tokens, kStepTokenCounts,
                     "tokens of one step, in each group; default 256 for each of its ranks, and "
                     "at least 512");
  AddNumber<int32_t>("--max-model-len", &C::set_max_model_len, kTokenCounts,
                     "longest prompt and answer; default: what the model was made for");
  AddString("--overlap", &C::mutable_overlap,
            "compute the tokens of a step in two parts, one while the other's travel: on, off, or "
            "auto (large steps where ranks are on several hosts)");
  AddString("--memory", &C::mutable_memory,
            "of each host, for all of its ranks: 12GiB, 500MB, or a share of what is available; "
            "default 90%");
  AddNumber<double>("--kv-cache-gib", &C::set_kv_cache_gib, {1e-6, 1 << 20},
                    "most memory of each rank's KV cache; default: what --memory leaves");
  AddString("--pack-cache", &C::mutable_pack_cache,
            "directory that keeps the weights as they are computed with; later starts map them "
            "in seconds");
  AddNumber<double>("--timeout", &C::set_timeout, kTimeouts,
                    "seconds that a rank waits for another before the job ends; default 60");
  AddString("--progress", &C::mutable_progress,
            "auto, bar, plain (a line now and then), json (the same for programs) or none");
  AddString("--report", &C::mutable_report,
            "directory that gets summary.json, and of run-batch report.html");
  AddSwitch("--dry-run", &C::set_dry_run,
            "say what would happen, and load nothing; of a batch, check files and all requests");
}

void RunConfigFlags::AddPlacementFlags() {
  using C = RunConfig;
  AddString("--placement", &C::mutable_placement,
            "where experts live: contiguous, round-robin, random:SEED, shares:A,B,..., by-memory, "
            "eplb, partition or a file");
  AddNumber<int32_t>("--replicas", &C::set_replicas, kReplicaCounts,
                     "of the hottest experts, in each layer, beside what --placement has");
  AddString("--expert-counts", &C::mutable_expert_counts,
            "file with the tokens of each layer's experts (JSON, [layers][experts], or "
            "summary.json of --report), for --replicas and --placement eplb or partition; "
            "default: all alike");
  AddString("--replica-policy", &C::mutable_replica_policy,
            "which replica of an expert serves a token: even (default: the busiest rank gets as "
            "few rows as it can), nearest or in-turn");
}

void RunConfigFlags::AddTrace() {
  AddString("--trace", &RunConfig::mutable_trace,
            "file NAME.zst that gets the experts of each token, and what ranks exchanged for them");
}

void RunConfigFlags::AddLiveMoves() {
  using C = RunConfig;
  AddNumber<int64_t>("--rebalance-every", &C::set_rebalance_every, kStepCounts,
                     "steps after which experts are placed anew, by the tokens that they got; they "
                     "move while steps go on; default: never");
  AddString("--rebalance-policy", &C::mutable_rebalance_policy,
            "how: eplb (default) or partition, with --replicas");
  AddNumber<int32_t>("--spare-experts", &C::set_spare_experts, kSpareExpertCounts,
                     "(layer, expert) pairs for which each rank keeps memory free, so that experts "
                     "can move; default: one layer's with --rebalance-every, else none. With a "
                     "file as --placement, the signal USR2 lets experts move to what it says then");
}

void RunConfigFlags::AddHome() {
  AddString("--home", &RunConfig::mutable_home,
            "which rank computes a sequence's attention: least-loaded (default), round-robin or "
            "affinity:TRACE (the one with most experts that its line chose in that --trace)");
  AddString("--prefix-cache", &RunConfig::mutable_prefix_cache,
            "on (default): tokens with which prompts begin alike are computed once on a rank; off: "
            "for each prompt");
}

void RunConfigFlags::AddSpeculate(const std::string& by_default) {
  AddString(
      "--speculate", &RunConfig::mutable_speculate,
      "tokens that a sequence guesses from what followed its last tokens before, and that are "
      "computed in one step: auto (where that is cheap), off, or the most; answers are the "
      "same; default " +
          by_default);
}

void RunConfigFlags::AddSeed(const std::string& help) {
  AddNumber<int64_t>("--seed", &RunConfig::set_seed, kSeeds, help + "; default 0");
}

void RunConfigFlags::AddRandomWeightsFlags() {
  using C = RunConfig;
  AddSwitch("--random-weights", &C::set_random_weights,
            "make weights from --seed instead of reading them: of --shape, or of the config.json "
            "of --model");
  AddString("--shape", &C::mutable_shape, "mixtral-8x7b or mixtral-8x22b");
  AddNumber<int32_t>("--layers", &C::set_layers, {1, 1000},
                     "of a model with random weights only so many; default: all");
}

void RunConfigFlags::AddBatchFlags() {
  using C = RunConfig;
  AddSeed("of sampling, for requests without one");
  AddField("-i,--input");
  line_.OnTexts(
      "-i,--input",
      [this](const std::vector<std::string>& paths) {
        set_by_flags_.push_back([paths](RunConfig& c) {
          *c.mutable_input() = {paths.begin(), paths.end()};
        });
      },
      "JSONL of OpenAI Batch requests, also .gz and .zst; - is standard input; may be repeated");
  AddString("-o,--output", &C::mutable_output,
            "JSONL of results, in input order, also .gz and .zst; - is standard output");
  AddTrace();
  AddLiveMoves();
  AddKeepWeights();
  AddHome();
  AddSpeculate("auto");
  AddSwitch("--allow-home", &C::set_allow_home,
            "requests may have the field \"home\", the rank that computes their attention");
  AddSwitch("--resume", &C::set_resume,
            "go on with what an attempt that did not finish left; where there is none, begin");
  AddSwitch("--overwrite", &C::set_overwrite, "throw away what earlier attempts left");
  AddSwitch("--retry-failed", &C::set_retry_failed,
            "of a job that is finished or stopped, keep the answers, and compute those lines again "
            "that were refused or crashed");
  AddSwitch("--verify", &C::set_verify,
            "record and compare what input and model files hold, not only size and time");
  AddSwitch("--lenient", &C::set_lenient,
            "ignore fields of requests that are not known, with a note, instead of refusing them; "
            "those that would change the answer are refused all the same. Where max_tokens is more "
            "than fits, the answer ends with the context");
  AddFailOnRefused();
  AddForecastAndWatchFlags();
  AddSwitch("--return-routed-experts", &C::set_return_routed_experts,
            "put the experts of each token into the results, as vLLM's \"routed_experts\": base64 "
            "of an int16 .npy [tokens, layers, top_k]");
  AddString("--served-model-name", &C::mutable_served_model_name,
            "name that a request's \"model\" must have, and that results give");
  AddRequestDefaults();
  AddNumber<int64_t>("--created", &C::set_created, {0, kLastSecond},
                     "\"created\" of the results; default 0");
}

void RunConfigFlags::AddRequestDefaults() {
  using C = RunConfig;
  AddString("--chat-template", &C::mutable_chat_template,
            "file with the Jinja template of conversations; default: the model's own");
  AddString("--generation-config", &C::mutable_generation_config,
            "auto: the model's generation_config.json sets temperature, top_p and the like for "
            "requests that don't state them; vllm or none: it does not; default auto");
}

void RunConfigFlags::AddKeepWeights() {
  AddField("--keep-weights");
  line_.OnOptionalText(
      "--keep-weights",
      [this](const std::string& text) {
        set_by_flags_.push_back(
            [text](RunConfig& c) { c.set_keep_weights(text.empty() ? "/dev/shm" : text); });
      },
      "packed weights stay in the hosts' memory until the job is done, so that a new start takes "
      "seconds: in /dev/shm, or =DIR, another tmpfs");
}

void RunConfigFlags::AddForecastAndWatchFlags() {
  using C = RunConfig;
  AddString("--profile", &C::mutable_profile,
            "machine profile (octet bench layer --save) by which --dry-run says how long the job "
            "takes at most");
  AddNumber<double>("--price-per-hour", &C::set_price_per_hour, {1e-6, 1e9},
                    "of all hosts together, for --dry-run with --profile: what the job costs");
  AddString("--metrics", &C::mutable_metrics,
            "file that gets the job's numbers every 5 s, as Prometheus reads them");
  AddString("--timeline", &C::mutable_timeline,
            "file that gets the phases of all ranks over time, as Chrome's trace events (JSON, for "
            "ui.perfetto.dev)");
}

void RunConfigFlags::AddFailOnRefused() {
  const std::string name = "--fail-on-refused";
  const std::string field = AddField(name);
  fields_[field] = [](const RunConfig& c) -> std::string {
    return kLineCounts.Contains(c.fail_on_refused())
               ? ""
               : absl::StrCat(kLineCounts.Rule(), ", not ", c.fail_on_refused());
  };
  line_.OnOptionalText(
      name,
      [this, name](const std::string& text) {
        const std::optional<int64_t> lines = text.empty() ? 1 : kLineCounts.Parse(text);
        if (!lines) return Refuse(name, absl::StrCat(kLineCounts.Rule(), ", not ", Quoted(text)));
        set_by_flags_.push_back([lines](RunConfig& c) { c.set_fail_on_refused(*lines); });
      },
      "end with exit code 1 where lines were refused, all the same when the output is complete; "
      "=N: N or more of them");
}

}  // namespace octet
