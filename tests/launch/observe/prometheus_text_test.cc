#include "launch/observe/prometheus_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "launch/observe/metrics_file.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/prometheus_reader.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(PrometheusText, SamplesFollowTheirMetric) {
  PrometheusText text;
  text.Counter("a_total", "Things.").Sample(3).Sample(0.25, {{"kind", "x"}, {"rank", "0"}});
  text.Gauge("b", "Of \\ and\nof lines.").Sample(1e15, {{"name", "a\\b\"c\"\nd"}});
  EXPECT_EQ(text.Take(),
            "# HELP a_total Things.\n# TYPE a_total counter\na_total 3\n"
            "a_total{kind=\"x\",rank=\"0\"} 0.25\n"
            "# HELP b Of \\\\ and\\nof lines.\n# TYPE b gauge\n"
            "b{name=\"a\\\\b\\\"c\\\"\\nd\"} 1e+15\n");
}

TEST(PrometheusReader, FindsFaults) {
  for (const char* bad :
       {"a 1", "# TYPE a counter\n# HELP a x\na 1\n", "# HELP a x\n# TYPE a counter\na 1\n",
        "# HELP a x\n# TYPE a gauge\na 1\na 2\n", "# HELP a x\n# TYPE a gauge\nb 1\n",
        "# HELP a x\n# TYPE a gauge\na{b=c} 1\n", "# HELP a x\n# TYPE a gauge\na{b=\"c\" 1\n",
        "# HELP a x\n# TYPE a gauge\na x\n", "# HELP a x\n# TYPE a gauge\na 1 2 3\n",
        "# HELP a x\n# TYPE a gauge\na{b=\"\\q\"} 1\n", "# HELP 1a x\n# TYPE 1a gauge\n1a 1\n",
        "# HELP a x\n# TYPE a gauge\na 1\n# HELP a x\n# TYPE a gauge\na{b=\"\"} 1\n",
        "# HELP a_total x\n# TYPE a_total counter\na_total -1\n"}) {
    EXPECT_THAT(ReadPrometheus(bad).faults, testing::Not(IsEmpty())) << bad;
  }
}

JobMetrics SomeMetrics() {
  return {.counts = {.estimated_lines = 10,
                     .input_ended = true,
                     .answered = 6,
                     .refused = 1,
                     .unfinished_sequences = 5},
          .engine = {.steps = 9},
          .waiting_sequences = 2,
          .updated = 1.7e9,
          .version = "0.1.0",
          .model = "a \"model\"\\",
          .numerics_class = "x",
          .ranks = 4,
          .phase_seconds = {{"attention", 0.5}, {"late ranks", 0.25}},
          .sent_bytes = {{"dispatch", 77}}};
}

TEST(Metrics, AreWhatPrometheusReads) {
  const PrometheusPage page = ReadPrometheus(FormatMetrics(SomeMetrics()));
  EXPECT_THAT(page.faults, IsEmpty());
  EXPECT_EQ(page.samples.at("octet_requests_total{result=\"answered\"}"), 6);
  EXPECT_EQ(page.samples.at("octet_requests_total{result=\"refused\"}"), 1);
  EXPECT_EQ(page.samples.at("octet_requests_left"), 3);
  EXPECT_EQ(page.samples.at("octet_sequences_running"), 3);
  EXPECT_EQ(page.samples.at("octet_steps_total"), 9);
  EXPECT_EQ(page.samples.at("octet_phase_seconds_total{phase=\"late ranks\"}"), 0.25);
  EXPECT_EQ(page.samples.at("octet_updated_timestamp_seconds"), 1.7e9);
  JobMetrics early = SomeMetrics();
  early.counts.input_ended = false;  // how much is left is not known
  EXPECT_FALSE(ReadPrometheus(FormatMetrics(early)).samples.contains("octet_requests_left"));
}

TEST(Metrics, AreWrittenNowAndThenAndAtTheEnd) {
  MemoryFileSystem files;
  double now = 100;
  int collected = 0;
  MetricsFile metrics(
      files, "m.prom", [&] { return ++collected, SomeMetrics(); }, [&] { return now; });
  for (int i = 0; i < 24; ++i, now += 1) EXPECT_THAT(metrics.Update(), IsEmpty());
  EXPECT_EQ(collected, 5);
  EXPECT_EQ(ReadPrometheus(files.files["m.prom"]).samples.at("octet_finished"), 0);
  EXPECT_THAT(metrics.Finish(true), IsEmpty());
  EXPECT_EQ(ReadPrometheus(files.files["m.prom"]).samples.at("octet_finished"), 1);
  EXPECT_THAT(files.files, SizeIs(1));
}

TEST(Metrics, AFileThatCantBeWrittenIsSaidOnce) {
  MemoryFileSystem files;
  files.capacity = 10;
  MetricsFile metrics(files, "m.prom", SomeMetrics, [] { return 0.0; });
  EXPECT_THAT(metrics.Update(), ElementsAre(HasSubstr("--metrics: ")));
  EXPECT_THAT(metrics.Finish(true), IsEmpty());
}

}  // namespace
}  // namespace octet
