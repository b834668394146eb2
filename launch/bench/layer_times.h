// The times of the parts of a model's layer.

#ifndef OCTET_LAUNCH_BENCH_LAYER_TIMES_H_
#define OCTET_LAUNCH_BENCH_LAYER_TIMES_H_

#include <cstdint>
#include <vector>

#include "launch/setup/job_setup.h"
#include "parallel/transport/communicator.h"
#include "proto/machine_profile.pb.h"
#include "runtime/checkpoint/weights.h"

namespace octet {

// Tokens that a layer computes at once: of each sequence, `rows` tokens behind `context` others.
struct LayerCase {
  int64_t sequences = 1;
  int64_t rows = 1;
  int64_t context = 0;

  int64_t num_tokens() const { return sequences * rows; }
  int64_t positions() const { return context + rows; }
};

// Returns what to measure: sequences that decode, up to `max_sequences`, behind a short and a long
// context; prompts of up to `max_rows` tokens; and one of these behind the long context.
std::vector<LayerCase> LayerCases(int64_t max_sequences, int64_t max_rows, int64_t context);

// Return the most tokens of a case, and the most positions of a sequence.
int64_t MostTokens(const std::vector<LayerCase>& cases);
int64_t MostPositions(const std::vector<LayerCase>& cases);

// Collective. Computes each case with all of the model's layers, on all ranks at the same time and
// with each rank alone in its group, which has all experts. The tokens go to all experts evenly.
// Sets the parts of `profile`, whose times are medians over repetitions and layers, then means over
// ranks, and what interrupts them; complete on rank 0.
void MeasureLayer(Communicator& world, const JobSetup& setup, const ModelWeights& weights,
                  const std::vector<LayerCase>& cases, LayerProfile& profile);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_LAYER_TIMES_H_
