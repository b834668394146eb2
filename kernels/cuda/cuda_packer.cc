#include "kernels/cuda/cuda_packer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/cuda/cuda_check.h"
#include "kernels/cuda/weights.h"

namespace octet::cuda {
namespace {

float ElementOf(ConstMatrix rows, int64_t row, int64_t col) {
  return ReadFloat(rows.row(row) + static_cast<size_t>(col) * SizeOf(rows.dtype), rows.dtype);
}

// Row-major, rounded to the dtype of the weight.
void ConvertRow(ConstMatrix rows, int64_t row, DType to, std::byte* out) {
  if (rows.dtype == to) {
    std::memcpy(out, rows.row(row), rows.row_bytes());
  } else if (to == DType::kBF16) {
    auto* const numbers = reinterpret_cast<BF16*>(out);
    for (int64_t c = 0; c < rows.cols; ++c) numbers[c] = ToBF16(ElementOf(rows, row, c));
  } else {
    auto* const numbers = reinterpret_cast<float*>(out);
    for (int64_t c = 0; c < rows.cols; ++c) numbers[c] = ElementOf(rows, row, c);
  }
}

}  // namespace

// A lane that nobody else uses while this lives.
class CudaPacker::BorrowedLane {
 public:
  BorrowedLane(CudaPacker& packer, size_t bytes) : packer_(packer) {
    Check(cudaSetDevice(packer.device_), "this thread");
    {
      const std::lock_guard lock(packer.mutex_);
      if (!packer.free_.empty()) {
        lane_ = std::move(packer.free_.back());
        packer.free_.pop_back();
      }
    }
    if (lane_ == nullptr) lane_ = std::make_unique<Lane>();
    if (lane_->pinned.bytes() < bytes) lane_->pinned = AllocatePinned(bytes);
  }
  BorrowedLane(const BorrowedLane&) = delete;
  BorrowedLane& operator=(const BorrowedLane&) = delete;
  ~BorrowedLane() {
    const std::lock_guard lock(packer_.mutex_);
    packer_.free_.push_back(std::move(lane_));
  }

  std::byte* data() const { return lane_->pinned.data(); }

  // Copies, and waits for it.
  void Copy(std::byte* to, const std::byte* from, size_t bytes, cudaMemcpyKind kind) const {
    Check(cudaMemcpyAsync(to, from, bytes, kind, lane_->stream), "a copy");
    Check(cudaStreamSynchronize(lane_->stream), "a copy");
  }

 private:
  CudaPacker& packer_;
  std::unique_ptr<Lane> lane_;
};

void CudaPacker::PackPanel(ConstMatrix rows, int64_t panel, PackedMatrix& w) {
  OCTET_CHECK(rows.rows <= PackedMatrix::kPanel && rows.cols == w.cols && panel < w.num_panels());
  const BorrowedLane lane(*this, w.panel_bytes());
  std::memset(lane.data(), 0, w.panel_bytes());
  const size_t row_bytes = w.panel_bytes() / PackedMatrix::kPanel;
  for (int64_t row = 0; row < rows.rows; ++row) {
    ConvertRow(rows, row, w.dtype(), lane.data() + row * row_bytes);
  }
  lane.Copy(w.panel(panel), lane.data(), w.panel_bytes(), cudaMemcpyHostToDevice);
}

void CudaPacker::PackBlocks(BlockRows, int64_t, PackedMatrix&) {
  Fatal(__FILE__, __LINE__, "quantised weights on a CUDA device");
}

int64_t CudaPacker::OutputOf(const PackedMatrix& w, size_t index) {
  return static_cast<int64_t>(index) / WeightStride(w.dtype(), w.cols);
}

void CudaPacker::Write(std::span<const std::byte> from, std::byte* to) {
  constexpr size_t kPart = size_t{1} << 20;
  for (size_t at = 0; at < from.size(); at += kPart) {
    const std::span<const std::byte> part = from.subspan(at, std::min(kPart, from.size() - at));
    const BorrowedLane lane(*this, part.size());
    std::memcpy(lane.data(), part.data(), part.size());
    lane.Copy(to + at, lane.data(), part.size(), cudaMemcpyHostToDevice);
  }
}

std::span<const std::byte> CudaPacker::Read(std::span<const std::byte> from,
                                            std::vector<std::byte>& room) {
  room.resize(from.size());
  if (from.empty()) return room;
  const BorrowedLane lane(*this, 0);
  lane.Copy(room.data(), from.data(), from.size(), cudaMemcpyDeviceToHost);
  return room;
}

}  // namespace octet::cuda
