// One binary with subcommands; under mpirun every rank runs it.

#include <absl/status/status.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "kernels/cuda/cuda_runtime.h"
#include "launch/bench_kernels.h"
#include "launch/exit_code.h"
#include "launch/run_batch.h"
#include "launch/run_config.h"
#include "launch/tokenize.h"
#include "parallel/agreement.h"
#include "parallel/nccl_version.h"
#include "parallel/world.h"
#include "runtime/file.h"

namespace octet {
namespace {

ExitCode CannotServe(const Communicator& comm, const absl::Status& status) {
  if (comm.rank() == 0) std::cerr << "octet: " << status.message() << std::endl;
  return ExitCode::kCannotServe;
}

ExitCode RunBatchCommand(Communicator& comm, const RunConfigFlags& flags) {
  const absl::StatusOr<RunConfig> config = flags.Resolve();
  // A --config file may be missing on one host only.
  const absl::Status status = AgreeOnStatus(comm, config.status());
  return status.ok() ? RunBatch(comm, *config) : CannotServe(comm, status);
}

struct TokenizeFlags {
  std::string model;
  std::string input;
};

ExitCode TokenizeCommand(const Communicator& comm, const TokenizeFlags& flags) {
  if (comm.rank() != 0) return ExitCode::kDone;
  PosixFileSystem files;
  const absl::StatusOr<Tokenizer> tokenizer = LoadTokenizerFor(files, flags.model);
  if (!tokenizer.ok()) return CannotServe(comm, tokenizer.status());
  std::ifstream file;
  if (!flags.input.empty()) {
    file.open(flags.input);
    if (!file) return CannotServe(comm, absl::NotFoundError("can't read -i " + flags.input));
  }
  std::ios::sync_with_stdio(false);
  const absl::Status status =
      TokenizeLines(*tokenizer, flags.input.empty() ? std::cin : file, std::cout);
  if (status.ok()) return ExitCode::kDone;
  std::cerr << "octet: " << status.message() << std::endl;
  return ExitCode::kFailed;
}

ExitCode BenchKernelsCommand(const Communicator& comm, const KernelBenchOptions& options) {
  if (comm.rank() != 0) return ExitCode::kDone;
  return BenchKernels(options, std::cout) ? ExitCode::kDone : ExitCode::kFailed;
}

std::string Version() {
  return "octet " OCTET_VERSION "\n" + DescribeCuda() + "\n" + DescribeNccl();
}

ExitCode Main(int argc, char** argv, Communicator& comm) {
  CLI::App app("Mixtral models with their experts spread over the ranks of an MPI job");
  app.require_subcommand(1);
  app.set_version_flag("--version", Version());

  CLI::App* run_batch = app.add_subcommand("run-batch", "answer a JSONL file of requests");
  RunConfigFlags run_batch_flags(*run_batch);
  run_batch_flags.AddBatchFlags(*run_batch);

  TokenizeFlags tokenize_flags;
  CLI::App* tokenize = app.add_subcommand("tokenize", "token ids of each line of text, no BOS");
  tokenize->add_option("--model", tokenize_flags.model, "model directory or tokenizer.model")
      ->required();
  tokenize->add_option("-i,--input", tokenize_flags.input, "text; default: standard input");

  CLI::App* bench = app.add_subcommand("bench", "measure, beside physical bounds");
  bench->require_subcommand(1);
  KernelBenchOptions kernel_options;
  CLI::App* kernels = bench->add_subcommand("kernels", "matrix products of every path");
  kernels->add_option("--threads", kernel_options.threads, "default: all cores")
      ->check(CLI::PositiveNumber);
  kernels->add_option("--inputs", kernel_options.inputs, "of the weight; default 4096")
      ->check(CLI::PositiveNumber);
  kernels->add_option("--outputs", kernel_options.outputs, "of the weight; default 14336")
      ->check(CLI::PositiveNumber);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = comm.rank() == 0 ? app.exit(error) : error.get_exit_code();
    return code == 0 ? ExitCode::kDone : ExitCode::kCannotServe;
  }
  if (run_batch->parsed()) return RunBatchCommand(comm, run_batch_flags);
  if (tokenize->parsed()) return TokenizeCommand(comm, tokenize_flags);
  return BenchKernelsCommand(comm, kernel_options);
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  octet::World world(&argc, &argv);
  const absl::Status status = world.CheckLauncher();
  if (!status.ok()) {
    return static_cast<int>(octet::CannotServe(world.communicator(), status));
  }
  return static_cast<int>(octet::Main(argc, argv, world.communicator()));
}
