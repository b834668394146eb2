#include "runtime/model/arithmetic_probe.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <vector>

#include "kernels/base/probe_numbers.h"
#include "runtime/io/fingerprint.h"
#include "runtime/model/rope.h"

namespace octet {
namespace {

// Several chunks of inputs and several folds of positions; the last chunk or fold is partial.
constexpr int64_t kRows = 5;
constexpr int64_t kInputs = 1100;
constexpr int64_t kBlockInputs = 3 * kActivationBlock;
constexpr int64_t kOutputs = 40;
constexpr int64_t kTokens = 2 * kAttentionFold + 21;
constexpr int kHeads = 2;
constexpr int kHeadDim = 40;

// A float32 matrix on a device.
class Rows {
 public:
  Rows(Backend& backend, int64_t rows, int64_t cols)
      : buffer_(backend.Allocate(rows * cols * sizeof(float))),
        view_{buffer_.data(), DType::kF32, rows, cols, cols} {}

  Matrix view() const { return view_; }
  std::span<std::byte> bytes() const { return {buffer_.data(), buffer_.bytes()}; }

 private:
  Buffer buffer_;
  Matrix view_;
};

class Probe {
 public:
  Probe(Backend& backend, DType dtype) : backend_(backend), dtype_(dtype) {}

  void AddProducts() {
    PackedMatrix w = {
        .buffer = backend_.Allocate(PackedMatrix::Bytes(FormatOf(dtype_), kOutputs, kInputs)),
        .format = FormatOf(dtype_),
        .rows = kOutputs,
        .cols = kInputs};
    const std::vector<float> weights = Random(kOutputs * kInputs);
    const ConstMatrix all = {std::as_bytes(std::span(weights)).data(), DType::kF32, kOutputs,
                             kInputs, kInputs};
    backend_.packer().Pack(all, 0, 1, w);
    AddProductsWith(w);
  }

  void AddQuantisedProducts(WeightFormat format) {
    PackedMatrix w = {
        .buffer = backend_.Allocate(PackedMatrix::Bytes(format, kOutputs, kBlockInputs)),
        .format = format,
        .rows = kOutputs,
        .cols = kBlockInputs};
    const size_t row_bytes = RowBytes(format, kBlockInputs);
    const std::vector<std::byte> rows = RandomBlocks(kOutputs * row_bytes);
    for (int64_t panel = 0; panel < w.num_panels(); ++panel) {
      const int64_t first = panel * PackedMatrix::kPanel;
      const auto count = static_cast<int>(std::min(PackedMatrix::kPanel, kOutputs - first));
      backend_.packer().PackBlocks({rows.data() + first * row_bytes, row_bytes, count}, panel, w);
    }
    AddProductsWith(w);
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
    const Rows keys = RandomRows(kTokens, kCols);
    const Rows values = RandomRows(kTokens, kCols);
    const Rows q = RandomRows(kTokens, kCols);
    const Rows y(backend_, kTokens, kCols);
    backend_.StoreKv(keys.view(), values.view(), {&all, 1}, kv);
    backend_.Attention(q.view(), {&all, 1}, kv, 0, y.view());
    Add(y);
  }

  void AddElementwise() {
    const Rows x = RandomRows(kRows, kInputs);
    const Rows weight = RandomRows(1, kInputs);
    const Rows y(backend_, kRows, kInputs);
    const auto* first = reinterpret_cast<const float*>(weight.bytes().data());
    backend_.RmsNorm(x.view(), {first, kInputs}, 1e-5F, y.view());
    Add(y);
    backend_.Softmax(x.view(), {}, y.view());
    Add(y);
    std::array<float, kRows> logarithms = {};
    backend_.LogSumExp(x.view(), logarithms);
    backend_.Synchronize();
    fingerprint_.Add(std::as_bytes(std::span(logarithms)));
  }

  void AddAngles() {
    constexpr int64_t kPositions = 1024;
    const Rope rope(backend_, kHeadDim, 1e6, kPositions);
    for (const ConstMatrix& table : {rope.table().cos, rope.table().sin}) {
      AddBytes({table.data, table.rows * table.row_bytes()});
    }
  }

  uint64_t fingerprint() const { return fingerprint_.value(); }

 private:
  void AddProductsWith(const PackedMatrix& w) {
    const Rows x = RandomRows(kRows, w.cols);
    const Rows y(backend_, kRows, w.rows);
    backend_.Matmul(x.view(), w, y.view());
    Add(y);
  }

  // Bytes below 32 make small float16 numbers wherever a scale may lie.
  std::vector<std::byte> RandomBlocks(size_t bytes) {
    std::vector<std::byte> blocks;
    for (const float number : numbers_.Next(static_cast<int64_t>(bytes))) {
      blocks.push_back(static_cast<std::byte>((number + 1) * 15.5F));
    }
    return blocks;
  }

  // Returns values from -4 to 4.
  std::vector<float> Random(int64_t count) {
    std::vector<float> values = numbers_.Next(count);
    for (float& value : values) value *= 4;
    return values;
  }

  Rows RandomRows(int64_t rows, int64_t cols) {
    Rows x(backend_, rows, cols);
    const std::vector<float> values = Random(rows * cols);
    backend_.packer().Write(std::as_bytes(std::span(values)), x.bytes().data());
    return x;
  }

  void Add(const Rows& rows) { AddBytes(rows.bytes()); }
  void AddBytes(std::span<const std::byte> on_device) {
    std::vector<std::byte> room;
    backend_.Synchronize();
    fingerprint_.Add(backend_.packer().Read(on_device, room));
  }

  Backend& backend_;
  DType dtype_;
  ProbeNumbers numbers_;
  Fingerprint fingerprint_;
};

}  // namespace

uint64_t FingerprintArithmetic(Backend& backend, DType dtype,
                               std::span<const WeightFormat> quantised) {
  Probe probe(backend, dtype);
  probe.AddProducts();
  probe.AddAttention();
  probe.AddElementwise();
  probe.AddAngles();
  for (const WeightFormat format : quantised) probe.AddQuantisedProducts(format);
  return probe.fingerprint();
}

}  // namespace octet
