// Experts on their way from rank to rank while the model runs.

#ifndef OCTET_RUNTIME_ENGINE_EXPERT_MOVER_H_
#define OCTET_RUNTIME_ENGINE_EXPERT_MOVER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/base/backend.h"
#include "parallel/placement/expert_placement.h"
#include "parallel/transport/communicator.h"
#include "parallel/transport/host_topology.h"
#include "runtime/checkpoint/weights.h"

namespace octet {

// One rank's part of a change of placement. Layers change one after the other: the weights of a
// layer's experts travel over a communicator of their own while steps are computed, and at the
// beginning of a step, when they have come to all ranks, all begin to use them. All ranks make the
// same calls between the same steps.
class ExpertMover {
 public:
  // Collective. `placement` and `weights`, this rank's, change; all must outlive it.
  ExpertMover(Communicator& group, Backend& backend, const ModelConfig& config, DType dtype,
              ExpertPlacement& placement, ModelWeights& weights);
  ExpertMover(const ExpertMover&) = delete;
  ExpertMover& operator=(const ExpertMover&) = delete;
  ~ExpertMover() { Abandon(); }

  // From now on experts move to where they live in `target`. Not while others move.
  void Begin(const ExpertPlacement& target);

  bool is_moving() const { return layer_ < target_.num_layers(); }

  // Whether this rank has sent and got all that travels.
  bool HasMoved();

  // HasMoved on all ranks: the layer that has moved is used from here on, and the next one begins.
  // Returns the layer.
  int UseLayer();

  // Waits for what travels, on all ranks, and leaves the other layers as they are.
  void Abandon();

  // In the group so far, each once for each rank to which it came.
  int64_t experts_moved() const { return experts_moved_; }

 private:
  // An expert that comes to a rank.
  struct Move {
    int expert;
    int from;
    int to;
  };
  // On its way to or from this rank.
  struct Travelling {
    int expert;
    std::unique_ptr<ExpertWeights> weights;  // null: it leaves
    std::unique_ptr<Exchange> gate_up, down;
  };

  void BeginLayer();
  std::vector<Move> MovesOfLayer() const;
  int SourceOf(int expert, int to) const;
  void Start(const Move& move);
  std::unique_ptr<Exchange> StartMatrix(const Move& move, PackedMatrix& matrix);
  void Finish();

  std::unique_ptr<Communicator> comm_;
  const HostTopology hosts_;
  Backend& backend_;
  const ModelConfig& config_;
  const DType dtype_;
  ExpertPlacement& placement_;
  ModelWeights& weights_;
  ExpertPlacement target_;
  int layer_;  // that travels; their number: none
  std::vector<Travelling> travelling_;
  int64_t moves_of_layer_ = 0;
  int64_t experts_moved_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_EXPERT_MOVER_H_
