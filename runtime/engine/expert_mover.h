// A mover of experts from rank to rank while the model runs.

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

// One rank's part of a change of placement. Layers change one after the other. The weights of a
// layer's experts travel over a communicator of their own while steps are computed. When they have
// arrived on all ranks, all ranks begin to use them at the start of the same step. All ranks make
// the same calls between the same steps.
class ExpertMover {
 public:
  // Collective. The object changes `placement` and `weights` of this rank. All arguments must
  // outlive it. Takes the memory of `num_spare` experts at once, for those that come.
  ExpertMover(Communicator& group, Backend& backend, const ModelConfig& config,
              ExpertPlacement& placement, ModelWeights& weights, int64_t num_spare);
  ExpertMover(const ExpertMover&) = delete;
  ExpertMover& operator=(const ExpertMover&) = delete;
  ~ExpertMover() { Abandon(); }

  // Starts to move experts to their ranks in `target`. No other move may be under way.
  void Begin(const ExpertPlacement& target);

  bool is_moving() const { return layer_ < target_.num_layers(); }

  // Returns whether this rank has sent and received all of the layer that travels.
  bool HasMoved();

  // Takes the layer that has moved into use, and starts to move the next one. Every rank calls it,
  // and HasMoved() must hold on all of them. Returns the layer.
  int UseLayer();

  // Waits for the layer that travels, on all ranks, and leaves the other layers as they are.
  void Abandon();

  // The experts that moved in the group so far. An expert counts once for each rank to which it
  // came.
  int64_t experts_moved() const { return experts_moved_; }

 private:
  // The move of one expert to one rank.
  struct Move {
    int expert;
    int from;
    int to;
  };
  // An expert on its way to or from this rank.
  struct Travelling {
    int expert;
    std::unique_ptr<ExpertWeights> weights;          // null if it leaves this rank
    std::vector<std::byte> gate_up_copy, down_copy;  // used if the device is not the host
    std::unique_ptr<Exchange> gate_up, down;
  };

  void BeginLayer();
  std::vector<Move> MovesOfLayer() const;
  int SourceOf(int expert, int to) const;
  void KeepSpareMemory(int64_t num_spare);
  std::unique_ptr<ExpertWeights> TakeMemory();
  void Start(const Move& move);
  std::unique_ptr<Exchange> StartMatrix(const Move& move, PackedMatrix& matrix,
                                        std::vector<std::byte>& copy);
  void Finish();

  std::unique_ptr<Communicator> comm_;
  const HostTopology hosts_;
  Backend& backend_;
  const ModelConfig& config_;
  ExpertPlacement& placement_;
  ModelWeights& weights_;
  ExpertPlacement target_;
  int layer_;  // the layer that travels; the number of layers if none does
  std::vector<Travelling> travelling_;
  std::vector<std::unique_ptr<ExpertWeights>> spare_;  // memory for experts that come
  int64_t moves_of_layer_ = 0;
  int64_t experts_moved_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_EXPERT_MOVER_H_
