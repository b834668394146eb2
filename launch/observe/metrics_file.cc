#include "launch/observe/metrics_file.h"

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <utility>

#include "launch/files/result_file.h"
#include "launch/observe/prometheus_text.h"
#include "launch/version.h"
#include "runtime/model/step_times.h"

namespace octet {
namespace {

double MetricOf(int64_t value) { return static_cast<double>(value); }

void AddRequestMetrics(const JobMetrics& m, PrometheusText& text) {
  text.Counter("octet_requests_total",
               "Lines of the input that have a result, with those of earlier attempts.")
      .Sample(MetricOf(m.counts.answered), {{"result", "answered"}})
      .Sample(MetricOf(m.counts.refused), {{"result", "refused"}});
  if (m.counts.input_ended) {
    text.Gauge("octet_requests_left", "Lines of the input that have no result yet.")
        .Sample(MetricOf(m.counts.estimated_lines - m.counts.answered - m.counts.refused));
  }
  text.Gauge("octet_sequences_running", "Sequences that have begun.")
      .Sample(MetricOf(m.counts.unfinished_sequences - m.waiting_sequences));
  text.Gauge("octet_sequences_waiting", "Sequences that were read and have not begun.")
      .Sample(MetricOf(m.waiting_sequences));
}

void AddEngineMetrics(const JobMetrics& m, PrometheusText& text) {
  text.Counter("octet_tokens_total", "Tokens computed: of prompts, and generated.")
      .Sample(MetricOf(m.engine.prompt_tokens), {{"kind", "prompt"}})
      .Sample(MetricOf(m.engine.sampled_tokens), {{"kind", "generated"}});
  text.Counter("octet_steps_total", "Steps of all ranks.").Sample(MetricOf(m.engine.steps));
  text.Counter("octet_prefix_cache_queries_total", "Prompt tokens looked for in the prefix cache.")
      .Sample(MetricOf(m.scheduler.prompt_tokens));
  text.Counter("octet_prefix_cache_hits_total", "Prompt tokens found in the prefix cache.")
      .Sample(MetricOf(m.scheduler.found_tokens));
  text.Counter("octet_preemptions_total", "Sequences that gave back their room in the KV cache.")
      .Sample(MetricOf(m.scheduler.preemptions));
  text.Counter("octet_recomputed_tokens_total", "Tokens computed again after that.")
      .Sample(MetricOf(m.scheduler.recomputed_tokens));
  text.Counter("octet_experts_moved_total", "Experts that came to another rank.")
      .Sample(MetricOf(m.engine.experts_moved));
}

void AddRankMetrics(const JobMetrics& m, PrometheusText& text) {
  text.Counter("octet_phase_seconds_total", "Seconds that rank 0 spent in each phase.");
  for (const auto& [phase, seconds] : m.phase_seconds) text.Sample(seconds, {{"phase", phase}});
  text.Counter("octet_sent_bytes_total",
               "Bytes that rank 0 sent to other ranks, or left where they read them.");
  for (const auto& [kind, bytes] : m.sent_bytes) text.Sample(MetricOf(bytes), {{"kind", kind}});
}

}  // namespace

std::string FormatMetrics(const JobMetrics& metrics) {
  PrometheusText text;
  text.Gauge("octet_info", "The job.")
      .Sample(1, {{"version", metrics.version},
                  {"model", metrics.model},
                  {"numerics_class", metrics.numerics_class}});
  text.Gauge("octet_ranks", "Ranks of the job.").Sample(metrics.ranks);
  text.Gauge("octet_finished", "1 when the output is complete.").Sample(metrics.finished ? 1 : 0);
  text.Gauge("octet_updated_timestamp_seconds", "When this was written, since 1970.")
      .Sample(metrics.updated);
  AddRequestMetrics(metrics, text);
  AddEngineMetrics(metrics, text);
  AddRankMetrics(metrics, text);
  return text.Take();
}

std::vector<std::string> MetricsFile::Update() {
  if (clock_() < next_) return {};
  return Write(/*is_complete=*/false);
}

std::vector<std::string> MetricsFile::Write(bool is_complete) {
  next_ = clock_() + kIntervalSeconds;
  JobMetrics metrics = collect_();
  metrics.finished = is_complete;
  const absl::Status status = WriteResultFile(files_, path_, FormatMetrics(metrics));
  if (status.ok() || std::exchange(has_failed_, true)) return {};
  return {absl::StrCat("--metrics: ", std::string(status.message()))};
}

JobMetrics CollectMetrics(const Communicator& world, const JobSetup& setup, Session& session,
                          const BatchJob& job, const std::string& model) {
  const Engine& engine = session.engine();
  JobMetrics metrics = {.counts = job.counts(),
                        .engine = engine.stats(),
                        .scheduler = engine.scheduler_stats(),
                        .waiting_sequences = engine.num_waiting(),
                        .updated = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()),
                        .version = OctetVersion(),
                        .model = model,
                        .numerics_class = setup.NumericsClass(),
                        .ranks = world.size()};
  const Times times = StepTimes(engine.clock(), world, session.group());
  for (int i = 0; i < kNumTimes; ++i) metrics.phase_seconds.emplace_back(NameOfTime(i), times[i]);
  for (const Traffic kind :
       {Traffic::kControl, Traffic::kRouting, Traffic::kDispatch, Traffic::kCombine}) {
    int64_t bytes = 0;
    for (const Communicator* comm : {&world, &session.group()}) {
      bytes += comm->bytes_sent(kind) + comm->bytes_read_in_place(kind);
    }
    metrics.sent_bytes.emplace_back(Name(kind), bytes);
  }
  return metrics;
}

}  // namespace octet
