// The findings of octet doctor that compare hosts: networks, speeds, models.

#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "launch/doctor/diagnosis.h"
#include "launch/doctor/doctor_text.h"
#include "tests/launch/doctor/healthy_hosts.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Returns the findings as "severity check hosts: text; remedy".
std::vector<std::string> FindingsOf(const DoctorReport& report) {
  std::vector<std::string> lines;
  for (const DoctorFinding& f : Diagnose(report)) {
    lines.push_back(absl::StrCat(f.severity(), " ", f.check(), " ",
                                 NameHosts({f.hosts().begin(), f.hosts().end()}), ": ", f.text(),
                                 "; ", f.remedy()));
  }
  return lines;
}

TEST(DiagnoseNetwork, AnAddressThatSeveralHostsHave) {
  DoctorReport report = HealthyHosts();
  for (RankFacts& facts : *report.mutable_ranks()) {
    AddInterface(facts, "docker0", "172.17.0.1", 0);
  }
  EXPECT_THAT(FindingsOf(report),
              ElementsAre("warning same-address node1 and node2: interface docker0 has the address "
                          "172.17.0.1, which other hosts have, too: a job may hang in its start; "
                          "give launch/run.sh --interface eth0"));
  for (RankFacts& facts : *report.mutable_ranks()) facts.set_interfaces_chosen("eth0");
  EXPECT_THAT(FindingsOf(report), ElementsAre());
}

TEST(DiagnoseNetwork, TheSlowerOfTwoInterfaces) {
  DoctorReport report = HealthyHosts();
  for (RankFacts& facts : *report.mutable_ranks()) {
    AddInterface(facts, "ib0", absl::StrCat("10.1.0.", facts.rank() + 1), 200000);
  }
  EXPECT_THAT(
      FindingsOf(report),
      ElementsAre("warning interface-slower node1 and node2: ranks talk to other hosts over "
                  "eth0 (25 Gbit/s), and ib0 has 200 Gbit/s; give launch/run.sh "
                  "--interface ib0"));
}

TEST(DiagnoseNetwork, AnInterfaceThatIsNoGoodWay) {
  DoctorReport report = HealthyHosts();
  report.mutable_ranks(1)->mutable_interfaces(1)->set_megabits_per_second(100);
  EXPECT_THAT(
      FindingsOf(report),
      ElementsAre("warning interface-slow node2: ranks talk to other hosts over eth0, which "
                  "has 100 Mbit/s; use a network of 10 Gbit/s or more, or fewer hosts"));
  report = HealthyHosts();
  report.mutable_ranks(1)->mutable_interfaces(1)->set_is_bridge(true);
  EXPECT_THAT(FindingsOf(report)[0], HasSubstr("over eth0, a bridge for containers"));
  report = HealthyHosts();
  report.mutable_ranks(1)->mutable_connections(0)->set_local_address("127.0.0.1");
  EXPECT_THAT(
      FindingsOf(report),
      ElementsAre("error interface-loopback node2: ranks talk to other hosts over lo, which "
                  "leads to this host alone; give launch/run.sh --interface eth0"));
}

TEST(DiagnoseNetwork, OneHostNeedsNone) {
  DoctorReport report = HealthyHosts();
  report.mutable_ranks()->RemoveLast();
  report.clear_links();
  AddInterface(*report.mutable_ranks(0), "docker0", "172.17.0.1", 10);
  EXPECT_THAT(FindingsOf(report), ElementsAre());
}

TEST(DiagnoseSpeeds, SlowAndFarLinks) {
  DoctorReport report = HealthyHosts();
  report.mutable_links(0)->set_bytes_per_second(1.1e6);
  EXPECT_THAT(FindingsOf(report),
              ElementsAre("warning link-bandwidth : 1 of 1 links between hosts is slow, the worst "
                          "node1 to node2 with 20 us and 1.1 MB/s; look at the cables and switches "
                          "there (ethtool), or choose another network (launch/run.sh --interface "
                          "NAME)"));
  report = HealthyHosts();
  report.mutable_links(0)->set_latency_seconds(25e-3);
  EXPECT_THAT(FindingsOf(report)[0],
              HasSubstr("link-latency : 1 of 1 links between hosts has a "
                        "long delay, the worst node1 to node2 with 25000 us"));
}

// Links between ranks, all alike, each on a host of its own unless `host` names one.
DoctorReport LinkedRanks(int ranks, const std::string& host = "") {
  DoctorReport report;
  for (int rank = 0; rank < ranks; ++rank) {
    *report.add_ranks() = HealthyRank(rank, host.empty() ? absl::StrCat("node", rank) : host);
    for (int peer = 0; peer < rank; ++peer) {
      LinkFacts& link = *report.add_links();
      link.set_rank(peer);
      link.set_peer(rank);
      link.set_latency_seconds(10e-6);
      link.set_bytes_per_second(10e9);
    }
  }
  return report;
}

DoctorReport TenHosts() { return LinkedRanks(10); }

TEST(DiagnoseSpeeds, ALinkThatIsWorseThanTheOthers) {
  DoctorReport report = TenHosts();
  EXPECT_THAT(FindingsOf(report), ElementsAre());
  report.mutable_links(7)->set_bytes_per_second(2e9);
  report.mutable_links(9)->set_latency_seconds(300e-6);
  EXPECT_THAT(FindingsOf(report),
              ElementsAre(HasSubstr("1 of 45 links between hosts is slow, the worst node1 to node4 "
                                    "with 10 us and 2000 MB/s"),
                          HasSubstr("1 of 45 links between hosts has a long delay, the worst node3 "
                                    "to node4 with 300 us")));
}

TEST(DiagnoseSpeeds, AHostWithSlowMemory) {
  DoctorReport report = HealthyHosts();
  report.mutable_ranks(1)->set_dram_bytes_per_second(50e9);
  EXPECT_THAT(FindingsOf(report),
              ElementsAre(HasSubstr("memory-bandwidth node2: memory is read with 50.0 GB/s, on "
                                    "another host with 200.0; look for other load")));
}

ModelFacts ModelOfThreeFiles() {
  ModelFacts model;
  model.set_format("safetensors of Hugging Face");
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.model"}) {
    ModelFileFacts& file = *model.add_files();
    file.set_name(name);
    file.set_bytes(1000);
    file.set_hash("1111");
  }
  return model;
}

DoctorReport HostsWithModels() {
  DoctorReport report = HealthyHosts();
  report.set_model_path("/models/m");
  for (RankFacts& facts : *report.mutable_ranks()) *facts.mutable_model() = ModelOfThreeFiles();
  return report;
}

TEST(DiagnoseModel, FilesThatDiffer) {
  DoctorReport report = HostsWithModels();
  EXPECT_THAT(FindingsOf(report), ElementsAre());
  const std::string remedy =
      "; rsync -rc node1:/models/m to the hosts that differ, or use a file system that all hosts "
      "share";
  ModelFacts& model = *report.mutable_ranks(1)->mutable_model();
  model.mutable_files(1)->set_hash("2222");
  EXPECT_THAT(FindingsOf(report), ElementsAre("error model-content node2: model.safetensors has "
                                              "other bytes than on node1" +
                                              remedy));
  model.mutable_files(1)->set_bytes(999);
  EXPECT_THAT(FindingsOf(report), ElementsAre("error model-size node2: the size of "
                                              "model.safetensors is another than on node1" +
                                              remedy));
  model.mutable_files()->RemoveLast();
  model.mutable_files()->RemoveLast();
  EXPECT_THAT(
      FindingsOf(report),
      ElementsAre("error model-missing node2: the model lacks model.safetensors and 1 other "
                  "file, which node1 has" +
                  remedy));
  model = ModelOfThreeFiles();
  model.add_files()->set_name("adapter.safetensors");
  EXPECT_THAT(FindingsOf(report), ElementsAre("error model-extra node2: the model has "
                                              "adapter.safetensors, which node1 lacks" +
                                              remedy));
  model = ModelOfThreeFiles();
  model.set_format("GGUF");
  EXPECT_THAT(FindingsOf(report),
              ElementsAre("error model-format node2: the model is GGUF, on node1 it is safetensors "
                          "of Hugging Face" +
                          remedy));
}

TEST(DiagnoseModel, TheHostWithoutOneIsNamed) {
  for (const int lacking : {0, 1}) {
    DoctorReport report = HostsWithModels();
    report.mutable_ranks(lacking)->clear_model();
    report.mutable_ranks(lacking)->mutable_model()->set_error("/models/m: there is nothing");
    EXPECT_THAT(FindingsOf(report),
                ElementsAre(absl::StrCat("error model node", lacking + 1,
                                         ": /models/m: there is nothing; put the same model under "
                                         "this path on each host")));
  }
}

TEST(FormatDoctorReport, HasHostsAndOneLineForEachFinding) {
  DoctorReport report = HostsWithModels();
  report.mutable_ranks(1)->set_mpi_version("Open MPI v5.0.3");
  report.mutable_ranks(1)->set_clock_offset_seconds(2);
  for (const DoctorFinding& finding : Diagnose(report)) *report.add_findings() = finding;
  const std::string text = FormatDoctorReport(report);
  EXPECT_THAT(text, HasSubstr("node2  1      4 of 4  60.0 of 64.0 GiB  1           avx512_bf16"));
  EXPECT_THAT(text, HasSubstr("octet      0.1.0+abc1234\n"));
  EXPECT_THAT(text, HasSubstr("Open MPI v4.1.4  on node1\n"));
  EXPECT_THAT(text, HasSubstr("Open MPI v5.0.3  on node2\n"));
  EXPECT_THAT(text, HasSubstr("network    eth0 (25000 Mbit/s) used\n"));
  EXPECT_THAT(text, HasSubstr("links, us  node2\nnode1      20"));
  EXPECT_THAT(text, HasSubstr("links, GB/s  node2\nnode1        2.50"));
  EXPECT_THAT(text,
              HasSubstr("\nerror    node2: Open MPI v5.0.3, but Open MPI v4.1.4 for rank 0 on "
                        "node1; install the same version"));
  EXPECT_THAT(text, HasSubstr("\n1 error, 1 warning, 0 notes\n"));
}

TEST(FormatLinks, ManyAreSummedUp) {
  DoctorReport report = TenHosts();
  report.mutable_links(7)->set_bytes_per_second(2e9);
  const std::string text = FormatLinks(report);
  EXPECT_THAT(text,
              HasSubstr("45 links between 10 hosts (all: --links FILE): least, median, most\n"));
  EXPECT_THAT(text, HasSubstr("  bandwidth 2.00, 10.00, 10.00 GB/s\n"));
  EXPECT_THAT(text, HasSubstr("  slowest   node1 to node4: 10 us 2.00 GB/s\n"));
  EXPECT_EQ(FormatLinks({}), "");
}

TEST(FormatLinks, SomeRanksOfAHost) {
  DoctorReport report = LinkedRanks(3, "node0");
  EXPECT_THAT(FormatLinks(report),
              AllOf(HasSubstr("links, us  rank 1  rank 2\nrank 0     10      10"),
                    Not(HasSubstr("share a host"))));
  *report.add_ranks() = HealthyRank(3, "node0");
  EXPECT_THAT(FormatLinks(report), StartsWith("links of 3 of the 4 ranks, which share a host\n"));
}

TEST(FormatLinks, FitATerminal) {
  for (const int hosts : {2, 8, 9, 64}) {
    const std::vector<std::string> lines = absl::StrSplit(FormatLinks(LinkedRanks(hosts)), '\n');
    EXPECT_LE(lines.size(), 18U) << hosts;
    for (const std::string& line : lines) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(FormatLinksCsv, HasEveryLinkFromBothEnds) {
  EXPECT_EQ(FormatLinksCsv({}), "");
  DoctorReport report = LinkedRanks(3);
  report.mutable_links(1)->set_latency_seconds(25e-6);
  EXPECT_EQ(FormatLinksCsv(report),
            "latency_us,node0,node1,node2\nnode0,,10,25\nnode1,10,,10\nnode2,25,10,\n\n"
            "bandwidth_gb_per_s,node0,node1,node2\nnode0,,10.00,10.00\nnode1,10.00,,10.00\n"
            "node2,10.00,10.00,\n");
  const std::vector<std::string> lines = absl::StrSplit(FormatLinksCsv(LinkedRanks(64)), '\n');
  EXPECT_EQ(lines.size(), 2U * 65 + 2);
}

TEST(FormatRanges, AscendingNumbers) {
  EXPECT_EQ(FormatRanges({}), "");
  EXPECT_EQ(FormatRanges({3}), "3");
  EXPECT_EQ(FormatRanges({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
}

}  // namespace
}  // namespace octet
