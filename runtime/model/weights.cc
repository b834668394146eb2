#include "runtime/model/weights.h"

#include <absl/status/status.h>

#include <algorithm>
#include <cstring>

#include "kernels/activity.h"

namespace octet {
namespace {

constexpr uint64_t kReadBytes = uint64_t{32} << 20;

// Bytes read between two signs of progress: a second's work of a disk that is slow indeed.
constexpr uint64_t kTickBytes = uint64_t{4} << 20;

absl::Status ReadSlice(const TensorSlice& slice, uint64_t offset, std::span<std::byte> to) {
  for (size_t done = 0; done < to.size(); done += kTickBytes) {
    const auto piece = to.subspan(done, std::min<size_t>(kTickBytes, to.size() - done));
    absl::Status status = slice.file->Read(slice.offset + offset + done, piece);
    if (!status.ok()) return status;
    Activity::OfThisThread().Tick();
  }
  return absl::OkStatus();
}

// Reads slices in large pieces of whole panels.
class WeightReader {
 public:
  WeightReader(Backend& backend, uint64_t total, const LoadProgress& progress)
      : backend_(backend), total_(total), progress_(progress) {}

  // Slices of the same dtype and width, one below the other, into first_panel and every
  // panel_step-th after it.
  absl::Status ReadPacked(const std::vector<const TensorSlice*>& slices, PackedMatrix& packed,
                          int64_t first_panel = 0, int64_t panel_step = 1) {
    int64_t num_rows = 0;
    for (const TensorSlice* slice : slices) num_rows += slice->rows;
    const uint64_t row_bytes = slices[0]->bytes() / slices[0]->rows;
    constexpr int64_t kPanel = PackedMatrix::kPanel;
    const int64_t panels = std::max<int64_t>(1, kReadBytes / row_bytes / kPanel);
    for (int64_t row = 0; row < num_rows; row += panels * kPanel) {
      const int64_t rows = std::min(panels * kPanel, num_rows - row);
      absl::StatusOr<ConstMatrix> read = ReadRows(slices, row, rows);
      if (!read.ok()) return read.status();
      backend_.Pack(*read, first_panel + row / kPanel * panel_step, panel_step, packed);
    }
    return absl::OkStatus();
  }

  absl::Status ReadVector(const TensorSlice& slice, std::span<float> vector) {
    absl::StatusOr<ConstMatrix> read = ReadRows({&slice}, 0, 1);
    if (!read.ok()) return read.status();
    ToFloats(*read,
             {reinterpret_cast<std::byte*>(vector.data()), DType::kF32, 1, slice.cols, slice.cols});
    return absl::OkStatus();
  }

  // A table to gather rows from, float32 or bfloat16 as stored.
  absl::Status ReadTable(const TensorSlice& slice, Matrix table) {
    const int64_t step = std::max<int64_t>(1, kReadBytes / (slice.bytes() / slice.rows));
    for (int64_t row = 0; row < slice.rows; row += step) {
      const int64_t rows = std::min(step, slice.rows - row);
      absl::StatusOr<ConstMatrix> read = ReadRows({&slice}, row, rows);
      if (!read.ok()) return read.status();
      if (table.dtype == DType::kBF16) {
        std::memcpy(table.row(row), read->data, static_cast<size_t>(rows) * table.row_bytes());
      } else {
        ToFloats(*read, table.Rows(row, rows));
      }
    }
    return absl::OkStatus();
  }

 private:
  // Rows of the slices taken together. Valid until the next call.
  absl::StatusOr<ConstMatrix> ReadRows(const std::vector<const TensorSlice*>& slices,
                                       int64_t first_row, int64_t num_rows) {
    const TensorSlice& like = *slices[0];
    const uint64_t row_bytes = like.bytes() / like.rows;
    staging_.resize(std::max<size_t>(staging_.size(), num_rows * row_bytes));
    int64_t slice_begin = 0;
    for (const TensorSlice* slice : slices) {
      OCTET_CHECK(slice->dtype == like.dtype) << slice->name;
      const int64_t begin = std::max(first_row, slice_begin);
      const int64_t end = std::min(first_row + num_rows, slice_begin + slice->rows);
      if (begin < end) {
        const absl::Status status =
            ReadSlice(*slice, (begin - slice_begin) * row_bytes,
                      std::span(staging_).subspan((begin - first_row) * row_bytes,
                                                  (end - begin) * row_bytes));
        if (!status.ok()) return status;
      }
      slice_begin += slice->rows;
    }
    done_ += num_rows * row_bytes;
    progress_(done_, total_);
    return ConstMatrix{staging_.data(), like.dtype, num_rows, like.cols, like.cols};
  }

  void ToFloats(ConstMatrix from, Matrix to) {
    if (from.dtype != DType::kF16) return backend_.Convert(from, to);
    const auto* in = reinterpret_cast<const uint16_t*>(from.data);
    for (int64_t r = 0; r < to.rows; ++r) {
      for (int64_t c = 0; c < to.cols; ++c) to.f32(r)[c] = HalfToFloat(in[r * to.cols + c]);
    }
  }

  Backend& backend_;
  uint64_t total_;
  uint64_t done_ = 0;
  const LoadProgress& progress_;
  std::vector<std::byte> staging_;
};

PackedMatrix Packed(int64_t rows, int64_t cols, DType dtype) {
  return {.buffer = {}, .dtype = dtype, .rows = rows, .cols = cols};
}

size_t Bytes(const PackedMatrix& m) { return PackedMatrix::Bytes(m.dtype, m.rows, m.cols); }

bool IsTied(const MixtralTensors& tensors) {
  return tensors.lm_head().file == tensors.embed_tokens().file &&
         tensors.lm_head().offset == tensors.embed_tokens().offset;
}

// One replicated weight: its slices, and what they become, which is one of three.
struct Piece {
  std::vector<const TensorSlice*> from;
  Matrix* table = nullptr;
  std::span<float>* vector = nullptr;
  PackedMatrix* packed = nullptr;  // of a table besides: where the head is tied to it

  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const TensorSlice* slice : from) sum += slice->bytes();
    return sum;
  }
};

// All replicated weights, their shapes in `w`, their memory not yet.
std::vector<Piece> DescribeReplicated(const MixtralTensors& tensors, const ModelConfig& config,
                                      DType dtype, ModelWeights& w) {
  std::vector<Piece> pieces;
  const auto packed = [&](std::vector<const TensorSlice*> from, DType type, PackedMatrix& to) {
    int64_t rows = 0;
    for (const TensorSlice* slice : from) rows += slice->rows;
    to = Packed(rows, from[0]->cols, type);
    pieces.push_back({.from = std::move(from), .packed = &to});
  };
  const auto vector = [&](const TensorSlice& from, std::span<float>& to) {
    pieces.push_back({.from = {&from}, .vector = &to});
  };
  const TensorSlice& embed = tensors.embed_tokens();
  const DType table_dtype = embed.dtype == DType::kBF16 ? DType::kBF16 : DType::kF32;
  w.embed_tokens = {nullptr, table_dtype, embed.rows, embed.cols, embed.cols};
  pieces.push_back({.from = {&embed}, .table = &w.embed_tokens});
  if (IsTied(tensors)) {
    w.lm_head = Packed(embed.rows, embed.cols, dtype);
    pieces.back().packed = &w.lm_head;
  } else {
    packed({&tensors.lm_head()}, dtype, w.lm_head);
  }
  vector(tensors.norm(), w.norm);
  w.layers.resize(config.num_layers);
  for (int l = 0; l < config.num_layers; ++l) {
    const LayerTensors& t = tensors.layer(l);
    vector(t.input_layernorm, w.layers[l].input_layernorm);
    packed({&t.q_proj, &t.k_proj, &t.v_proj}, dtype, w.layers[l].qkv_proj);
    packed({&t.o_proj}, dtype, w.layers[l].o_proj);
    vector(t.post_attention_layernorm, w.layers[l].post_attention_layernorm);
    packed({&t.gate}, DType::kF32, w.layers[l].gate);
  }
  return pieces;
}

// Gives each piece its place in `memory`, and returns the bytes taken; with null it only counts.
size_t LayOut(const std::vector<Piece>& pieces, std::byte* memory) {
  constexpr size_t kAlignment = 64;
  size_t used = 0;
  const auto take = [&](size_t bytes) {
    std::byte* taken = memory == nullptr ? nullptr : memory + used;
    used += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return taken;
  };
  for (const Piece& p : pieces) {
    if (p.table != nullptr) p.table->data = take(p.table->rows * p.table->row_bytes());
    if (p.vector != nullptr) {
      const auto size = static_cast<size_t>(p.from[0]->cols);
      *p.vector = {reinterpret_cast<float*>(take(size * sizeof(float))), size};
    }
    if (p.packed != nullptr) {
      p.packed->buffer = Buffer::View(take(Bytes(*p.packed)), Bytes(*p.packed));
    }
  }
  return used;
}

absl::Status LoadPiece(WeightReader& reader, Backend& backend, const Piece& piece) {
  if (piece.vector != nullptr) return reader.ReadVector(*piece.from[0], *piece.vector);
  if (piece.table == nullptr) return reader.ReadPacked(piece.from, *piece.packed);
  absl::Status status = reader.ReadTable(*piece.from[0], *piece.table);
  if (status.ok() && piece.packed != nullptr) backend.Pack(*piece.table, 0, 1, *piece.packed);
  return status;
}

ExpertWeights DescribeExpert(const ModelConfig& config, DType dtype) {
  constexpr int64_t kPanel = PackedMatrix::kPanel;
  const int64_t panels = (config.intermediate_size + kPanel - 1) / kPanel;
  return {.gate_up = Packed(2 * panels * kPanel, config.hidden_size, dtype),
          .down = Packed(config.hidden_size, config.intermediate_size, dtype)};
}

absl::StatusOr<std::unique_ptr<ExpertWeights>> LoadExpert(WeightReader& reader, Backend& backend,
                                                          const ModelConfig& config,
                                                          const ExpertTensors& t, DType dtype) {
  auto expert = std::make_unique<ExpertWeights>(DescribeExpert(config, dtype));
  for (PackedMatrix* m : {&expert->gate_up, &expert->down}) m->buffer = backend.Allocate(Bytes(*m));
  absl::Status status = reader.ReadPacked({&t.w1}, expert->gate_up, 0, 2);
  if (status.ok()) status = reader.ReadPacked({&t.w3}, expert->gate_up, 1, 2);
  if (status.ok()) status = reader.ReadPacked({&t.w2}, expert->down);
  if (!status.ok()) return status;
  return expert;
}

}  // namespace

size_t ModelWeights::replicated_bytes() const {
  size_t bytes = static_cast<size_t>(embed_tokens.rows) * embed_tokens.row_bytes() +
                 norm.size_bytes() + lm_head.buffer.bytes();
  for (const LayerWeights& layer : layers) {
    bytes += layer.input_layernorm.size_bytes() + layer.post_attention_layernorm.size_bytes();
    bytes +=
        layer.qkv_proj.buffer.bytes() + layer.o_proj.buffer.bytes() + layer.gate.buffer.bytes();
  }
  return bytes;
}

size_t ModelWeights::expert_bytes() const {
  size_t bytes = 0;
  for (const LayerWeights& layer : layers) {
    for (const auto& expert : layer.experts) bytes += expert != nullptr ? expert->bytes() : 0;
  }
  return bytes;
}

size_t ReplicatedMemoryBytes(const MixtralTensors& tensors, const ModelConfig& config,
                             DType dtype) {
  ModelWeights shapes;
  return LayOut(DescribeReplicated(tensors, config, dtype, shapes), nullptr);
}

size_t ExpertMemoryBytes(const ModelConfig& config, const ExpertPlacement& placement, int rank,
                         DType dtype) {
  const ExpertWeights expert = DescribeExpert(config, dtype);
  const size_t one = Bytes(expert.gate_up) + Bytes(expert.down);
  size_t bytes = 0;
  for (int l = 0; l < config.num_layers; ++l) bytes += one * placement.LocalExperts(l, rank).size();
  return bytes;
}

uint64_t BytesToLoad(const MixtralTensors& tensors, const ModelConfig& config,
                     const ExpertPlacement& placement, int rank, int part, int num_parts) {
  ModelWeights shapes;
  const std::vector<Piece> pieces = DescribeReplicated(tensors, config, DType::kF32, shapes);
  uint64_t bytes = 0;
  for (size_t i = part; i < pieces.size(); i += num_parts) bytes += pieces[i].bytes();
  for (int l = 0; l < config.num_layers; ++l) {
    for (const int e : placement.LocalExperts(l, rank)) {
      const ExpertTensors& expert = tensors.expert(l, e);
      bytes += expert.w1.bytes() + expert.w2.bytes() + expert.w3.bytes();
    }
  }
  return bytes;
}

absl::StatusOr<ModelWeights> LoadWeights(const MixtralTensors& tensors, const ModelConfig& config,
                                         const ExpertPlacement& placement, int rank,
                                         ReplicatedMemory memory, Backend& backend, DType dtype,
                                         const LoadProgress& progress) {
  const Activity::Scope place({"loading"});
  const int num_parts = memory.num_parts;
  const uint64_t bytes = BytesToLoad(tensors, config, placement, rank, memory.part, num_parts);
  WeightReader reader(backend, bytes, progress);
  ModelWeights weights;
  const std::vector<Piece> pieces = DescribeReplicated(tensors, config, dtype, weights);
  OCTET_CHECK_EQ(LayOut(pieces, memory.buffer.data()), memory.buffer.bytes());
  weights.replicated = std::move(memory.buffer);
  for (size_t i = memory.part; i < pieces.size(); i += num_parts) {
    const absl::Status status = LoadPiece(reader, backend, pieces[i]);
    if (!status.ok()) return status;
  }
  for (int l = 0; l < config.num_layers; ++l) {
    LayerWeights& layer = weights.layers[l];
    layer.experts.resize(config.num_experts);
    for (const int e : placement.LocalExperts(l, rank)) {
      absl::StatusOr<std::unique_ptr<ExpertWeights>> expert =
          LoadExpert(reader, backend, config, tensors.expert(l, e), dtype);
      if (!expert.ok()) return expert.status();
      layer.experts[e] = *std::move(expert);
    }
  }
  return weights;
}

}  // namespace octet
