// The sequences of one rank.

#ifndef OCTET_RUNTIME_MODEL_RUNNER_H_
#define OCTET_RUNTIME_MODEL_RUNNER_H_

#include <absl/container/flat_hash_map.h>

#include <vector>

#include "proto/engine.pb.h"
#include "runtime/batch.h"
#include "runtime/kv_cache.h"
#include "runtime/mixtral.h"
#include "runtime/sampler.h"

namespace octet {

// Does what the scheduler decided: computes chunks of its sequences, samples where a sequence is
// complete, reports those that are finished and gives their pages back.
class ModelRunner {
 public:
  // `seed` is the run's, for requests without one.
  ModelRunner(const ExecutionContext& context, const ModelConfig& config, Mixtral& model,
              KvCache& kv_cache, int64_t seed)
      : context_(context),
        config_(config),
        model_(model),
        kv_cache_(kv_cache),
        sampler_(context),
        seed_(seed) {}

  // Collective: one forward pass on every rank, even where `step` has no chunks.
  StepResult Run(const RankStep& step);

 private:
  struct Sequence {
    int64_t line;
    int32_t choice;
    SamplingParams params;
    std::vector<int32_t> tokens;  // prompt and answer
    int64_t num_prompt;
    int64_t num_computed = 0;  // tokens whose keys and values are stored
    std::vector<int32_t> pages;
    FinishedSequence result;
  };

  void Admit(const NewSequence& added);
  void AddChunk(const Chunk& chunk);
  SampleRequest MakeSampleRequest(const Sequence& sequence) const;
  bool Append(const Sample& sample, Sequence& sequence) const;  // true when it is finished

  const ExecutionContext& context_;
  const ModelConfig& config_;
  Mixtral& model_;
  KvCache& kv_cache_;
  Sampler sampler_;
  int64_t seed_;

  absl::flat_hash_map<int64_t, std::unique_ptr<Sequence>> sequences_;
  Batch batch_;
  std::vector<int64_t> sampled_ids_;  // the sequence of each of batch_.logit_rows
  std::vector<SampleRequest> sample_requests_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_RUNNER_H_
