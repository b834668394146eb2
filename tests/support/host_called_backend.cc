#include "tests/support/host_called_backend.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace octet {
namespace {

constexpr size_t kCacheLine = 64;

// Bytes of the host, copied to the device.
class Copy {
 public:
  Copy(Backend& device, const std::byte* data, size_t bytes)
      : device_(device),
        bytes_(bytes),
        begin_(reinterpret_cast<uintptr_t>(data) % kCacheLine),
        buffer_(device.Allocate(begin_ + bytes)) {
    device.packer().Write({data, bytes}, this->data());
  }

  std::byte* data() const { return buffer_.data() + begin_; }

  void ReadTo(std::byte* to) const {
    device_.Synchronize();
    std::vector<std::byte> room;
    const std::span<const std::byte> bytes = device_.packer().Read({data(), bytes_}, room);
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  }

 private:
  Backend& device_;
  const size_t bytes_;
  const size_t begin_;
  Buffer buffer_;
};

class MatrixCopy {
 public:
  MatrixCopy(Backend& device, ConstMatrix m) : matrix_(m), copy_(device, m.data, Bytes(m)) {}

  Matrix view() const {
    return {copy_.data(), matrix_.dtype, matrix_.rows, matrix_.cols, matrix_.stride};
  }

  void ReadTo(Matrix m) const { copy_.ReadTo(m.data); }

 private:
  static size_t Bytes(ConstMatrix m) {
    return m.rows == 0 ? 0 : (m.rows - 1) * m.stride_bytes() + m.row_bytes();
  }

  const ConstMatrix matrix_;
  const Copy copy_;
};

PackedMatrix CopyOf(Backend& device, const PackedMatrix& w) {
  PackedMatrix copy = {.buffer = device.Allocate(w.buffer.bytes()),
                       .format = w.format,
                       .rows = w.rows,
                       .cols = w.cols};
  device.packer().Write({w.buffer.data(), w.buffer.bytes()}, copy.buffer.data());
  return copy;
}

class PagesCopy {
 public:
  PagesCopy(Backend& device, std::span<const SequenceSpan> spans, const KvBlocks& kv)
      : kv_(kv), copy_(device, kv.pages, Bytes(spans, kv)) {}

  KvBlocks view() const {
    KvBlocks kv = kv_;
    kv.pages = copy_.data();
    return kv;
  }

  void ReadBack() const { copy_.ReadTo(kv_.pages); }

 private:
  static size_t Bytes(std::span<const SequenceSpan> spans, const KvBlocks& kv) {
    int32_t last = -1;
    for (const SequenceSpan& span : spans) {
      for (const int32_t page : span.pages) last = std::max(last, page);
    }
    return last < 0 ? 0
                    : last * kv.page_bytes +
                          kv.num_kv_heads * KvBlocks::HeadBytes(kv.head_dim, kv.dtype);
  }

  const KvBlocks kv_;
  const Copy copy_;
};

}  // namespace

HostCalledBackend::HostCalledBackend(std::unique_ptr<Backend> device)
    : device_(std::move(device)), packer_(*device_) {}

void HostCalledBackend::CopyToHost(ConstMatrix x, Matrix y) {
  const MatrixCopy from(*device_, x);
  device_->CopyToHost(from.view(), y);
  device_->Synchronize();
}

void HostCalledBackend::Matmul(ConstMatrix x, const PackedMatrix& w, Matrix y) {
  const MatrixCopy from(*device_, x);
  const MatrixCopy to(*device_, y);
  const PackedMatrix weights = CopyOf(*device_, w);
  device_->Matmul(from.view(), weights, to.view());
  to.ReadTo(y);
}

void HostCalledBackend::GroupedSwiGlu(ConstMatrix x, std::span<const int32_t> rows,
                                      std::span<const int32_t> offsets,
                                      std::span<const ExpertWeights* const> experts, Matrix y) {
  const MatrixCopy from(*device_, x);
  const MatrixCopy to(*device_, y);
  std::vector<ExpertWeights> copies;
  for (const ExpertWeights* e : experts) {
    copies.push_back({CopyOf(*device_, e->gate_up), CopyOf(*device_, e->down)});
  }
  std::vector<const ExpertWeights*> weights;
  for (const ExpertWeights& e : copies) weights.push_back(&e);
  device_->GroupedSwiGlu(from.view(), rows, offsets, weights, to.view());
  to.ReadTo(y);
}

void HostCalledBackend::RmsNorm(ConstMatrix x, std::span<const float> weight, float eps, Matrix y) {
  const MatrixCopy from(*device_, x);
  const MatrixCopy to(*device_, y);
  const Copy w(*device_, reinterpret_cast<const std::byte*>(weight.data()), weight.size_bytes());
  const std::span on_device(reinterpret_cast<const float*>(w.data()), weight.size());
  device_->RmsNorm(from.view(), on_device, eps, to.view());
  to.ReadTo(y);
}

void HostCalledBackend::Add(ConstMatrix x, Matrix y) {
  const MatrixCopy from(*device_, x);
  const MatrixCopy to(*device_, y);
  device_->Add(from.view(), to.view());
  to.ReadTo(y);
}

void HostCalledBackend::GatherRows(ConstMatrix x, std::span<const int32_t> rows, Matrix y) {
  const MatrixCopy from(*device_, x);
  const MatrixCopy to(*device_, y);
  device_->GatherRows(from.view(), rows, to.view());
  to.ReadTo(y);
}

void HostCalledBackend::Convert(ConstMatrix x, Matrix y) {
  const MatrixCopy from(*device_, x);
  const MatrixCopy to(*device_, y);
  device_->Convert(from.view(), to.view());
  to.ReadTo(y);
}

void HostCalledBackend::WeightedSum(ConstMatrix x, const RowSums& sums, Matrix y) {
  const MatrixCopy from(*device_, x);
  const MatrixCopy to(*device_, y);
  device_->WeightedSum(from.view(), sums, to.view());
  to.ReadTo(y);
}

void HostCalledBackend::Softmax(ConstMatrix x, std::span<const float> scales, Matrix y) {
  const MatrixCopy from(*device_, x);
  const MatrixCopy to(*device_, y);
  const bool is_in_place = x.data == y.data;
  device_->Softmax(is_in_place ? to.view() : from.view(), scales, to.view());
  to.ReadTo(y);
}

void HostCalledBackend::Route(Matrix logits, int topk, std::span<int32_t> experts,
                              std::span<float> weights) {
  const MatrixCopy from(*device_, logits);
  device_->Route(from.view(), topk, experts, weights);
  device_->Synchronize();
}

void HostCalledBackend::RouteOnDevice(Matrix logits, int topk, int32_t* experts, float* weights) {
  const auto count = static_cast<size_t>(logits.rows * topk);
  Route(logits, topk, {experts, count}, {weights, count});
}

void HostCalledBackend::LogSumExp(ConstMatrix x, std::span<float> result) {
  const MatrixCopy from(*device_, x);
  device_->LogSumExp(from.view(), result);
  device_->Synchronize();
}

void HostCalledBackend::DrawTokens(ConstMatrix logits, std::span<const TokenDraw> draws,
                                   Matrix room, std::span<int32_t> tokens,
                                   std::span<int32_t> are_finite) {
  const MatrixCopy from(*device_, logits);
  const MatrixCopy on_device(*device_, room);
  device_->DrawTokens(from.view(), draws, on_device.view(), tokens, are_finite);
  device_->Synchronize();
}

void HostCalledBackend::Rope(Matrix x, std::span<const int32_t> positions, const RopeTable& table) {
  const MatrixCopy in_place(*device_, x);
  const MatrixCopy cos(*device_, table.cos);
  const MatrixCopy sin(*device_, table.sin);
  device_->Rope(in_place.view(), positions, {cos.view(), sin.view()});
  in_place.ReadTo(x);
}

void HostCalledBackend::StoreKv(ConstMatrix keys, ConstMatrix values,
                                std::span<const SequenceSpan> spans, const KvBlocks& kv) {
  const MatrixCopy k(*device_, keys);
  const MatrixCopy v(*device_, values);
  const PagesCopy pages(*device_, spans, kv);
  device_->StoreKv(k.view(), v.view(), spans, pages.view());
  pages.ReadBack();
}

void HostCalledBackend::Attention(ConstMatrix q, std::span<const SequenceSpan> spans,
                                  const KvBlocks& kv, int64_t window, Matrix y) {
  const MatrixCopy queries(*device_, q);
  const MatrixCopy to(*device_, y);
  const PagesCopy pages(*device_, spans, kv);
  device_->Attention(queries.view(), spans, pages.view(), window, to.view());
  to.ReadTo(y);
}

void HostCalledBackend::Packer::ForEach(int64_t n,
                                        absl::FunctionRef<void(int thread, int64_t i)> f) {
  for (int64_t i = 0; i < n; ++i) f(0, i);
}

void HostCalledBackend::Packer::PackPanel(ConstMatrix rows, int64_t panel, PackedMatrix& w) {
  PackedMatrix copy = CopyOf(device_, w);
  device_.packer().PackPanel(rows, panel, copy);
  std::vector<std::byte> room;
  std::ranges::copy(device_.packer().Read({copy.buffer.data(), copy.buffer.bytes()}, room),
                    w.buffer.data());
}

int64_t HostCalledBackend::Packer::OutputOf(const PackedMatrix& w, size_t index) {
  return device_.packer().OutputOf(w, index);
}

void HostCalledBackend::Packer::Write(std::span<const std::byte> from, std::byte* to) {
  std::ranges::copy(from, to);
}

}  // namespace octet
