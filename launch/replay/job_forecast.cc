#include "launch/replay/job_forecast.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <map>
#include <random>

#include "kernels/base/activity.h"
#include "launch/bench/machine_profile.h"
#include "launch/console/progress_text.h"
#include "launch/trace/trace_header.h"
#include "runtime/replay/step_model.h"

namespace octet {
namespace {

// Between ranks of a host, where no profile of an exchange says it.
constexpr double kAssumedLatency = 1e-6;
constexpr double kAssumedRate = 1e10;

absl::StatusOr<ClusterModel> ClusterOfJob(FileSystem& files, const RunConfig& config,
                                          const JobSetup& setup, const ReplayedModel& model) {
  absl::StatusOr<MachineProfile> profile = ReadMachineProfile(files, config.profile());
  if (!profile.ok()) return profile.status();
  Cluster cluster;
  for (const HostMemory& host : setup.memory.hosts) {
    ClusterHosts& hosts = *cluster.add_hosts();
    hosts.set_count(1);
    hosts.set_ranks(static_cast<int>(host.ranks.size()));
    hosts.set_threads(setup.threads);
    hosts.set_profile(config.profile());
  }
  if (profile->has_exchange()) {
    cluster.set_exchange(config.profile());
  } else if (cluster.hosts_size() == 1) {
    cluster.mutable_same_host()->set_latency_seconds(kAssumedLatency);
    cluster.mutable_same_host()->set_bytes_per_second(kAssumedRate);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("--profile ", config.profile(),
                     ": does not know the links between hosts; octet bench exchange --save adds "
                     "them"));
  }
  absl::StatusOr<ClusterModel> made =
      ClusterModel::Make(cluster, model, {{config.profile(), *profile}},
                         profile->has_exchange() ? &profile->exchange() : nullptr);
  if (made.ok()) return made;
  return absl::InvalidArgumentError(
      absl::StrCat("--profile ", config.profile(), ": ", std::string(made.status().message())));
}

// Draws experts for each token, all equally likely.
TokenTable DrawTokens(const ReplayedModel& model, const AnswerLengths& lengths) {
  TokenTable table = {
      .num_layers = model.num_layers, .num_experts = model.num_experts, .topk = model.topk};
  int64_t tokens = 0;
  for (const AnswerLengths::Lengths& answer : lengths.kept()) {
    const int64_t rows =
        std::max<int64_t>(1, answer.prompt + std::max<int64_t>(0, answer.answer - 1));
    table.answers.push_back({.line = std::ssize(table.answers) + 1,
                             .choice = 0,
                             .first_row = tokens,
                             .num_tokens = rows,
                             .prompt_tokens = std::max<int64_t>(1, answer.prompt)});
    tokens += rows;
  }
  table.places.resize(tokens);
  table.experts.resize(tokens * model.num_layers * model.topk);
  std::mt19937 random(1);
  std::vector<int16_t> all(model.num_experts);
  for (int e = 0; e < model.num_experts; ++e) all[e] = static_cast<int16_t>(e);
  for (size_t i = 0; i < table.experts.size(); i += model.topk) {
    for (int slot = 0; slot < model.topk; ++slot) {
      std::swap(all[slot], all[slot + random() % (model.num_experts - slot)]);
      table.experts[i + slot] = all[slot];
    }
  }
  return table;
}

}  // namespace

void AnswerLengths::Add(Lengths lengths) {
  tokens_ += lengths.total();
  if (count_++ % stride_ != 0) return;
  kept_.push_back(lengths);
  kept_tokens_ += lengths.total();
  while (kept_.size() > most_ || (kept_tokens_ > kMostTokens && kept_.size() > 1)) Halve();
}

void AnswerLengths::Halve() {
  for (size_t i = 0; 2 * i < kept_.size(); ++i) kept_[i] = kept_[2 * i];
  kept_.resize((kept_.size() + 1) / 2);
  stride_ *= 2;
  kept_tokens_ = 0;
  for (const Lengths& lengths : kept_) kept_tokens_ += lengths.total();
}

double AnswerLengths::scale() const {
  return kept_tokens_ > 0 ? static_cast<double>(tokens_) / static_cast<double>(kept_tokens_) : 1;
}

size_t NumForecastAnswers(const JobSetup& setup) {
  return std::max<size_t>(1024, 8 * setup.engine.limits.NumSlots());
}

absl::StatusOr<JobForecast> ForecastJob(FileSystem& files, const RunConfig& config,
                                        const JobSetup& setup, const AnswerLengths& lengths) {
  const ReplayedModel model = ReplayedModel::FromHeader(MakeTraceHeader(config, setup));
  const absl::StatusOr<ClusterModel> cluster = ClusterOfJob(files, config, setup, model);
  if (!cluster.ok()) return cluster.status();
  const TokenTable table = DrawTokens(model, lengths);
  if (table.answers.empty()) return JobForecast();
  SchedulerLimits limits = setup.engine.limits;
  limits.prefix_cache = false;
  absl::StatusOr<ReplayedJob> job =
      ReplayedJob::Make(table, limits, HomePolicy::kLeastLoaded, /*copies=*/1);
  if (!job.ok()) return job.status();
  StepModel steps(*cluster, model, setup.placement, setup.engine.replica_policy, table,
                  setup.engine.record_routing);
  JobForecast forecast;
  while (const ReplayedStep* step = job->Next()) {
    forecast.seconds += steps.Predict(*job, *step).seconds;
    forecast.steps += 1;
    Activity::OfThisThread().Tick();
  }
  const double scale = lengths.scale();
  forecast.seconds *= scale;
  forecast.steps *= scale;
  if (scale > 1) {
    forecast.notes.push_back(
        absl::StrFormat("this is %.1f times what %d answers take, spread over the input", scale,
                        std::ssize(table.answers)));
  }
  return forecast;
}

std::string DescribeForecast(const JobForecast& forecast, const RunConfig& config) {
  std::string text = absl::StrFormat(
      "by %s: at most %.0f steps in %s without loading, if all answers reach their "
      "max_tokens, experts are chosen evenly, and no prompts begin alike",
      config.profile(), forecast.steps, FormatDuration(forecast.seconds));
  if (config.price_per_hour() > 0) {
    absl::StrAppendFormat(&text, "\noctet: costs at most %.2f at %g an hour",
                          forecast.seconds / 3600 * config.price_per_hour(),
                          config.price_per_hour());
  }
  for (const std::string& note : forecast.notes) absl::StrAppend(&text, "\noctet: note: ", note);
  return text;
}

}  // namespace octet
