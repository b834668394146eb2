// One binary with subcommands; under mpirun every rank runs it.

#include <absl/status/status.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cuda/cuda_runtime.h"
#include "launch/bench_kernels.h"
#include "launch/bench_throughput.h"
#include "launch/exit_code.h"
#include "launch/inspect.h"
#include "launch/perplexity.h"
#include "launch/run_batch.h"
#include "launch/stop_signals.h"
#include "launch/subcommand.h"
#include "launch/tokenize.h"
#include "parallel/nccl_version.h"
#include "parallel/world.h"

namespace octet {
namespace {

std::string Version() {
  return "octet " OCTET_VERSION "\n" + DescribeCuda() + "\n" + DescribeNccl();
}

ExitCode Main(int argc, char** argv, Communicator& world, StopSignals& signals) {
  CLI::App app("Mixtral models with their experts spread over the ranks of an MPI job");
  app.require_subcommand(1);
  app.set_version_flag("--version", Version());

  std::vector<std::unique_ptr<Subcommand>> subcommands;
  subcommands.push_back(AddRunBatch(app, signals));
  subcommands.push_back(AddPerplexity(app));
  subcommands.push_back(AddTokenize(app));
  subcommands.push_back(AddInspect(app));
  CLI::App& bench = *app.add_subcommand("bench", "measure, beside physical bounds");
  bench.require_subcommand(1);
  subcommands.push_back(AddBenchThroughput(bench));
  subcommands.push_back(AddBenchKernels(bench));

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = world.rank() == 0 ? app.exit(error) : error.get_exit_code();
    return code == 0 ? ExitCode::kDone : ExitCode::kCannotServe;
  }
  for (const auto& subcommand : subcommands) {
    if (subcommand->chosen()) return subcommand->Run(world);
  }
  return ExitCode::kCannotServe;  // not reached: one is required
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  octet::StopSignals signals;
  octet::World world(&argc, &argv);
  octet::Communicator& communicator = world.communicator();
  const absl::Status status = world.CheckLauncher();
  const octet::ExitCode code =
      status.ok() ? octet::Main(argc, argv, communicator, signals)
                  : octet::ExitWith(communicator, status, octet::ExitCode::kCannotServe);
  return static_cast<int>(code);
}
