#include "runtime/weights.h"

#include <absl/status/status.h>

#include <algorithm>
#include <cstring>

namespace octet {
namespace {

constexpr uint64_t kReadBytes = uint64_t{32} << 20;

// Reads slices in large pieces of whole panels.
class WeightReader {
 public:
  WeightReader(Backend& backend, uint64_t total, const LoadProgress& progress)
      : backend_(backend), total_(total), progress_(progress) {}

  // Slices of the same dtype and width, one below the other.
  absl::StatusOr<PackedMatrix> ReadPacked(const std::vector<const TensorSlice*>& slices,
                                          DType dtype) {
    PackedMatrix packed = Allocate(Rows(slices), slices[0]->cols, dtype);
    const uint64_t row_bytes = slices[0]->bytes() / slices[0]->rows;
    constexpr int64_t kPanel = PackedMatrix::kPanel;
    const int64_t panels = std::max<int64_t>(1, kReadBytes / row_bytes / kPanel);
    for (int64_t row = 0; row < packed.rows; row += panels * kPanel) {
      const int64_t rows = std::min(panels * kPanel, packed.rows - row);
      absl::StatusOr<ConstMatrix> read = ReadRows(slices, row, rows);
      if (!read.ok()) return read.status();
      backend_.Pack(*read, row, packed);
    }
    return packed;
  }

  absl::StatusOr<std::vector<float>> ReadVector(const TensorSlice& slice) {
    absl::StatusOr<ConstMatrix> read = ReadRows({&slice}, 0, 1);
    if (!read.ok()) return read.status();
    std::vector<float> vector(slice.cols);
    ToFloats(*read,
             {reinterpret_cast<std::byte*>(vector.data()), DType::kF32, 1, slice.cols, slice.cols});
    return vector;
  }

  // A table to gather rows from: bfloat16 stays, others become float32.
  absl::Status ReadTable(const TensorSlice& slice, Buffer& buffer, Matrix& table) {
    const DType dtype = slice.dtype == DType::kBF16 ? DType::kBF16 : DType::kF32;
    buffer = backend_.Allocate(static_cast<size_t>(slice.rows * slice.cols) * SizeOf(dtype));
    table = {buffer.data(), dtype, slice.rows, slice.cols, slice.cols};
    const int64_t step = std::max<int64_t>(1, kReadBytes / (slice.bytes() / slice.rows));
    for (int64_t row = 0; row < slice.rows; row += step) {
      const int64_t rows = std::min(step, slice.rows - row);
      absl::StatusOr<ConstMatrix> read = ReadRows({&slice}, row, rows);
      if (!read.ok()) return read.status();
      if (dtype == DType::kBF16) {
        std::memcpy(table.row(row), read->data, static_cast<size_t>(rows) * table.row_bytes());
      } else {
        ToFloats(*read, table.Rows(row, rows));
      }
    }
    return absl::OkStatus();
  }

  PackedMatrix PackTable(ConstMatrix table, DType dtype) {
    PackedMatrix packed = Allocate(table.rows, table.cols, dtype);
    backend_.Pack(table, 0, packed);
    return packed;
  }

 private:
  static int64_t Rows(const std::vector<const TensorSlice*>& slices) {
    int64_t rows = 0;
    for (const TensorSlice* slice : slices) rows += slice->rows;
    return rows;
  }

  PackedMatrix Allocate(int64_t rows, int64_t cols, DType dtype) {
    return {.buffer = backend_.Allocate(PackedMatrix::Bytes(dtype, rows, cols)),
            .dtype = dtype,
            .rows = rows,
            .cols = cols};
  }

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
            slice->file->Read(slice->offset + (begin - slice_begin) * row_bytes,
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

template <class T>
absl::Status Assign(absl::StatusOr<T> from, T& to) {
  if (!from.ok()) return from.status();
  to = *std::move(from);
  return absl::OkStatus();
}

absl::Status LoadExpert(WeightReader& reader, const ExpertTensors& t, DType dtype,
                        ExpertWeights& weights) {
  absl::Status status;
  status.Update(Assign(reader.ReadPacked({&t.w1}, dtype), weights.w1));
  if (status.ok()) status = Assign(reader.ReadPacked({&t.w2}, dtype), weights.w2);
  if (status.ok()) status = Assign(reader.ReadPacked({&t.w3}, dtype), weights.w3);
  return status;
}

// All of a layer but its experts.
absl::Status LoadReplicated(WeightReader& reader, const LayerTensors& t, DType dtype,
                            LayerWeights& weights) {
  absl::Status status = Assign(reader.ReadVector(t.input_layernorm), weights.input_layernorm);
  if (status.ok()) {
    status = Assign(reader.ReadPacked({&t.q_proj, &t.k_proj, &t.v_proj}, dtype), weights.qkv_proj);
  }
  if (status.ok()) status = Assign(reader.ReadPacked({&t.o_proj}, dtype), weights.o_proj);
  if (status.ok()) {
    status =
        Assign(reader.ReadVector(t.post_attention_layernorm), weights.post_attention_layernorm);
  }
  if (status.ok()) status = Assign(reader.ReadPacked({&t.gate}, DType::kF32), weights.gate);
  return status;
}

bool IsTied(const MixtralTensors& tensors) {
  return tensors.lm_head().file == tensors.embed_tokens().file &&
         tensors.lm_head().offset == tensors.embed_tokens().offset;
}

absl::Status LoadHead(WeightReader& reader, const MixtralTensors& tensors, DType dtype,
                      ModelWeights& weights) {
  if (!IsTied(tensors)) {
    return Assign(reader.ReadPacked({&tensors.lm_head()}, dtype), weights.lm_head);
  }
  weights.lm_head = reader.PackTable(weights.embed_tokens, dtype);
  return absl::OkStatus();
}

}  // namespace

size_t ModelWeights::replicated_bytes() const {
  size_t bytes = embed_buffer.bytes() + norm.size() * sizeof(float) + lm_head.buffer.bytes();
  for (const LayerWeights& layer : layers) {
    bytes += (layer.input_layernorm.size() + layer.post_attention_layernorm.size()) * sizeof(float);
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

uint64_t BytesToLoad(const MixtralTensors& tensors, const ModelConfig& config,
                     const ExpertPlacement& placement, int rank) {
  uint64_t bytes = tensors.embed_tokens().bytes() + tensors.norm().bytes();
  if (!IsTied(tensors)) bytes += tensors.lm_head().bytes();
  for (int l = 0; l < config.num_layers; ++l) {
    const LayerTensors& t = tensors.layer(l);
    for (const TensorSlice* slice : {&t.input_layernorm, &t.q_proj, &t.k_proj, &t.v_proj, &t.o_proj,
                                     &t.post_attention_layernorm, &t.gate}) {
      bytes += slice->bytes();
    }
    for (const int e : placement.LocalExperts(l, rank)) {
      const ExpertTensors& expert = tensors.expert(l, e);
      bytes += expert.w1.bytes() + expert.w2.bytes() + expert.w3.bytes();
    }
  }
  return bytes;
}

absl::StatusOr<ModelWeights> LoadWeights(const MixtralTensors& tensors, const ModelConfig& config,
                                         const ExpertPlacement& placement, int rank,
                                         Backend& backend, DType dtype,
                                         const LoadProgress& progress) {
  WeightReader reader(backend, BytesToLoad(tensors, config, placement, rank), progress);
  ModelWeights weights;
  absl::Status status =
      reader.ReadTable(tensors.embed_tokens(), weights.embed_buffer, weights.embed_tokens);
  weights.layers.resize(config.num_layers);
  for (int l = 0; l < config.num_layers && status.ok(); ++l) {
    LayerWeights& layer = weights.layers[l];
    status = LoadReplicated(reader, tensors.layer(l), dtype, layer);
    layer.experts.resize(config.num_experts);
    for (const int e : placement.LocalExperts(l, rank)) {
      if (!status.ok()) break;
      layer.experts[e] = std::make_unique<ExpertWeights>();
      status = LoadExpert(reader, tensors.expert(l, e), dtype, *layer.experts[e]);
    }
  }
  if (status.ok()) status = Assign(reader.ReadVector(tensors.norm()), weights.norm);
  if (status.ok()) status = LoadHead(reader, tensors, dtype, weights);
  if (!status.ok()) return status;
  return weights;
}

}  // namespace octet
