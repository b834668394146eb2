#include "runtime/engine/expert_mover.h"

#include <algorithm>
#include <utility>

#include "kernels/base/check.h"
#include "parallel/placement/placement_change.h"

namespace octet {

ExpertMover::ExpertMover(Communicator& group, Backend& backend, const ModelConfig& config,
                         ExpertPlacement& placement, ModelWeights& weights, int64_t num_spare)
    : comm_(group.MakeGroup(group.size())),
      hosts_(comm_->hosts()),
      backend_(backend),
      config_(config),
      placement_(placement),
      weights_(weights),
      target_(placement),
      layer_(placement.num_layers()) {
  KeepSpareMemory(num_spare);
}

void ExpertMover::Begin(const ExpertPlacement& target) {
  OCTET_CHECK(!is_moving());
  target_ = target;
  layer_ = 0;
  BeginLayer();
}

// Skips the layers whose placement does not change.
void ExpertMover::BeginLayer() {
  while (is_moving() && IsSameLayer(placement_, target_, layer_)) ++layer_;
  if (!is_moving()) return;
  const std::vector<Move> moves = MovesOfLayer();
  moves_of_layer_ = std::ssize(moves);
  for (const Move& move : moves) Start(move);
}

std::vector<ExpertMover::Move> ExpertMover::MovesOfLayer() const {
  std::vector<Move> moves;
  for (int e = 0; e < placement_.num_experts(); ++e) {
    for (const int32_t to : NewRanks(placement_, target_, layer_, e)) {
      moves.push_back({.expert = e, .from = SourceOf(e, to), .to = to});
    }
  }
  return moves;
}

// Returns the rank that sends the expert: one on the host of `to` if possible. If several ranks
// could send it, they take turns.
int ExpertMover::SourceOf(int expert, int to) const {
  const std::span<const int32_t> ranks = placement_.ranks(layer_, expert);
  std::vector<int32_t> near;
  std::ranges::copy_if(ranks, std::back_inserter(near),
                       [&](int32_t rank) { return hosts_.host_of(rank) == hosts_.host_of(to); });
  const std::span<const int32_t> candidates = near.empty() ? ranks : near;
  return candidates[to % candidates.size()];
}

// Every rank calls it for every move, because every rank must take the same tickets.
void ExpertMover::Start(const Move& move) {
  Travelling travelling = {.expert = move.expert};
  ExpertWeights* weights = weights_.layers[layer_].experts[move.expert].get();
  if (move.to == comm_->rank()) {
    travelling.weights = TakeMemory();
    weights = travelling.weights.get();
  }
  const bool takes_part = move.to == comm_->rank() || move.from == comm_->rank();
  OCTET_CHECK(!takes_part || weights != nullptr) << "layer " << layer_ << " expert " << move.expert;
  ExpertWeights none;
  ExpertWeights& moved = takes_part ? *weights : none;
  travelling.gate_up = StartMatrix(move, moved.gate_up, travelling.gate_up_copy);
  travelling.down = StartMatrix(move, moved.down, travelling.down_copy);
  if (takes_part) travelling_.push_back(std::move(travelling));
}

// Writes to each page of the host, so that the system clears it now and not while an expert comes.
void ExpertMover::KeepSpareMemory(int64_t num_spare) {
  for (int64_t i = 0; i < num_spare; ++i) {
    spare_.push_back(std::make_unique<ExpertWeights>(
        AllocateExpert(config_, weights_.expert_formats.front(), backend_)));
    if (!backend_.is_on_host()) continue;
    for (const PackedMatrix* m : {&spare_.back()->gate_up, &spare_.back()->down}) {
      std::ranges::fill(std::span(m->buffer.data(), m->buffer.bytes()), std::byte{});
    }
  }
}

// All experts have the same shape, but layers may have different formats: then spare memory is
// given back for what is needed.
std::unique_ptr<ExpertWeights> ExpertMover::TakeMemory() {
  const ExpertFormats formats = weights_.expert_formats[layer_];
  const auto fits = [&](const std::unique_ptr<ExpertWeights>& spare) {
    return spare->gate_up.format == formats.gate_up && spare->down.format == formats.down;
  };
  auto found = std::ranges::find_if(spare_, fits);
  if (found == spare_.end()) {
    if (!spare_.empty()) spare_.pop_back();
    return std::make_unique<ExpertWeights>(AllocateExpert(config_, formats, backend_));
  }
  std::unique_ptr<ExpertWeights> memory = std::move(*found);
  spare_.erase(found);
  return memory;
}

// Returns null if this rank takes no part. A copy is sent and received if the host has no access to
// the matrix.
std::unique_ptr<Exchange> ExpertMover::StartMatrix(const Move& move, PackedMatrix& matrix,
                                                   std::vector<std::byte>& copy) {
  const Transfer transfer = {Traffic::kControl, {"moving experts", layer_}, comm_->NextTicket()};
  const Bytes bytes(matrix.buffer.data(), matrix.buffer.bytes());
  std::vector<Outgoing> send;
  std::vector<Incoming> recv;
  if (move.from == comm_->rank()) {
    send.push_back({move.to, backend_.packer().Read(bytes, copy)});
  }
  if (move.to == comm_->rank() && backend_.is_on_host()) {
    recv.push_back({move.from, bytes});
  } else if (move.to == comm_->rank()) {
    copy.resize(bytes.size());
    recv.push_back({move.from, copy});
  }
  if (send.empty() && recv.empty()) return nullptr;
  std::unique_ptr<Exchange> exchange = comm_->MakeExchange();
  comm_->Start(*exchange, transfer, send, recv);
  return exchange;
}

bool ExpertMover::HasMoved() {
  return std::ranges::all_of(
      travelling_, [](const Travelling& t) { return t.gate_up->Poll() && t.down->Poll(); });
}

void ExpertMover::Finish() {
  for (const Travelling& t : travelling_) {
    comm_->Finish(*t.gate_up);
    comm_->Finish(*t.down);
  }
}

int ExpertMover::UseLayer() {
  OCTET_CHECK(is_moving());
  Finish();
  LayerWeights& layer = weights_.layers[layer_];
  for (Travelling& t : travelling_) {
    if (t.weights == nullptr) continue;
    if (!backend_.is_on_host()) {
      backend_.packer().Write(t.gate_up_copy, t.weights->gate_up.buffer.data());
      backend_.packer().Write(t.down_copy, t.weights->down.buffer.data());
    }
    layer.experts[t.expert] = std::move(t.weights);
  }
  travelling_.clear();
  experts_moved_ += moves_of_layer_;
  placement_.TakeLayer(layer_, target_);
  for (int e = 0; e < placement_.num_experts(); ++e) {
    if (layer.experts[e] == nullptr || placement_.Owns(layer_, e, comm_->rank())) continue;
    std::unique_ptr<ExpertWeights> left = std::exchange(layer.experts[e], nullptr);
    if (weights_.kept != nullptr) {
      weights_.kept->Forget(NameOfExpertPart(layer_, e));  // others of this host may use its memory
    } else if (weights_.mapped_bytes == 0) {
      spare_.push_back(std::move(left));  // a mapped file is read-only
    }
  }
  const int used = layer_++;
  BeginLayer();
  return used;
}

void ExpertMover::Abandon() {
  Finish();
  travelling_.clear();
  layer_ = target_.num_layers();
}

}  // namespace octet
