// One rank's model, loaded and ready, for tests that call the layers below the engine.

#ifndef OCTET_TESTS_SUPPORT_RANK_MODEL_H_
#define OCTET_TESTS_SUPPORT_RANK_MODEL_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cpu/isa.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/engine/engine.h"

namespace octet {

struct RankModelOptions {
  Isa isa = SupportedIsas().back();
  std::function<std::unique_ptr<Backend>()> make_backend = {};  // if null, the CPU's, with `isa`
  DType dtype = DType::kF32;
  std::string placement = "contiguous";
  int64_t max_tokens = 512;  // of a sequence, and of a step of one rank
  int threads = 1;
  int ep_size = 0;                       // ranks of an expert-parallel group; 0: all
  bool own_rows = false;                 // RunEngine's one rank has its rows on its device
  int hosts = 1;                         // over which RunEngine deals out the ranks
  Engine::OnRouting on_routing = {};     // given: RunEngine records routing
  bool return_routed_experts = false;    // by RunEngine
  ExpertOverride override_experts = {};  // EngineOptions
  RebalanceOptions rebalance = {};       // RunEngine's

  // Called by RunEngine on rank 0 before each step.
  std::function<void(Engine& engine, int step)> before_step = [](Engine&, int) {};
};

// Aborts where the model can't be loaded.
class RankModel {
 public:
  RankModel(Communicator& comm, const ModelFiles& files, const RankModelOptions& options,
            RoutingHooks hooks = {});

  // Collective: the logits of all `tokens` of one sequence, computed in chunks of at most `chunk`
  // tokens: [tokens, vocab_size]. Every rank must call it with as many chunks.
  std::vector<float> Logits(const std::vector<int32_t>& tokens, int64_t chunk, int64_t num_chunks);

  const ModelWeights& weights() const { return weights_; }
  const KvCache& kv_cache() const { return kv_cache_; }  // Logits uses its pages in order

 private:
  const ModelConfig& config_;
  std::unique_ptr<Backend> backend_;
  PhaseClock clock_;
  Workspace workspace_;
  ExecutionContext context_;
  ExpertPlacement placement_;
  ModelWeights weights_;
  KvCache kv_cache_;
  Mixtral model_;
};

// The weights of a rank that shares nothing with others.
absl::StatusOr<ModelWeights> LoadWeightsAlone(
    const MixtralTensors& tensors, const ModelConfig& config, const ExpertPlacement& placement,
    int rank, Backend& backend, DType dtype,
    const LoadProgress& progress = [](uint64_t, uint64_t) {});

ModelFiles OpenModelOrDie(FileSystem& files, const std::string& directory);

// Answers of the whole engine to these requests, by id, on `num_ranks` ranks of this process. Where
// limits.pages has one number, it is each rank's. `notes` and `stats` get the engine's.
std::vector<FinishedSequence> RunEngine(int num_ranks, const ModelFiles& files,
                                        const RankModelOptions& options,
                                        const SchedulerLimits& limits,
                                        const std::vector<NewSequence>& requests,
                                        std::vector<std::string>* notes = nullptr,
                                        SchedulerStats* stats = nullptr);

// A greedy request that does not stop before max_tokens.
NewSequence GreedyRequest(int64_t id, const std::vector<int32_t>& prompt, int max_tokens);

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_RANK_MODEL_H_
