#include "launch/doctor/doctor.h"

#include <absl/status/status.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <set>
#include <vector>

#include "kernels/base/activity.h"
#include "kernels/base/check.h"
#include "kernels/base/number_range.h"
#include "launch/bench/probes.h"
#include "launch/console/console.h"
#include "launch/doctor/checks.h"
#include "launch/doctor/diagnosis.h"
#include "launch/doctor/doctor_text.h"
#include "launch/doctor/host_facts.h"
#include "launch/doctor/link_times.h"
#include "launch/doctor/model_facts.h"
#include "launch/doctor/network_facts.h"
#include "launch/files/proto_json.h"
#include "launch/files/result_file.h"
#include "launch/process/own_command.h"
#include "launch/setup/thread_placement.h"
#include "launch/version.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"

namespace octet {
namespace {

constexpr Place kDoctorPlace = {"doctor"};

// The seconds that the links take together, about, and those of a pair.
constexpr double kLinkSeconds = 12;
constexpr double kMostPairSeconds = 0.4;

// The memory that all ranks of a host read, together, and that must be free besides.
constexpr int64_t kProbedHostBytes = int64_t{1} << 29;
constexpr int64_t kLeastProbedBytes = int64_t{16} << 20;

double WallSeconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Collective. Returns by how much the clock of each rank is at least ahead of that of rank 0, on
// rank 0: a time that does not lie between two times of rank 0, between which it was read. 0: not
// known to differ.
std::vector<double> MeasureClockOffsets(Communicator& world) {
  AllGather(world, kDoctorPlace, "");  // all are here, so that the next two are close together
  const double before = WallSeconds();
  AllGather(world, kDoctorPlace, "");
  const std::vector<std::string> times =
      AllGather(world, kDoctorPlace, absl::StrCat(static_cast<int64_t>(WallSeconds() * 1e6)));
  const double after = WallSeconds();
  std::vector<double> offsets;
  for (const std::string& text : times) {
    int64_t microseconds = 0;
    OCTET_CHECK(absl::SimpleAtoi(text, &microseconds)) << text;
    const double time = static_cast<double>(microseconds) / 1e6;
    offsets.push_back(time - std::clamp(time, before, after));
  }
  return offsets;
}

// The ranks of a single host whose links are measured.
constexpr size_t kMostOfOneHost = 8;

// Returns the ranks whose links are measured: one of each host or, on a single host, the first.
std::vector<int> LinkPlayers(const Communicator& world) {
  std::vector<int> firsts;
  std::vector<int> all;
  std::set<std::string> hosts;
  for (int r = 0; r < world.size(); ++r) {
    all.push_back(r);
    if (hosts.insert(world.hosts()[r]).second) firsts.push_back(r);
  }
  if (firsts.size() > 1) return firsts;
  all.resize(std::min(all.size(), kMostOfOneHost));
  return all;
}

// Collective. Measures what the ranks of all hosts read from memory at the same time. Ranks for
// whose threads a host has no cores measure nothing: ranks that take turns would each read alone.
double MeasureDram(Communicator& world, const RankFacts& facts, int wanted_threads) {
  const int threads = CountThreads(world, wanted_threads);
  const auto hosts = world.hosts();
  const std::string& host = hosts[world.rank()];
  const auto index = std::count(hosts.begin(), hosts.begin() + world.rank(), host);
  const int64_t places = std::max(1, facts.available_cores() / threads);
  const int64_t ranks = std::min<int64_t>(places, std::count(hosts.begin(), hosts.end(), host));
  const int64_t bytes = std::max(kLeastProbedBytes, kProbedHostBytes / (ranks * threads));
  AllGather(world, kDoctorPlace, "");
  if (index >= ranks || SupportedIsas().empty()) return 0;
  if (facts.memory().usable_bytes() < 2 * bytes * threads * ranks) return 0;
  double best = 0;
  for (const DramRate& rate : ProbeDram(SupportedIsas().back(), threads, bytes)) {
    best = std::max(best, rate.bytes_per_second());
  }
  return best;
}

bool IsFirstOfHost(const Communicator& world) {
  const auto hosts = world.hosts();
  const auto first = std::find(hosts.begin(), hosts.end(), hosts[world.rank()]);
  return first - hosts.begin() == world.rank();
}

// Collective. Returns the facts of this rank.
RankFacts GatherOwnFacts(Communicator& world, FileSystem& files, const DoctorOptions& options) {
  RankFacts facts = ReadRankFacts(files);
  facts.set_rank(world.rank());
  facts.set_host(world.hosts()[world.rank()]);
  facts.mutable_memory();
  for (const TcpFacts& connection : ReadTcpConnections(files)) {
    *facts.add_connections() = connection;
  }
  if (!options.quick) {
    facts.set_dram_bytes_per_second(MeasureDram(world, facts, options.threads));
  }
  if (!options.model.empty() && IsFirstOfHost(world)) {
    *facts.mutable_model() = ReadModelFacts(files, options.model, {.everything = options.read_all});
  }
  return facts;
}

class DoctorCommand : public Subcommand {
 public:
  explicit DoctorCommand(CommandLine& program)
      : Subcommand(program, "doctor", "what is wrong with the hosts of a job, and how to mend it") {
    line().AddText("--model", options_.model,
                   "model directory or GGUF file, which all hosts must have alike");
    line().OnSwitch(
        "--read-all", [this] { options_.read_all = true; },
        "compare every byte of the model; else a large one is sampled");
    line().OnSwitch(
        "--quick", [this] { options_.quick = true; }, "measure no speeds of links and memory");
    line().AddCount("--threads", options_.threads, kThreadCounts,
                    "of each rank, as the job will have them; default: its share of the cores");
    line().AddText("--links", options_.links,
                   "CSV file for the latency and the bandwidth of every link, as matrices");
    line().AddText("--output-json", options_.output_json, "file for all of it as JSON");
  }

  ExitCode Run(Communicator& world) override {
    PosixFileSystem files;
    absl::Status status = world.rank() == 0 ? CheckOptions(files) : absl::OkStatus();
    status = AgreeOnStatus(world, status);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
    DoctorReport report = ExamineHosts(world, files, options_);
    int64_t errors = 0;
    if (world.rank() == 0) {
      std::cout << FormatDoctorReport(report) << std::flush;
      status = WriteFiles(files, report);
      errors = std::count_if(
          report.findings().begin(), report.findings().end(),
          [](const DoctorFinding& finding) { return finding.severity() == kDoctorError; });
    }
    status = AgreeOnStatus(world, status);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kFailed);
    return AgreeOnErrors(world, errors);
  }

 private:
  absl::Status CheckOptions(FileSystem& files) const {
    if (options_.read_all && options_.model.empty()) {
      return absl::InvalidArgumentError("--read-all has no effect without --model");
    }
    if (options_.quick && !options_.links.empty()) {
      return absl::InvalidArgumentError("--links has no effect with --quick");
    }
    absl::Status status;
    if (!options_.output_json.empty()) {
      status = CheckResultFile(files, "--output-json", options_.output_json);
    }
    if (!options_.links.empty()) {
      status.Update(CheckResultFile(files, "--links", options_.links));
    }
    return status;
  }

  absl::Status WriteFiles(FileSystem& files, const DoctorReport& report) const {
    absl::Status status;
    if (!options_.links.empty()) {
      status = WriteResultFile(files, options_.links, FormatLinksCsv(report));
    }
    if (!options_.output_json.empty()) {
      status.Update(WriteResultFile(files, options_.output_json, JsonOf(report)));
    }
    return status;
  }

  // Collective.
  static ExitCode AgreeOnErrors(Communicator& world, int64_t errors) {
    const std::vector<std::string> counts = AllGather(world, kDoctorPlace, absl::StrCat(errors));
    if (counts[0] == "0") return ExitCode::kDone;
    Say(world, absl::StrCat("doctor found ", counts[0], counts[0] == "1" ? " error" : " errors"));
    return ExitCode::kFailed;
  }

  DoctorOptions options_;
};

}  // namespace

DoctorReport ExamineHosts(Communicator& world, FileSystem& files, const DoctorOptions& options) {
  const std::vector<double> offsets = MeasureClockOffsets(world);
  const std::vector<int> players = LinkPlayers(world);
  DoctorReport report;
  if (!options.quick) {
    const int rounds = std::max(1, Tournament{static_cast<int>(players.size())}.num_rounds());
    const double seconds = std::min(kMostPairSeconds, kLinkSeconds / rounds);
    for (const LinkFacts& link : MeasureLinks(world, players, seconds)) *report.add_links() = link;
  }
  const RankFacts mine = GatherOwnFacts(world, files, options);
  const std::vector<std::string> all = GatherToRoot(world, kDoctorPlace, mine.SerializeAsString());
  if (world.rank() != 0) return report;
  report.set_version(OctetVersion());
  report.set_command(OwnCommand());
  report.set_model_path(options.model);
  report.set_threads(options.threads);
  for (size_t r = 0; r < all.size(); ++r) {
    RankFacts& facts = *report.add_ranks();
    OCTET_CHECK(facts.ParseFromString(all[r])) << "facts of rank " << r;
    facts.set_clock_offset_seconds(offsets[r]);
  }
  for (const DoctorFinding& finding : Diagnose(report)) *report.add_findings() = finding;
  return report;
}

std::unique_ptr<Subcommand> AddDoctor(CommandLine& program) {
  return std::make_unique<DoctorCommand>(program);
}

}  // namespace octet
