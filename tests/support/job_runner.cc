#include "tests/support/job_runner.h"

#include <utility>

#include "kernels/base/check.h"
#include "kernels/cpu/make_cpu_backend.h"
#include "runtime/batch/input_lines.h"
#include "runtime/batch/job_identity.h"
#include "runtime/batch/output_path.h"
#include "runtime/batch/stream_output.h"
#include "runtime/io/line_reader.h"
#include "tests/support/local_ranks.h"
#include "tests/support/open_journal.h"
#include "tests/support/rank_model.h"

namespace octet {
namespace {

absl::StatusOr<std::unique_ptr<BatchOutput>> OpenOutput(FileSystem& files,
                                                        const std::vector<std::string>& inputs,
                                                        const std::string& output,
                                                        const JobOptions& options,
                                                        JobResult& result) {
  absl::Status status = CheckOutput(files, inputs, output, /*model=*/"");
  if (!status.ok()) return status;
  if (!CanBeResumed(files, inputs, output)) {
    const bool overwrite = options.journal.mode == StartMode::kOverwrite;
    absl::StatusOr<std::unique_ptr<StreamOutput>> stream =
        StreamOutput::Look(files, output, overwrite, [] {});
    if (stream.ok()) status = (*stream)->Begin(result.notes);
    if (!status.ok()) return status;
    return stream;
  }
  JobIdentity job;
  for (const std::string& input : inputs) {
    absl::StatusOr<FileIdentity> file =
        IdentifyFile(files, input, options.journal.compare_contents, [] {});
    if (!file.ok()) return file.status();
    *job.add_input() = *std::move(file);
  }
  job.set_lenient(options.lenient);
  JournalOptions journal_options = options.journal;
  journal_options.input_paths = inputs;
  journal_options.hash_of_lines = [&] { return HashOfLines(files, inputs, [] {}); };
  absl::StatusOr<std::unique_ptr<Journal>> journal =
      OpenJournal(files, output, job, journal_options, result.notes);
  if (!journal.ok()) return journal.status();
  result.was_finished = (*journal)->finished() != nullptr;
  result.num_earlier = (*journal)->num_earlier();
  return journal;
}

// On rank 0.
void Serve(Engine& engine, BatchJob& job, const JobOptions& options, JobResult& result) {
  std::vector<FinishedSequence> finished;
  do {
    if (result.status.ok()) result.status = job.Write(finished);
    if (result.status.ok()) result.status = job.Feed(engine);
    for (std::string& note : job.TakeNotes()) result.notes.push_back(std::move(note));
    for (std::string& note : engine.TakeNotes()) result.notes.push_back(std::move(note));
    result.abandoned = result.abandoned || !options.goes_on(result.steps);
    if (!result.status.ok() || result.abandoned) engine.Stop();
    finished.clear();
    ++result.steps;
  } while (engine.Step(finished));
  if (result.status.ok() && !result.abandoned) result.status = job.Finish();
  result.counts = job.counts();
  result.refusals = job.refusals();
}

}  // namespace

JobRunner::JobRunner(const std::string& model_directory)
    : model_(OpenModelOrDie(posix_, model_directory)) {}

std::vector<JobRunner::RankWeights>& JobRunner::Load(const ExpertPlacement& placement) {
  std::vector<RankWeights>& ranks = loaded_[placement.ToString()];
  for (int rank = static_cast<int>(ranks.size()); rank < placement.num_ranks(); ++rank) {
    std::unique_ptr<Backend> backend = MakeCpuBackend(SupportedIsas().back(), 1);
    auto weights =
        LoadWeightsAlone(model_.tensors, model_.config, placement, rank, *backend, DType::kF32);
    OCTET_CHECK(weights.ok()) << weights.status();
    ranks.push_back({std::move(backend), *std::move(weights)});
  }
  return ranks;
}

JobResult JobRunner::Run(FileSystem& files, const std::vector<std::string>& inputs,
                         const std::string& output, const JobOptions& options) {
  JobResult result;
  absl::StatusOr<LineReader> reader = LineReader::Open(files, inputs);
  result.status = reader.status();
  if (!result.status.ok()) return result;
  const auto placement = ExpertPlacement::Parse(
      options.placement, {model_.config.num_layers, model_.config.num_experts, options.ranks});
  OCTET_CHECK(placement.ok()) << placement.status();
  absl::StatusOr<std::unique_ptr<BatchOutput>> opened =
      OpenOutput(files, inputs, output, options, result);
  result.status = opened.status();
  if (!opened.ok() || result.was_finished) return result;

  std::vector<RankWeights>& ranks = Load(*placement);
  RunLocalRanks(options.ranks, [&](Communicator& comm) {
    const EngineOptions engine_options = {
        .limits = {.max_num_seqs = options.max_num_seqs,
                   .max_num_batched_tokens = options.max_num_batched_tokens,
                   .pages = std::vector<int64_t>(comm.size(), 1024),
                   .group_size = comm.size(),
                   .prefix_cache = options.prefix_cache},
        .max_model_len = kMaxModelLen};
    const auto group = comm.MakeGroup(comm.size());
    RankWeights& mine = ranks[comm.rank()];
    Engine engine({comm, *group}, *mine.backend,
                  {model_.config, mine.weights, *placement, model_.tokenizer.get(), model_.tensors},
                  engine_options);
    std::vector<FinishedSequence> none;
    if (comm.rank() > 0) {
      while (engine.Step(none)) {
      }
      return;
    }
    const RequestLimits limits = {.tokenizer = model_.tokenizer.get(),
                                  .vocab_size = model_.config.vocab_size,
                                  .max_model_len = kMaxModelLen,
                                  .lenient = options.lenient};
    const ResultFormat format = {.tokenizer = model_.tokenizer.get(), .model = "demo"};
    BatchJob job(*std::move(reader), **opened, limits, format, engine_options.limits.NumSlots());
    Serve(engine, job, options, result);
  });
  return result;
}

}  // namespace octet
