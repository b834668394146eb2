// Operations of the CUDA backend that are computed more than once, and the lists that they share.

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/recorded_graph.h"

namespace octet::cuda {

// Operations in a CUDA graph.
class CudaBackend::Recording : public RecordedWork {
 public:
  Recording(CudaBackend& backend, absl::FunctionRef<void()> ask)
      : backend_(backend), num_moves_(backend.num_moves()), graph_(backend.stream_, ask) {
    OCTET_CHECK_EQ(num_moves_, backend.num_moves());
  }
  ~Recording() override { backend_.stream_.Wait(); }

  bool Compute() override {
    if (num_moves_ != backend_.num_moves()) return false;
    graph_.Launch(backend_.stream_);
    ++backend_.num_graph_launches_;
    return true;
  }

 private:
  CudaBackend& backend_;
  const int64_t num_moves_;
  const RecordedGraph graph_;
};

std::unique_ptr<RecordedWork> CudaBackend::Record(absl::FunctionRef<void()> ask) {
  ++num_recordings_;
  return std::make_unique<Recording>(*this, ask);
}

void CudaBackend::HoldLists(std::span<const StepLists> lists) {
  OCTET_CHECK(lists.size() <= held_.size());
  for (size_t i = 0; i < held_.size(); ++i) {
    if (i < lists.size()) {
      held_[i].Hold(lists[i], stream_, ring_);
    } else {
      held_[i].Forget();
    }
  }
}

int64_t CudaBackend::num_moves() const {
  int64_t sum = 0;
  for (const HeldLists& held : held_) sum += held.num_moves();
  return sum;
}

const int32_t* CudaBackend::OnDevice(std::span<const int32_t> list) {
  for (const HeldLists& held : held_) {
    if (const int32_t* const copy = held.Find(list); copy != nullptr) return copy;
  }
  return ring_.Upload(list);
}

const SequenceLists& CudaBackend::OnDevice(std::span<const SequenceSpan> spans,
                                           int64_t most_tile_tokens) {
  for (const HeldLists& held : held_) {
    if (const SequenceLists* const copy = held.Find(spans); copy != nullptr) return *copy;
  }
  sequences_.Set(spans, most_tile_tokens, stream_, ring_);
  return sequences_;
}

}  // namespace octet::cuda
