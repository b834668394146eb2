#include "runtime/engine/weight_scan.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "kernels/base/activity.h"
#include "kernels/base/finite.h"
#include "kernels/base/weight_rows.h"

namespace octet {
namespace {

constexpr int64_t kPanel = PackedMatrix::kPanel;

// A weight in memory, which is searched block by block. A block is a row of a table, or a panel. Of
// quantised weights, it is the rows of a panel as the file has them.
struct Weight {
  std::vector<const TensorSlice*> from;  // stacked, the first one on top
  ConstMatrix table = {};                // any bytes if it is quantised
  const PackedMatrix* packed = nullptr;  // instead of a table
  int64_t first_panel = 0;               // of `packed`, then every panel_step-th
  int64_t panel_step = 1;

  bool is_here() const { return packed != nullptr || table.data != nullptr; }
  bool is_quantised() const { return is_here() && IsQuantised(from[0]->format); }
  DType dtype() const {
    if (is_quantised()) return DType::kF32;
    return packed != nullptr ? packed->dtype() : table.dtype;
  }
  int64_t num_blocks() const {
    int64_t rows = 0;
    for (const TensorSlice* slice : from) rows += slice->rows;
    return packed != nullptr || is_quantised() ? (rows + kPanel - 1) / kPanel : table.rows;
  }
  // Returns the bytes of a block, of dtype(), or a copy of them in `room`.
  std::span<const std::byte> Read(int64_t i, WeightPacker& packer,
                                  std::vector<std::byte>& room) const {
    return is_quantised() ? Dequantised(i, room) : packer.Read(block(i), room);
  }
  // In the memory in which the backend uses weights.
  std::span<const std::byte> block(int64_t i) const {
    if (packed == nullptr) return {table.row(i), table.row_bytes()};
    return {packed->panel(first_panel + i * panel_step), packed->panel_bytes()};
  }
  // Returns the row of element e of a block.
  int64_t Row(int64_t block, size_t e, WeightPacker& packer) const {
    if (is_quantised()) return block * kPanel + static_cast<int64_t>(e) / from[0]->cols;
    return packed == nullptr ? block : block * kPanel + packer.OutputOf(*packed, e);
  }

 private:
  // Rows that cannot be read any more are left out.
  std::span<const std::byte> Dequantised(int64_t block, std::vector<std::byte>& room) const {
    std::vector<float> values;
    int64_t first = block * kPanel;
    int64_t left = kPanel;
    for (const TensorSlice* slice : from) {
      for (; first < slice->rows && left > 0; ++first, --left) AppendRow(*slice, first, values);
      first = std::max<int64_t>(0, first - slice->rows);
    }
    const std::span<const std::byte> bytes = std::as_bytes(std::span(values));
    room.assign(bytes.begin(), bytes.end());
    return room;
  }

  static void AppendRow(const TensorSlice& slice, int64_t row, std::vector<float>& values) {
    std::vector<std::byte> stored(slice.row_bytes());
    if (!slice.file->Read(slice.OffsetOf(row), stored).ok()) stored.assign(stored.size(), {});
    const size_t before = values.size();
    values.resize(before + static_cast<size_t>(slice.cols));
    RowToFloats({stored.data(), slice.format, 1, slice.cols}, 0, values.data() + before);
  }
};

ConstMatrix TableOf(const WeightRows& w) {
  if (IsQuantised(w.format)) return {.data = w.data};
  return w.matrix();
}

// Adds q, k and v as they are stacked in memory.
void AddQkv(const LayerWeights& layer, const LayerTensors& t, std::vector<Weight>& all) {
  std::vector<const TensorSlice*> left = {&t.q_proj, &t.k_proj, &t.v_proj};
  for (const PackedMatrix& m : layer.qkv_proj) {
    Weight weight = {.packed = &m};
    for (int64_t rows = 0; rows < m.rows; left.erase(left.begin())) {
      rows += left.front()->rows;
      weight.from.push_back(left.front());
    }
    all.push_back(std::move(weight));
  }
}

// Returns the weights in the order in which the model uses them.
std::vector<Weight> ListWeights(const ModelWeights& w, const MixtralTensors& tensors) {
  std::vector<Weight> all;
  const auto vector = [&](const TensorSlice& from, std::span<const float> values) {
    const auto cols = std::ssize(values);
    all.push_back(
        {.from = {&from}, .table = {std::as_bytes(values).data(), DType::kF32, 1, cols, cols}});
  };
  all.push_back({.from = {&tensors.embed_tokens()}, .table = TableOf(w.embed_tokens)});
  for (int l = 0; l < std::ssize(w.layers); ++l) {
    const LayerWeights& layer = w.layers[l];
    const LayerTensors& t = tensors.layer(l);
    vector(t.input_layernorm, layer.input_layernorm);
    AddQkv(layer, t, all);
    all.push_back({.from = {&t.o_proj}, .packed = &layer.o_proj});
    vector(t.post_attention_layernorm, layer.post_attention_layernorm);
    all.push_back({.from = {&t.gate}, .packed = &layer.gate});
    for (int e = 0; e < std::ssize(layer.experts); ++e) {
      const ExpertTensors& from = tensors.expert(l, e);
      const ExpertWeights* expert = layer.experts[e].get();
      // A weight of another rank still has a place in the order.
      const PackedMatrix* gate_up = expert == nullptr ? nullptr : &expert->gate_up;
      all.push_back({.from = {&from.w1}, .packed = gate_up, .panel_step = 2});
      all.push_back({.from = {&from.w3}, .packed = gate_up, .first_panel = 1, .panel_step = 2});
      all.push_back({.from = {&from.w2}, .packed = expert == nullptr ? nullptr : &expert->down});
    }
  }
  vector(tensors.norm(), w.norm);
  all.push_back({.from = {&tensors.lm_head()}, .packed = &w.lm_head});
  return all;
}

template <class T>
std::span<const T> Elements(std::span<const std::byte> block) {
  return {reinterpret_cast<const T*>(block.data()), block.size() / sizeof(T)};
}

uint32_t GreatestIn(DType dtype, std::span<const std::byte> block) {
  return dtype == DType::kBF16 ? GreatestMagnitude(Elements<uint16_t>(block))
                               : GreatestMagnitude(Elements<float>(block));
}

float ElementOf(DType dtype, std::span<const std::byte> block, size_t e) {
  return dtype == DType::kBF16 ? ToFloat(BF16{Elements<uint16_t>(block)[e]})
                               : Elements<float>(block)[e];
}

uint32_t Magnitude(float value) { return std::bit_cast<uint32_t>(value) & 0x7fffffffU; }

// One of the blocks of all weights, and its greatest magnitude.
struct Found {
  uint32_t bits = 0;
  int64_t index = -1;
};

bool IsWorseBits(uint32_t a, int64_t place_a, uint32_t b, int64_t place_b) {
  const bool both = a >= kInfiniteBits && b >= kInfiniteBits;
  return both || a == b ? place_a < place_b : a > b;
}

void KeepWorse(const Found& found, Found& worst) {
  if (worst.index < 0 || IsWorseBits(found.bits, found.index, worst.bits, worst.index)) {
    worst = found;
  }
}

// Finds the first row of a block that contains the magnitude `bits`.
WorstWeight Locate(const Weight& weight, int64_t block, uint32_t bits, WeightPacker& packer) {
  std::vector<std::byte> room;
  const std::span<const std::byte> bytes = weight.Read(block, packer, room);
  WorstWeight worst;
  worst.set_row(-1);
  for (size_t e = 0; e < bytes.size() / SizeOf(weight.dtype()); ++e) {
    const float value = ElementOf(weight.dtype(), bytes, e);
    if (Magnitude(value) < std::min(bits, kInfiniteBits)) continue;
    const int64_t row = weight.Row(block, e, packer);
    if (worst.row() >= 0 && worst.row() <= row) continue;
    worst.set_row(row);
    worst.set_value(value);
  }
  int64_t row = worst.row();
  for (const TensorSlice* slice : weight.from) {
    worst.set_tensor(slice->name);
    worst.set_row(row);
    if (row < slice->rows) break;
    row -= slice->rows;
  }
  return worst;
}

}  // namespace

WorstWeight FindWorstWeight(const ModelWeights& weights, const MixtralTensors& tensors,
                            Backend& backend) {
  const Activity::Scope place({"weight scan"});
  const std::vector<Weight> all = ListWeights(weights, tensors);
  struct Block {
    int32_t weight;
    int32_t number;
  };
  std::vector<Block> blocks;
  for (int32_t w = 0; w < std::ssize(all); ++w) {
    for (int32_t i = 0; all[w].is_here() && i < all[w].num_blocks(); ++i) blocks.push_back({w, i});
  }
  WeightPacker& packer = backend.packer();
  std::vector<Found> of_thread(packer.num_threads());
  std::vector<std::vector<std::byte>> rooms(packer.num_threads());
  packer.ForEach(std::ssize(blocks), [&](int thread, int64_t i) {
    const Weight& weight = all[blocks[i].weight];
    const std::span<const std::byte> bytes = weight.Read(blocks[i].number, packer, rooms[thread]);
    KeepWorse({GreatestIn(weight.dtype(), bytes), i}, of_thread[thread]);
  });
  Found found;
  for (const Found& f : of_thread) {
    if (f.index >= 0) KeepWorse(f, found);
  }
  const Block& block = blocks[found.index];
  WorstWeight worst = Locate(all[block.weight], block.number, found.bits, packer);
  worst.set_place(block.weight);
  return worst;
}

bool IsWorse(const WorstWeight& a, const WorstWeight& b) {
  if (a.tensor().empty() || b.tensor().empty()) return b.tensor().empty() && !a.tensor().empty();
  return IsWorseBits(Magnitude(a.value()), a.place(), Magnitude(b.value()), b.place());
}

std::string ExplainNotFinite(const WorstWeight& worst) {
  const std::string where = absl::StrCat("in row ", worst.row(), " of ", worst.tensor());
  if (std::isfinite(worst.value())) {
    return absl::StrCat("no weight is NaN or infinite, but values overflow on their way; the ",
                        "largest weight, ", worst.value(), ", is ", where,
                        "; if that is damage, fetch the model's files again");
  }
  return absl::StrCat("a weight ", where, " is ", std::isnan(worst.value()) ? "NaN" : "infinite",
                      "; fetch the model's files again");
}

}  // namespace octet
