#include "runtime/checkpoint/weight_stores.h"

#include <absl/strings/str_cat.h>

#include <array>
#include <initializer_list>
#include <utility>

#include "kernels/base/activity.h"
#include "kernels/base/packed_matrix.h"

namespace octet {
namespace {

size_t PartBytes(const PackedMatrix& m) { return PackedMatrix::Bytes(m.format, m.rows, m.cols); }

PackedPart ExpertPart(int layer, int e, const ExpertWeights& expert) {
  return {.name = NameOfExpertPart(layer, e),
          .section_bytes = {PartBytes(expert.gate_up), PartBytes(expert.down)}};
}

// Maps the experts of a layer that the cache has, and returns their bytes.
uint64_t MapCachedExperts(int l, LayerWeights& layer, PackCache& cache, Backend& backend,
                          LoadCounter& counter) {
  std::vector<ExpertWeights*> experts;
  std::vector<PackedPart> parts;
  for (size_t e = 0; e < layer.experts.size(); ++e) {
    if (layer.experts[e] == nullptr) continue;
    experts.push_back(layer.experts[e].get());
    parts.push_back(ExpertPart(l, static_cast<int>(e), *experts.back()));
  }
  std::vector<std::vector<Buffer>> mapped = cache.Map(parts, /*check=*/true, backend, counter);
  uint64_t bytes = 0;
  for (size_t i = 0; i < experts.size(); ++i) {
    if (mapped[i].empty()) continue;
    experts[i]->gate_up.buffer = std::move(mapped[i][0]);
    experts[i]->down.buffer = std::move(mapped[i][1]);
    bytes += experts[i]->bytes();
  }
  return bytes;
}

bool SetMatrices(std::vector<Buffer> sections, ExpertWeights& expert) {
  if (sections.empty()) return false;
  expert.gate_up.buffer = std::move(sections[0]);
  expert.down.buffer = std::move(sections[1]);
  return true;
}

// Maps the experts of a layer that stayed in the host's memory, and returns their bytes.
uint64_t MapKeptExperts(int l, LayerWeights& layer, KeptWeights& kept) {
  uint64_t bytes = 0;
  for (size_t e = 0; e < layer.experts.size(); ++e) {
    ExpertWeights* expert = layer.experts[e].get();
    if (expert == nullptr) continue;
    const PackedPart part = ExpertPart(l, static_cast<int>(e), *expert);
    if (SetMatrices(kept.Map(part), *expert)) bytes += expert->bytes();
  }
  return bytes;
}

}  // namespace

PackedPart ReplicatedPart(size_t bytes) { return {.name = "replicated", .section_bytes = {bytes}}; }

std::string NameOfExpertPart(int layer, int expert) {
  return absl::StrCat("layer ", layer, " expert ", expert);
}

std::set<std::string> NamesOfParts(const ExpertPlacement& placement, std::span<const int> ranks) {
  std::set<std::string> names = {ReplicatedPart(0).name};
  for (const int rank : ranks) {
    for (int l = 0; l < placement.num_layers(); ++l) {
      for (const int e : placement.LocalExperts(l, rank)) names.insert(NameOfExpertPart(l, e));
    }
  }
  return names;
}

uint64_t MapExperts(int l, LayerWeights& layer, const WeightStores& stores, Backend& backend,
                    LoadCounter& counter) {
  if (stores.kept != nullptr) return MapKeptExperts(l, layer, *stores.kept);
  if (stores.cache == nullptr) return 0;
  return MapCachedExperts(l, layer, *stores.cache, backend, counter);
}

void AllocateMatrices(int layer, int e, ExpertWeights& expert, KeptWeights* kept,
                      Backend& backend) {
  if (kept != nullptr && SetMatrices(kept->Make(ExpertPart(layer, e, expert)), expert)) return;
  for (PackedMatrix* m : {&expert.gate_up, &expert.down}) {
    m->buffer = backend.Allocate(PartBytes(*m));
  }
}

Buffer MapReplicated(PackCache& cache, size_t bytes, bool check, Backend& backend,
                     const LoadProgress& progress) {
  const Activity::Scope place({"loading"});
  LoadCounter counter(progress);
  const std::array parts = {ReplicatedPart(bytes)};
  std::vector<std::vector<Buffer>> mapped = cache.Map(parts, check, backend, counter);
  return mapped[0].empty() ? Buffer() : std::move(mapped[0][0]);
}

void KeepWeights(const ModelWeights& weights, bool keep_replicated, PackCache& cache,
                 Backend& backend) {
  const Activity::Scope place({"pack cache"});
  const auto keep = [&](const PackedPart& part, std::initializer_list<const Buffer*> buffers) {
    if (cache.has(part.name)) return;
    std::vector<std::span<const std::byte>> sections;
    for (const Buffer* buffer : buffers) sections.emplace_back(buffer->data(), buffer->bytes());
    cache.Keep(part, sections, backend);
  };
  if (keep_replicated) {
    keep(ReplicatedPart(weights.replicated.bytes()), {&weights.replicated});
  }
  for (int l = 0; l < std::ssize(weights.layers); ++l) {
    const auto& experts = weights.layers[l].experts;
    for (int e = 0; e < std::ssize(experts); ++e) {
      if (experts[e] == nullptr) continue;
      keep(ExpertPart(l, e, *experts[e]), {&experts[e]->gate_up.buffer, &experts[e]->down.buffer});
    }
  }
}

}  // namespace octet
