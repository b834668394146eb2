// What octet doctor reads of a host, and measures between ranks; no times.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include "launch/doctor/doctor.h"
#include "launch/doctor/host_facts.h"
#include "launch/doctor/link_times.h"
#include "launch/doctor/model_facts.h"
#include "launch/doctor/network_facts.h"
#include "tests/support/demo_model.h"
#include "tests/support/local_ranks.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ReadMemoryFacts, AllThatTheSystemSays) {
  MemoryFileSystem files;
  files.files["/proc/meminfo"] =
      "MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    800 kB\nSwapTotal: 50 kB\n"
      "SwapFree: 20 kB\n";
  files.files["/sys/kernel/mm/transparent_hugepage/enabled"] = "always [madvise] never\n";
  files.files["/sys/kernel/mm/transparent_hugepage/shmem_enabled"] =
      "always within_size advise [never] deny force\n";
  const MemoryFacts facts = ReadMemoryFacts(files);
  EXPECT_EQ(facts.total_bytes(), 1000 * 1024);
  EXPECT_EQ(facts.available_bytes(), 800 * 1024);
  EXPECT_EQ(facts.swap_bytes(), 50 * 1024);
  EXPECT_EQ(facts.swap_used_bytes(), 30 * 1024);
  EXPECT_EQ(facts.huge_pages(), "madvise");
  EXPECT_EQ(facts.shmem_huge_pages(), "never");
  files.files.clear();
  EXPECT_EQ(ReadMemoryFacts(files).ByteSizeLong(), 0U);
}

TEST(AddProcessorFacts, NodesAndGovernors) {
  MemoryFileSystem files;
  const std::string nodes = "/sys/devices/system/node/";
  files.files[nodes + "online"] = "0-1";
  for (const char* node : {"node0", "node1"}) {
    files.files[nodes + node + "/cpulist"] = node == std::string("node0") ? "0-3,8\n" : "\n";
    files.files[nodes + node + "/meminfo"] = "Node 0 MemTotal:       2048 kB\nNode 0 MemFree: 1 kB";
  }
  for (const char* core : {"cpu0", "cpu1", "cpu2"}) {
    files.files[std::string("/sys/devices/system/cpu/") + core + "/cpufreq/scaling_governor"] =
        core == std::string("cpu2") ? "powersave\n" : "performance\n";
  }
  RankFacts facts;
  facts.add_allowed_cores(0);
  facts.add_allowed_cores(1);
  facts.add_allowed_cores(7);
  AddProcessorFacts(files, facts);
  EXPECT_THAT(facts.governors(), ElementsAre("performance"));
  ASSERT_EQ(facts.numa_nodes_size(), 2);
  EXPECT_EQ(facts.numa_nodes(0).cores(), 5);
  EXPECT_EQ(facts.numa_nodes(1).cores(), 0);
  EXPECT_EQ(facts.numa_nodes(1).memory_bytes(), 2048 * 1024);
}

TEST(ParseNumberList, FormsOfTheKernel) {
  EXPECT_THAT(ParseNumberList("0-3,8"), ElementsAre(0, 1, 2, 3, 8));
  EXPECT_THAT(ParseNumberList("7\n"), ElementsAre(7));
  for (const char* wrong : {"", "a", "3-1", "1-2-3", "-"}) {
    EXPECT_THAT(ParseNumberList(wrong), ElementsAre()) << wrong;
  }
}

TEST(ReadDirectoryFacts, RoomOrWhyThereIsNone) {
  EXPECT_GT(ReadDirectoryFacts("/tmp").free_bytes(), 0);
  EXPECT_EQ(ReadDirectoryFacts("/tmp").error(), "");
  EXPECT_EQ(ReadDirectoryFacts("/no/such").error(), "No such file or directory");
}

TEST(ParseTcpTable, OwnEstablishedConnections) {
  const std::string table =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 11 1 x\n"
      "   1: 0201000A:C350 0101000A:0400 01 00000000:00000000 00:00000000 00000000 0 0 12 1 x\n"
      "   2: 0201000A:C351 0101000A:0401 01 00000000:00000000 00:00000000 00000000 0 0 12 1 x\n"
      "   3: 0201000A:C352 0901000A:0401 01 00000000:00000000 00:00000000 00000000 0 0 99 1 x\n";
  const std::vector<TcpFacts> connections = ParseTcpTable(table, {"11", "12"});
  ASSERT_EQ(connections.size(), 1U);
  EXPECT_EQ(connections[0].local_address(), "10.0.1.2");
  EXPECT_EQ(connections[0].remote_address(), "10.0.1.1");
}

TEST(ReadInterfaces, LoopbackIsOne) {
  PosixFileSystem files;
  bool found = false;
  for (const InterfaceFacts& interface : ReadInterfaces(files)) {
    found = found || (interface.is_loopback() && interface.address() == "127.0.0.1");
  }
  EXPECT_TRUE(found);
}

TEST(ReadModelFacts, HashesOfAllFiles) {
  PosixFileSystem files;
  const ModelFacts model = ReadModelFacts(files, kDemoModel);
  EXPECT_EQ(model.error(), "");
  EXPECT_EQ(model.format(), "safetensors of Hugging Face");
  EXPECT_FALSE(model.is_sampled());
  std::set<std::string> names;
  for (const ModelFileFacts& file : model.files()) {
    names.insert(file.name());
    EXPECT_EQ(file.hash().size(), 16U);
  }
  EXPECT_TRUE(names.contains("config.json"));
  EXPECT_EQ(ReadModelFacts(files, "/no/such/model").files_size(), 0);
  EXPECT_THAT(ReadModelFacts(files, "/no/such/model").error(), HasSubstr("/no/such/model"));
}

TEST(ReadModelFacts, PartsOfGgufBelongTogether) {
  MemoryFileSystem files;
  for (const char* name : {"m-00001-of-00002.gguf", "m-00002-of-00002.gguf",
                           "n-00002-of-00002.gguf", "m.gguf", "README.md"}) {
    files.files[absl::StrCat("/models/", name)] = name;
  }
  const auto names = [&](const std::string& path) {
    std::vector<std::string> found;
    const ModelFacts model = ReadModelFacts(files, path);
    for (const ModelFileFacts& file : model.files()) found.push_back(file.name());
    return found;
  };
  EXPECT_THAT(names("/models/m-00001-of-00002.gguf"),
              ElementsAre("m-00001-of-00002.gguf", "m-00002-of-00002.gguf"));
  EXPECT_THAT(names("/models/m.gguf"), ElementsAre("m.gguf"));
}

TEST(ReadModelFacts, ASampleSeesTheHeadTheEndAndTheSize) {
  MemoryFileSystem files;
  std::string& bytes = files.files["/models/m.gguf"];
  bytes.resize(300000);
  const ModelReading sample = {.most_bytes = 1000, .head_bytes = 4096, .num_blocks = 2};
  const auto hash = [&] { return ReadModelFacts(files, "/models/m.gguf", sample).files(0).hash(); };
  const std::string before = hash();
  EXPECT_TRUE(ReadModelFacts(files, "/models/m.gguf", sample).is_sampled());
  for (const size_t at : {size_t{0}, size_t{4095}, size_t{149000}, bytes.size() - 1}) {
    bytes[at] = 'x';
    EXPECT_NE(hash(), before) << at;
    bytes[at] = 0;
  }
  bytes[60000] = 'x';
  EXPECT_EQ(hash(), before) << "between the samples";
  const ModelReading all = {.everything = true};
  EXPECT_NE(ReadModelFacts(files, "/models/m.gguf", all).files(0).hash(),
            ReadModelFacts(files, "/models/m.gguf", sample).files(0).hash());
}

TEST(Tournament, EachMeetsEachOtherOnceInRoundsOfDisjointPairs) {
  for (int players = 0; players <= 65; ++players) {
    const Tournament tournament = {players};
    std::set<std::pair<int, int>> met;
    for (int round = 0; round < tournament.num_rounds(); ++round) {
      for (int p = 0; p < players; ++p) {
        const std::optional<int> opponent = tournament.OpponentOf(p, round);
        if (!opponent) continue;
        ASSERT_NE(*opponent, p) << players << " " << round;
        ASSERT_EQ(tournament.OpponentOf(*opponent, round), p) << players << " " << round;
        if (p > *opponent) continue;
        EXPECT_TRUE(met.emplace(p, *opponent).second) << players << " " << round;
      }
    }
    EXPECT_EQ(std::ssize(met), players * (players - 1) / 2);
    EXPECT_LE(tournament.num_rounds(), std::max(players, 0));
  }
}

TEST(MeasureLinks, OneOfEachPair) {
  for (const int ranks : {1, 2, 5}) {
    RunLocalRanks(ranks, [&](Communicator& comm) {
      std::vector<int> players;
      for (int r = 0; r < ranks; ++r) players.push_back(r);
      const std::vector<LinkFacts> links = MeasureLinks(comm, players, 0.01);
      if (comm.rank() != 0) return;
      EXPECT_EQ(std::ssize(links), ranks * (ranks - 1) / 2);
      for (const LinkFacts& link : links) {
        EXPECT_LT(link.rank(), link.peer());
        EXPECT_GT(link.latency_seconds(), 0);
        EXPECT_GT(link.bytes_per_second(), 0);
      }
    });
  }
}

TEST(MeasureLinks, OthersOnlyWait) {
  RunLocalRanks(4, [](Communicator& comm) {
    const std::vector<LinkFacts> links = MeasureLinks(comm, std::vector<int>{1, 3}, 0.01);
    if (comm.rank() != 0) return;
    ASSERT_EQ(links.size(), 1U);
    EXPECT_EQ(links[0].rank(), 1);
    EXPECT_EQ(links[0].peer(), 3);
  });
}

TEST(ExamineHosts, OneRankOfEachHostLooksAtTheModelAndMeasuresLinks) {
  RunLocalRanks({"a", "b", "a", "b"}, [](Communicator& comm) {
    PosixFileSystem files;
    const DoctorReport report = ExamineHosts(comm, files, {.model = kDemoModel});
    if (comm.rank() != 0) return;
    ASSERT_EQ(report.ranks_size(), 4);
    EXPECT_EQ(report.ranks(3).host(), "b");
    EXPECT_EQ(report.ranks(3).clock_offset_seconds(), 0);
    EXPECT_GT(report.ranks(0).model().files_size(), 0);
    EXPECT_GT(report.ranks(1).model().files_size(), 0);
    EXPECT_EQ(report.ranks(2).model().files_size(), 0);
    ASSERT_EQ(report.links_size(), 1);
    EXPECT_EQ(report.links(0).peer(), 1);
    EXPECT_GT(report.ranks(1).dram_bytes_per_second(), 0);
  });
}

TEST(ExamineHosts, RanksThatShareACoreDoNotReadMemoryInTurns) {
  const size_t cores = std::thread::hardware_concurrency();
  RunLocalRanks(std::vector<std::string>(cores + 2, "a"), [&](Communicator& comm) {
    PosixFileSystem files;
    const DoctorReport report = ExamineHosts(comm, files, {.threads = 1});
    if (comm.rank() != 0) return;
    const auto readers =
        std::count_if(report.ranks().begin(), report.ranks().end(),
                      [](const RankFacts& rank) { return rank.dram_bytes_per_second() > 0; });
    EXPECT_GE(readers, 1);
    EXPECT_LE(readers, report.ranks(0).available_cores());
  });
}

}  // namespace
}  // namespace octet
