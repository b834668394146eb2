// One binary with subcommands; under mpirun every rank runs it.

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/stubs/logging.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/number_range.h"
#include "kernels/cuda/cuda_runtime.h"
#include "launch/batch/jobs.h"
#include "launch/batch/run_batch.h"
#include "launch/bench/exchange.h"
#include "launch/bench/kernels.h"
#include "launch/bench/layer.h"
#include "launch/bench/masks.h"
#include "launch/bench/throughput.h"
#include "launch/chat/chat.h"
#include "launch/command_line.h"
#include "launch/console/console.h"
#include "launch/console/one_line.h"
#include "launch/doctor/doctor.h"
#include "launch/eval/perplexity.h"
#include "launch/exit_code.h"
#include "launch/inspect/inspect.h"
#include "launch/inspect/tokenize.h"
#include "launch/manual/manual_commands.h"
#include "launch/pages/report_command.h"
#include "launch/plan/plan.h"
#include "launch/process/inherited_state.h"
#include "launch/process/last_resort.h"
#include "launch/process/stop_signals.h"
#include "launch/replay/replay.h"
#include "launch/subcommand.h"
#include "launch/sweep/sweep_command.h"
#include "launch/trace/trace.h"
#include "launch/version.h"
#include "parallel/transport/nccl_version.h"
#include "parallel/transport/world.h"

namespace octet {
namespace {

std::string Version() {
  return "octet " + OctetVersion() + "\n" + DescribeCuda() + "\n" + DescribeNccl();
}

// Returns the value of --timeout, before anything else is parsed or checked; 60 s by default.
std::chrono::duration<double> StartupTimeout(std::span<char* const> arguments) {
  constexpr std::string_view kFlag = "--timeout";
  std::chrono::duration<double> timeout = std::chrono::seconds(60);
  for (size_t i = 1; i < arguments.size(); ++i) {
    std::string_view text = arguments[i];
    if (text == kFlag && i + 1 < arguments.size()) {
      text = arguments[i + 1];
    } else if (text.starts_with(kFlag) && text.substr(kFlag.size()).starts_with('=')) {
      text.remove_prefix(kFlag.size() + 1);
    } else {
      continue;
    }
    if (const auto seconds = kTimeouts.Parse(text))
      timeout = std::chrono::duration<double>(*seconds);
  }
  return timeout;
}

ExitCode RunCommand(int argc, char** argv, Communicator& world, StopSignals& signals) {
  CommandLine program("Mixtral models with their experts spread over the ranks of an MPI job");
  program.AddVersion(Version());

  std::vector<std::unique_ptr<Subcommand>> subcommands;
  subcommands.push_back(AddRunBatch(program, signals));
  subcommands.push_back(AddChat(program, signals));
  subcommands.push_back(AddPerplexity(program));
  subcommands.push_back(AddTokenize(program));
  subcommands.push_back(AddInspect(program));
  subcommands.push_back(AddJobs(program));
  subcommands.push_back(AddDoctor(program));
  CommandLine trace(program, "trace", "what a routing trace shows");
  subcommands.push_back(AddTraceStats(trace));
  subcommands.push_back(AddTraceExport(trace));
  subcommands.push_back(AddPlan(program));
  subcommands.push_back(AddReplay(program));
  subcommands.push_back(AddReportCommand(program));
  CommandLine bench(program, "bench", "measure, beside physical bounds");
  subcommands.push_back(AddBenchThroughput(bench));
  subcommands.push_back(AddBenchKernels(bench));
  subcommands.push_back(AddBenchLayer(bench));
  subcommands.push_back(AddBenchExchange(bench));
  subcommands.push_back(AddBenchMasks(bench));
  subcommands.push_back(AddSweep(program, signals));
  subcommands.push_back(AddMan(program));
  subcommands.push_back(AddCompletion(program));

  if (const std::optional<EarlyExit> early = program.Parse(argc, argv)) {
    if (world.rank() == 0) {
      std::cout << early->output << std::flush;
      if (!early->error.empty()) std::cerr << OneLine(early->error) + "\n" << std::flush;
    }
    return early->code;
  }
  for (const auto& subcommand : subcommands) {
    if (subcommand->chosen()) return subcommand->Run(world);
  }
  return ExitCode::kCannotServe;  // not reached: one is required
}

// Runs the command. Checks come before work, so the handler is only for errors that no check has
// found. The other ranks cannot know about such an error: they are ended.
ExitCode Main(int argc, char** argv, Communicator& world, StopSignals& signals) {
  try {
    return RunCommand(argc, argv, world, signals);
  } catch (const std::exception& exception) {
    if (world.size() > 1) throw;
    Say(world, DescribeException(exception));
    return ExitCode::kFailed;
  }
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  octet::RepairInheritedState();
  octet::EndJobOnUncaughtExceptions();
  google::protobuf::SetLogHandler(nullptr);  // every rank would print the same message
  octet::StopSignals signals;
  octet::World world(&argc, &argv, octet::StartupTimeout({argv, static_cast<size_t>(argc)}));
  octet::Communicator& communicator = world.communicator();
  const absl::Status status = world.CheckEnvironment();
  if (const absl::Status& shared = world.shared_places(); !shared.ok()) {
    octet::Say(communicator,
               absl::StrCat("note: where another rank stands is known a little later, as shared ",
                            "memory was refused: ", std::string(shared.message())));
  }
  const octet::ExitCode code =
      status.ok() ? octet::Main(argc, argv, communicator, signals)
                  : octet::ExitWith(communicator, status, octet::ExitCode::kCannotServe);
  return static_cast<int>(code);
}
