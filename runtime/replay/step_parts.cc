#include "runtime/replay/step_parts.h"

#include "runtime/model/mixtral.h"

namespace octet {
namespace {

// Adds the i-th token of a chunk of `rank`.
void AddToken(const ReplayedJob& job, const ReplayedChunk& chunk, int64_t i, int rank,
              StepPart& part) {
  TokenLoad& load = part.loads[rank];
  const int64_t position = chunk.position + i;
  const int64_t row = job.RowOf(chunk.sequence, position);
  ++load.tokens;
  part.rows[rank].push_back(row);
  if (chunk.num_tokens == 1) {
    ++load.decoding;
    load.decoding_positions += position + 1;
  } else {
    load.prompt_positions += position + 1;
  }
  if (!chunk.samples || i + 1 < chunk.num_tokens) return;
  ++load.last_tokens;
  part.last_rows[rank].push_back(row);
}

}  // namespace

void StepPart::Resize(int num_ranks) {
  loads.resize(num_ranks);
  rows.resize(num_ranks);
  last_rows.resize(num_ranks);
}

void StepPart::Clear() {
  for (size_t r = 0; r < loads.size(); ++r) {
    loads[r] = TokenLoad();
    rows[r].clear();
    last_rows[r].clear();
  }
}

void DivideStep(const ReplayedJob& job, const ReplayedStep& step, std::span<StepPart> parts) {
  for (StepPart& part : parts) part.Clear();
  for (int r = 0; r < std::ssize(step.ranks); ++r) {
    int64_t tokens = 0;
    for (const ReplayedChunk& chunk : step.ranks[r]) tokens += chunk.num_tokens;
    int64_t first = 0;  // of the chunk, among the rank's tokens
    for (const ReplayedChunk& chunk : step.ranks[r]) {
      for (int64_t i = 0; i < chunk.num_tokens; ++i) {
        int p = 0;
        while (first + i >= FirstOfMicroBatch(tokens, p + 1, step.micro_batches[r])) ++p;
        AddToken(job, chunk, i, r, parts[p]);
      }
      first += chunk.num_tokens;
    }
  }
}

}  // namespace octet
