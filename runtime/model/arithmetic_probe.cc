#include "runtime/model/arithmetic_probe.h"

#include <array>
#include <numeric>
#include <span>
#include <vector>

#include "runtime/io/fingerprint.h"
#include "runtime/model/rope.h"

namespace octet {
namespace {

// Several chunks of inputs and several folds of positions; the last chunk or fold is partial.
constexpr int64_t kRows = 5;
constexpr int64_t kInputs = 1100;
constexpr int64_t kOutputs = 40;
constexpr int64_t kTokens = 2 * kAttentionFold + 21;
constexpr int kHeads = 2;
constexpr int kHeadDim = 40;

// A float32 matrix that owns its elements.
class Rows {
 public:
  Rows(int64_t rows, int64_t cols) : data_(static_cast<size_t>(rows * cols)), cols_(cols) {}

  Matrix view() {
    const auto rows = static_cast<int64_t>(data_.size()) / cols_;
    return {std::as_writable_bytes(std::span(data_)).data(), DType::kF32, rows, cols_, cols_};
  }
  std::span<float> values() { return data_; }

 private:
  std::vector<float> data_;
  int64_t cols_;
};

class Probe {
 public:
  Probe(Backend& backend, DType dtype) : backend_(backend), dtype_(dtype) {}

  void AddProducts() {
    PackedMatrix w = {.buffer = backend_.Allocate(PackedMatrix::Bytes(dtype_, kOutputs, kInputs)),
                      .dtype = dtype_,
                      .rows = kOutputs,
                      .cols = kInputs};
    backend_.packer().Pack(Random(kOutputs, kInputs).view(), 0, 1, w);
    Rows y(kRows, kOutputs);
    backend_.Matmul(Random(kRows, kInputs).view(), w, y.view());
    Add(y.values());
  }

  void AddAttention() {
    const auto num_pages = static_cast<int32_t>((kTokens + kKvBlock - 1) / kKvBlock);
    const size_t page_bytes = kHeads * KvBlocks::HeadBytes(kHeadDim, dtype_);
    const Buffer memory = backend_.Allocate(num_pages * page_bytes);
    const KvBlocks kv = {.pages = memory.data(),
                         .page_bytes = page_bytes,
                         .dtype = dtype_,
                         .num_kv_heads = kHeads,
                         .head_dim = kHeadDim};
    std::vector<int32_t> pages(num_pages);
    std::iota(pages.begin(), pages.end(), 0);
    const SequenceSpan all = {.num_rows = kTokens, .pages = pages};
    constexpr int64_t kCols = kHeads * kHeadDim;
    backend_.StoreKv(Random(kTokens, kCols).view(), Random(kTokens, kCols).view(), {&all, 1}, kv);
    Rows y(kTokens, kCols);
    backend_.Attention(Random(kTokens, kCols).view(), {&all, 1}, kv, 0, y.view());
    Add(y.values());
  }

  void AddElementwise() {
    Rows x = Random(kRows, kInputs);
    Rows y(kRows, kInputs);
    backend_.RmsNorm(x.view(), Random(1, kInputs).values(), 1e-5F, y.view());
    Add(y.values());
    backend_.Softmax(x.view(), {}, y.view());
    Add(y.values());
    std::array<float, kRows> logarithms = {};
    backend_.LogSumExp(x.view(), logarithms);
    Add(logarithms);
  }

  void AddAngles() {
    constexpr int64_t kPositions = 1024;
    const Rope rope(kHeadDim, 1e6, kPositions);
    for (const ConstMatrix& table : {rope.table().cos, rope.table().sin}) {
      Add({table.f32(0), static_cast<size_t>(table.rows * table.cols)});
    }
  }

  uint64_t fingerprint() const { return fingerprint_.value(); }

 private:
  // Returns values from -4 to 4, the same on every machine: the upper 24 bits of Knuth's generator
  // (MMIX).
  Rows Random(int64_t rows, int64_t cols) {
    Rows x(rows, cols);
    for (float& value : x.values()) {
      state_ = state_ * 6364136223846793005U + 1442695040888963407U;
      value = static_cast<float>(static_cast<int64_t>(state_ >> 40) - (1 << 23)) / (1 << 21);
    }
    return x;
  }

  void Add(std::span<const float> values) { fingerprint_.Add(std::as_bytes(values)); }

  Backend& backend_;
  DType dtype_;
  uint64_t state_ = 1;
  Fingerprint fingerprint_;
};

}  // namespace

uint64_t FingerprintArithmetic(Backend& backend, DType dtype) {
  Probe probe(backend, dtype);
  probe.AddProducts();
  probe.AddAttention();
  probe.AddElementwise();
  probe.AddAngles();
  return probe.fingerprint();
}

}  // namespace octet
