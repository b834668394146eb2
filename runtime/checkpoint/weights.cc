#include "runtime/checkpoint/weights.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <initializer_list>

#include "kernels/base/activity.h"
#include "kernels/base/mapped_memory.h"
#include "runtime/checkpoint/weight_reader.h"
#include "runtime/checkpoint/weight_stores.h"

namespace octet {
namespace {

constexpr int64_t kPanel = PackedMatrix::kPanel;

PackedMatrix Packed(int64_t rows, int64_t cols, WeightFormat format) {
  return {.buffer = {}, .format = format, .rows = rows, .cols = cols};
}

// Returns the format of a weight of products in memory.
WeightFormat FormatInMemory(const TensorSlice& slice, DType dtype) {
  return IsQuantised(slice.format) ? slice.format : FormatOf(dtype);
}

size_t PackedBytes(const PackedMatrix& m) { return PackedMatrix::Bytes(m.format, m.rows, m.cols); }

bool IsTied(const MixtralTensors& tensors) {
  return tensors.lm_head().file == tensors.embed_tokens().file &&
         tensors.lm_head().offset == tensors.embed_tokens().offset;
}

// Divides neighbours by their formats.
std::vector<std::vector<const TensorSlice*>> StackAlike(
    std::initializer_list<const TensorSlice*> slices) {
  std::vector<std::vector<const TensorSlice*>> stacks;
  for (const TensorSlice* slice : slices) {
    if (stacks.empty() || stacks.back().front()->format != slice->format) stacks.emplace_back();
    stacks.back().push_back(slice);
  }
  return stacks;
}

// Lists all replicated weights. Sets their shapes in `w`, but not their memory.
std::vector<WeightPiece> DescribeReplicated(const MixtralTensors& tensors,
                                            const ModelConfig& config, DType dtype,
                                            ModelWeights& w) {
  std::vector<WeightPiece> pieces;
  const auto packed_as = [&](std::vector<const TensorSlice*> from, WeightFormat format,
                             PackedMatrix& to) {
    int64_t rows = 0;
    for (const TensorSlice* slice : from) rows += slice->rows;
    to = Packed(rows, from[0]->cols, format);
    pieces.push_back({.from = std::move(from), .packed = &to});
  };
  const auto packed = [&](const TensorSlice& from, PackedMatrix& to) {
    packed_as({&from}, FormatInMemory(from, dtype), to);
  };
  const auto vector = [&](const TensorSlice& from, std::span<float>& to) {
    pieces.push_back({.from = {&from}, .vector = &to});
  };
  const TensorSlice& embed = tensors.embed_tokens();
  const bool is_half = embed.format == WeightFormat::kF16;
  w.embed_tokens = {nullptr, is_half ? WeightFormat::kF32 : embed.format, embed.rows, embed.cols};
  pieces.push_back({.from = {&embed}, .table = &w.embed_tokens});
  if (IsTied(tensors)) {
    w.lm_head = Packed(embed.rows, embed.cols, FormatInMemory(embed, dtype));
    pieces.back().packed = &w.lm_head;
  } else {
    packed(tensors.lm_head(), w.lm_head);
  }
  vector(tensors.norm(), w.norm);
  w.layers.resize(config.num_layers);
  for (int l = 0; l < config.num_layers; ++l) {
    const LayerTensors& t = tensors.layer(l);
    vector(t.input_layernorm, w.layers[l].input_layernorm);
    std::vector<std::vector<const TensorSlice*>> qkv =
        StackAlike({&t.q_proj, &t.k_proj, &t.v_proj});
    w.layers[l].qkv_proj.resize(qkv.size());
    for (size_t i = 0; i < qkv.size(); ++i) {
      const WeightFormat format = FormatInMemory(*qkv[i].front(), dtype);
      packed_as(std::move(qkv[i]), format, w.layers[l].qkv_proj[i]);
    }
    packed(t.o_proj, w.layers[l].o_proj);
    vector(t.post_attention_layernorm, w.layers[l].post_attention_layernorm);
    packed_as({&t.gate}, WeightFormat::kF32, w.layers[l].gate);
  }
  return pieces;
}

// Gives each piece its place in `memory`, and returns the bytes used. If `memory` is null, only
// counts them.
size_t LayOut(const std::vector<WeightPiece>& pieces, std::byte* memory) {
  constexpr size_t kAlignment = 64;
  size_t used = 0;
  const auto take = [&](size_t bytes) {
    std::byte* taken = memory == nullptr ? nullptr : memory + used;
    used += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return taken;
  };
  for (const WeightPiece& p : pieces) {
    if (p.table != nullptr) p.table->data = take(p.table->bytes());
    if (p.vector != nullptr) {
      const auto size = static_cast<size_t>(p.from[0]->cols);
      *p.vector = {reinterpret_cast<float*>(take(size * sizeof(float))), size};
    }
    if (p.packed != nullptr) {
      p.packed->buffer = Buffer::View(take(PackedBytes(*p.packed)), PackedBytes(*p.packed));
    }
  }
  return used;
}

ExpertWeights DescribeExpert(const ModelConfig& config, const ExpertFormats& formats) {
  const int64_t panels = (config.intermediate_size + kPanel - 1) / kPanel;
  return {.gate_up = Packed(2 * panels * kPanel, config.hidden_size, formats.gate_up),
          .down = Packed(config.hidden_size, config.intermediate_size, formats.down)};
}

// Adds the pieces that are read for one expert.
void AddPieces(const ExpertTensors& from, ExpertWeights& to, std::vector<WeightPiece>& pieces) {
  pieces.push_back({.from = {&from.w1}, .packed = &to.gate_up, .first_panel = 0, .panel_step = 2});
  pieces.push_back({.from = {&from.w3}, .packed = &to.gate_up, .first_panel = 1, .panel_step = 2});
  pieces.push_back({.from = {&from.w2}, .packed = &to.down});
}

// Adds one part of `buffer`, in blocks that take a moment each.
void AddBlocks(const Buffer& buffer, int part, int num_parts,
               std::vector<std::span<std::byte>>& blocks) {
  constexpr size_t kBlock = size_t{32} << 20;
  const std::span<std::byte> all(buffer.data(), buffer.bytes());
  for (size_t at = part * kBlock; at < all.size(); at += num_parts * kBlock) {
    blocks.push_back(all.subspan(at, std::min(kBlock, all.size() - at)));
  }
}

}  // namespace

size_t ModelWeights::replicated_bytes() const {
  size_t bytes = embed_tokens.bytes() + norm.size_bytes() + lm_head.buffer.bytes();
  for (const LayerWeights& layer : layers) {
    bytes += layer.input_layernorm.size_bytes() + layer.post_attention_layernorm.size_bytes();
    for (const PackedMatrix& m : layer.qkv_proj) bytes += m.buffer.bytes();
    bytes += layer.o_proj.buffer.bytes() + layer.gate.buffer.bytes();
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

std::vector<ExpertFormats> FormatsOfExperts(const MixtralTensors& tensors,
                                            const ModelConfig& config, DType dtype) {
  std::vector<ExpertFormats> formats;
  formats.reserve(config.num_layers);
  for (int l = 0; l < config.num_layers; ++l) {
    const ExpertTensors& any = tensors.expert(l, 0);
    formats.push_back({FormatInMemory(any.w1, dtype), FormatInMemory(any.w2, dtype)});
  }
  return formats;
}

bool HasQuantised(std::span<const ExpertFormats> formats) {
  return std::ranges::any_of(formats, [](const ExpertFormats& f) {
    return IsQuantised(f.gate_up) || IsQuantised(f.down);
  });
}

DType RowType(std::span<const ExpertFormats> formats, DType dtype) {
  const auto rounds = [](const ExpertFormats& f) { return IsQuantised(f.gate_up); };
  if (std::ranges::none_of(formats, rounds)) return dtype;
  return std::ranges::all_of(formats, rounds) ? DType::kInt8Blocks : DType::kF32;
}

size_t ExpertMemoryBytes(const ModelConfig& config, const ExpertFormats& formats) {
  const ExpertWeights expert = DescribeExpert(config, formats);
  return PackedBytes(expert.gate_up) + PackedBytes(expert.down);
}

ExpertWeights AllocateExpert(const ModelConfig& config, const ExpertFormats& formats,
                             Backend& backend) {
  ExpertWeights expert = DescribeExpert(config, formats);
  for (PackedMatrix* m : {&expert.gate_up, &expert.down}) {
    m->buffer = backend.Allocate(PackedBytes(*m));
  }
  return expert;
}

size_t ExpertMemoryBytes(const ModelConfig& config, std::span<const ExpertFormats> formats,
                         const ExpertPlacement& placement, int rank) {
  size_t bytes = 0;
  for (int l = 0; l < config.num_layers; ++l) {
    bytes += ExpertMemoryBytes(config, formats[l]) * placement.LocalExperts(l, rank).size();
  }
  return bytes;
}

uint64_t BytesToLoad(const MixtralTensors& tensors, const ModelConfig& config,
                     const ExpertPlacement& placement, int rank, int part, int num_parts) {
  ModelWeights shapes;
  const std::vector<WeightPiece> pieces = DescribeReplicated(tensors, config, DType::kF32, shapes);
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
                                         const LoadProgress& progress, WeightStores stores) {
  const Activity::Scope place({"loading"});
  LoadCounter counter(progress);
  ModelWeights weights;
  weights.kept = stores.kept;
  const std::vector<WeightPiece> replicated = DescribeReplicated(tensors, config, dtype, weights);
  OCTET_CHECK_EQ(LayOut(replicated, memory.buffer.data()), memory.buffer.bytes());
  if (memory.is_loaded) weights.mapped_bytes += memory.buffer.bytes();
  weights.expert_formats = FormatsOfExperts(tensors, config, dtype);
  std::vector<WeightPiece> pieces;
  for (size_t i = memory.part; i < replicated.size() && !memory.is_loaded; i += memory.num_parts) {
    pieces.push_back(replicated[i]);
  }
  weights.replicated = std::move(memory.buffer);
  std::vector<std::span<std::byte>> blocks;  // of memory that is filled here
  if (!memory.is_loaded) AddBlocks(weights.replicated, memory.part, memory.num_parts, blocks);
  for (int l = 0; l < config.num_layers; ++l) {
    LayerWeights& layer = weights.layers[l];
    layer.experts.resize(config.num_experts);
    for (const int e : placement.LocalExperts(l, rank)) {
      layer.experts[e] =
          std::make_unique<ExpertWeights>(DescribeExpert(config, weights.expert_formats[l]));
    }
    weights.mapped_bytes += MapExperts(l, layer, stores, backend, counter);
    for (const int e : placement.LocalExperts(l, rank)) {
      ExpertWeights& expert = *layer.experts[e];
      if (expert.down.buffer.data() == nullptr) {
        AllocateMatrices(l, e, expert, stores.kept, backend);
        AddPieces(tensors.expert(l, e), expert, pieces);
      } else if (stores.kept == nullptr) {
        continue;  // of the pack cache
      }
      for (const PackedMatrix* m : {&expert.gate_up, &expert.down}) {
        AddBlocks(m->buffer, 0, 1, blocks);
      }
    }
  }
  const absl::Status status = ReadWeights(pieces, backend.packer(), counter);
  if (!status.ok()) return status;
  if (backend.is_on_host()) {
    backend.packer().ForEach(std::ssize(blocks), [&](int, int64_t i) { UseHugePages(blocks[i]); });
  }
  return weights;
}

}  // namespace octet
