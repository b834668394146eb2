#include "tests/parallel/dispatch/scaling_experts.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <random>
#include <set>

#include "kernels/base/weight_format.h"
#include "kernels/cpu/make_cpu_backend.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

float Scale(int expert) { return 1.0F + static_cast<float>(expert); }

// Number h of a row.
float NumberAt(const std::byte* row, DType dtype, int h) {
  if (dtype != DType::kInt8Blocks) return ReadFloat(row + h * SizeOf(dtype), dtype);
  const auto& block = reinterpret_cast<const ActivationBlock*>(row)[h / kActivationBlock];
  return block.scale * block.q[h % kActivationBlock];
}

// A row of x as it travels.
std::vector<float> Rounded(const OwnedMatrix& x, int64_t row, DType dtype) {
  std::vector<float> values(kScaledHidden);
  for (int h = 0; h < kScaledHidden; ++h) values[h] = x.at(row, h);
  if (dtype == DType::kInt8Blocks) {
    const ActivationBlock block = QuantiseBlock(values);
    for (int h = 0; h < kScaledHidden; ++h) values[h] = block.scale * block.q[h];
  } else if (dtype == DType::kBF16) {
    for (float& value : values) value = ToFloat(ToBF16(value));
  }
  return values;
}

// What one rank computes alone, in the order of the definition.
OwnedMatrix Expected(const OwnedMatrix& x, const Routing& r, DType dtype) {
  OwnedMatrix y(r.num_tokens, kScaledHidden);
  for (int64_t t = 0; t < r.num_tokens; ++t) {
    const std::vector<float> values = Rounded(x, t, dtype);
    for (int h = 0; h < kScaledHidden; ++h) {
      float sum = 0;
      for (int slot = 0; slot < r.topk; ++slot) {
        const int64_t i = t * r.topk + slot;
        const float product = r.topk_weights[i] * (values[h] * Scale(r.topk_idx[i]));
        sum = slot == 0 ? product : sum + product;
      }
      y.set(t, h, sum);
    }
  }
  return y;
}

// On one thread operations on rows keep nothing, so that all ranks can share it: a thousand
// backends would map a lot of memory.
Backend& SharedBackend() {
  static const std::unique_ptr<Backend> kBackend = MakeCpuBackend(SupportedIsas().front(), 1);
  return *kBackend;
}

Buffer AllocateSmall(size_t bytes) {
  constexpr size_t kLine = 64;
  auto* data =
      static_cast<std::byte*>(std::aligned_alloc(kLine, (bytes + kLine - 1) / kLine * kLine));
  return {data, bytes, [](std::byte* memory, size_t) { std::free(memory); }};
}

// Lets other ranks run ahead.
void Dawdle() {
  thread_local std::mt19937 random(std::random_device{}());
  for (uint32_t i = random() % 50; i > 0; --i) sched_yield();
}

}  // namespace

ExpertPlacement ExchangeShape::MakePlacement() const {
  if (placement != "replicas") return *ExpertPlacement::Parse(placement, {1, experts, ranks});
  Placement proto;
  LayerPlacement* layer = proto.add_layers();
  for (int e = 0; e < experts; ++e) {
    ExpertRanks* of_expert = layer->add_experts();
    of_expert->add_ranks(e % ranks);
    if (e % 2 == 0 && ranks > 1) of_expert->add_ranks((e + 1) % ranks);
  }
  return *ExpertPlacement::FromProto(proto, {1, experts, ranks});
}

std::vector<Routing> ExchangeShape::RandomRouting(uint32_t seed) const {
  std::mt19937 random(seed);
  std::vector<Routing> routing(ranks);
  for (int rank = 0; rank < ranks; ++rank) {
    Routing& r = routing[rank];
    r.num_tokens = rank % 3 == 1 ? 0 : static_cast<int64_t>(1 + random() % max_tokens);
    r.topk = topk;
    for (int64_t t = 0; t < r.num_tokens; ++t) {
      std::set<int> chosen;
      while (std::ssize(chosen) < topk) {
        chosen.insert(static_cast<int>(std::min(random() % experts, random() % experts)));
      }
      for (const int expert : chosen) {
        r.topk_idx.push_back(expert);
        r.topk_weights.push_back(static_cast<float>(random() % 1000) / 1000);
      }
    }
  }
  return routing;
}

ExpertPlacement RandomReplicas(int experts, int ranks, int most_replicas, std::mt19937& random) {
  Placement proto;
  LayerPlacement* layer = proto.add_layers();
  for (int e = 0; e < experts; ++e) {
    std::set<int> of_expert;
    const int replicas = 1 + static_cast<int>(random() % most_replicas);
    for (int i = 0; i < replicas; ++i) of_expert.insert(static_cast<int>(random() % ranks));
    ExpertRanks* expert = layer->add_experts();
    for (const int r : of_expert) expert->add_ranks(r);
  }
  return *ExpertPlacement::FromProto(proto, {1, experts, ranks});
}

ScalingRank::ScalingRank(Communicator& comm, const ExpertPlacement& placement,
                         const DispatchLimits& limits, ReplicaPolicy policy)
    : comm_(comm),
      placement_(placement),
      dtype_(limits.dtype),
      workspace_(AllocateSmall),
      dispatcher_(comm, placement, SharedBackend(), workspace_, limits, policy) {}

Matrix ScalingRank::RunExperts(ConstMatrix rows, const ExpertPlan& plan) {
  const std::vector<int> experts = placement_.LocalExperts(0, comm_.rank());
  const Matrix out = workspace_.Alloc(std::ssize(plan.rows), kScaledHidden);
  for (size_t e = 0; e < experts.size(); ++e) {
    for (int i = plan.offsets[e]; i < plan.offsets[e + 1]; ++i) {
      for (int h = 0; h < kScaledHidden; ++h) {
        const float value = NumberAt(rows.row(plan.rows[i]), rows.dtype, h);
        out.f32(i)[h] = value * Scale(experts[e]);
      }
    }
  }
  return out;
}

void ScalingRank::ExpectRightLayer(const Routing& routing, uint32_t seed) {
  const auto x = OwnedMatrix::Random(routing.num_tokens, kScaledHidden, DType::kF32,
                                     seed + static_cast<uint32_t>(comm_.rank()));
  TokensInFlight tokens = dispatcher_.Dispatch(0, x.view(), routing);
  Dawdle();
  parts_ = 0;
  while (const ExpertPlan* plan = tokens.Next()) {
    const Workspace::Scope scope(workspace_);
    Dawdle();
    tokens.Return(RunExperts(tokens.rows(), *plan));
    ++parts_;
  }
  Dawdle();
  OwnedMatrix y(routing.num_tokens, kScaledHidden);
  OutputsInFlight(std::move(tokens)).Combine(y.view());
  ASSERT_EQ(y.bytes(), Expected(x, routing, dtype_).bytes()) << "rank " << comm_.rank();
}

}  // namespace octet
