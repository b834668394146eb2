#include "kernels/cuda/grouped_swiglu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/cuda_emu/emulated_device.h"
#include "tests/kernels/cuda/swiglu_layer.h"

namespace octet::cuda {
namespace {

using cuda_emu::ComputeWith;
using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::ExpectExact;
using cuda_emu::TestStream;

template <class T>
void ExpectFormula(const Layer<T>& layer) {
  const std::vector<float> y = ComputeWith(1, layer.OnDevice());
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  // A number between that is rounded the other way changes the sum by 2^-9 of it.
  const double tolerance = kDType<T> == DType::kF32 ? 1e-4 : 0.02;
  for (size_t e = 0; e + 1 < layer.offsets.size(); ++e) {
    for (int32_t i = layer.offsets[e]; i < layer.offsets[e + 1]; ++i) {
      const std::vector<double> expected = layer.Reference(i, e);
      for (int64_t n = 0; n < layer.hidden; ++n) {
        EXPECT_NEAR(y[i * layer.hidden + n], expected[n], tolerance) << e << ": " << i << ", " << n;
      }
    }
  }
}

TEST(CudaGroupedSwiGlu, IsTheFormula) {
  const std::vector<int32_t> offsets = {0, 3, 3, 70, 139};
  const Layer<BF16> layer(40, 72, offsets);
  ExpectFormula(layer);
  ExpectFormula(layer.With(16, Path::kPlain));
  ExpectFormula(layer.With(128, Path::kPlain));  // more rows than a plain tile has
  ExpectFormula(Layer<BF16>(37, 35, offsets));
  ExpectFormula(Layer<BF16>(40, 35, offsets));
  ExpectFormula(Layer<BF16>(37, 40, offsets));
  ExpectFormula(Layer<float>(37, 35, offsets));
  ExpectFormula(Layer<float>(40, 72, offsets).With(16));
}

TEST(CudaGroupedSwiGlu, BitsAreTheSameInAnyOrder) {
  ExpectExact(Layer<BF16>(136, 200, {0, 10}).With(16).OnDevice(), 2);
  ExpectExact(Layer<BF16>(136, 40, {0, 10, 15}).OnDevice(), 2);
  ExpectExact(Layer<BF16>(72, 40, {0, 10}).With(128).OnDevice(), 2);
  ExpectExact(Layer<BF16>(24, 40, {0, 10, 15}).With(16, Path::kPlain).OnDevice(), 2);
  ExpectExact(Layer<float>(23, 41, {0, 10, 15}).OnDevice(), 2);
}

// Whether they are skinny, medium or large, or larger than the kernel's.
TEST(CudaGroupedSwiGlu, TilesDoNotChangeBits) {
  const Layer<BF16> layer(72, 264, {0, 3, 30, 160});
  const std::vector<float> y = ComputeWith(1, layer.OnDevice());
  for (const int64_t rows : {5, 16, 17, 128, 200}) {
    EXPECT_EQ(ComputeWith(rows, layer.With(rows).OnDevice()), y) << rows;
    EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  }
  const Layer<float> plain(23, 41, {0, 3, 30, 160});
  EXPECT_EQ(ComputeWith(3, plain.With(200).OnDevice()), ComputeWith(1, plain.OnDevice()));
}

template <class T>
void ExpectLastRowAlone(const Layer<T>& many) {
  Layer<T> one = many;
  one.offsets = {0, 1};
  one.rows = {many.rows.back()};
  const std::vector<float> y = ComputeWith(1, many.OnDevice());
  EXPECT_EQ(ComputeWith(6, one.OnDevice()), std::vector<float>(y.end() - many.hidden, y.end()));
}

TEST(CudaGroupedSwiGlu, ARowDoesNotDependOnTheOthers) {
  const Layer<BF16> many(40, 72, {0, 100});
  for (const int64_t rows : {16, 64, 128}) ExpectLastRowAlone(many.With(rows));
  ExpectLastRowAlone(Layer<BF16>(37, 35, {0, 100}));
  ExpectLastRowAlone(Layer<float>(37, 35, {0, 100}));
}

// Each block reads its rows and its weights once.
TEST(CudaGroupedSwiGlu, ReadsWhatATileNeedsOnce) {
  const Layer<BF16> layer =
      Layer<BF16>(264, 136, {0, 3, 20}).With(16);  // tiles of 3, 16 and 1 rows
  (void)ComputeWith(1, layer.OnDevice());
  const int64_t gate_up = 3 * GateUpRows(136) * 264 + 20 * (GateUpRows(136) / 32) * 264;
  const int64_t down = 3 * 264 * 136 + 20 * ((264 + 31) / 32) * 136;
  EXPECT_EQ(Emulation::Device().async_bytes(), (gate_up + down) * int64_t{sizeof(BF16)});
}

// A graph is captured once. Before each launch the tiles, their number and the experts' places are
// written to the device.
TEST(CudaGroupedSwiGlu, AGraphTakesItsTablesFromTheDevice) {
  const Layer<BF16> before = Layer<BF16>(24, 40, {0, 20, 21, 21, 40}).With(16);
  Layer<BF16> after = before;
  after.offsets = {0, 1, 1, 39, 40};
  std::swap(after.w1[0], after.w1[2]);
  const std::vector<float> y_before = ComputeWith(1, before.OnDevice());
  const std::vector<float> y_after = ComputeWith(1, after.OnDevice());

  Emulation::Device().Reset({.seed = 2});
  const TestStream stream;
  const DeviceLayer<BF16> first(before, stream), second(after, stream);
  const int64_t max_tiles = MostTiles(40, 4, 16);
  const DeviceArray<ExpertTile> tiles(std::vector<ExpertTile>(max_tiles, {999, 0, 16}), stream);
  const DeviceArray<int32_t> num_tiles(1);
  GroupedSwiGlu captured = first.swiglu;
  captured.tiles = tiles.data();
  captured.num_tiles = num_tiles.data();
  captured.max_tiles = max_tiles;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(captured.Compute(stream), cudaSuccess);
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  const auto launch_with = [&](const DeviceLayer<BF16>& layer) {
    layer.expert_table.CopyTo(first.expert_table, stream);
    layer.tile_array.CopyTo(tiles, stream);
    const DeviceArray<int32_t> count({static_cast<int32_t>(layer.tiles.size())}, stream);
    count.CopyTo(num_tiles, stream);
    EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
    return first.y.Read(stream);
  };
  EXPECT_EQ(launch_with(first), y_before);
  EXPECT_EQ(launch_with(second), y_after);
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

TEST(CudaGroupedSwiGlu, TakesNoTiles) {
  EXPECT_THAT(ComputeWith(1, Layer<BF16>(24, 40, {0, 0, 0}).OnDevice()), testing::IsEmpty());
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
}

TEST(CudaGroupedSwiGlu, RefusesWhatIsNotAligned) {
  std::byte* const aligned = nullptr;
  const auto compute = [&](Matrix x, Matrix between, int64_t tile_rows = 16) {
    const GroupedSwiGlu swiglu = {.x = x,
                                  .max_tiles = 1,
                                  .tile_rows = tile_rows,
                                  .between = between,
                                  .y = {aligned, DType::kF32, 4, 16, 16}};
    return swiglu.Compute(nullptr);
  };
  const Matrix x = {aligned, DType::kBF16, 4, 16, 16};
  const Matrix between = {aligned, DType::kBF16, 4, 24, 32};
  EXPECT_EQ(compute({aligned + 2, DType::kBF16, 4, 16, 16}, between), cudaErrorInvalidValue);
  EXPECT_EQ(compute({aligned, DType::kBF16, 4, 16, 20}, between), cudaErrorInvalidValue);
  EXPECT_EQ(compute(x, {aligned, DType::kBF16, 4, 24, 25}), cudaErrorInvalidValue);
  EXPECT_EQ(compute(x, {aligned, DType::kF32, 4, 24, 32}), cudaErrorInvalidValue);
  EXPECT_EQ(compute(x, {aligned, DType::kBF16, 3, 24, 32}), cudaErrorInvalidValue);
  EXPECT_EQ(compute(x, between, 0), cudaErrorInvalidValue);
}

TEST(CudaGroupedSwiGlu, TilesCoverEachExpertsRows) {
  const std::vector<ExpertTile> tiles = DivideIntoTiles(std::vector<int32_t>{0, 0, 130, 131}, 64);
  ASSERT_EQ(tiles.size(), 4U);
  EXPECT_EQ(tiles[0].expert, 1);
  EXPECT_EQ(tiles[1].first, 64);
  EXPECT_EQ(tiles[2].first, 128);
  EXPECT_EQ(tiles[2].end, 130);
  EXPECT_EQ(tiles[3].expert, 2);
  EXPECT_EQ(tiles[3].end, 131);
}

TEST(CudaGroupedSwiGlu, MostTilesIsReached) {
  EXPECT_EQ(MostTiles(0, 8, 16), 0);
  EXPECT_EQ(MostTiles(5, 8, 16), 5);
  EXPECT_EQ(MostTiles(40, 4, 16), 6);
  EXPECT_EQ(DivideIntoTiles(std::vector<int32_t>{0, 1, 2, 3, 40}, 16).size(), 6U);
}

TEST(CudaGroupedSwiGlu, TilesSuitTheRowsOfAnExpert) {
  EXPECT_EQ(RowsOfTile(128, 8), 16);
  EXPECT_EQ(RowsOfTile(129, 8), 64);
  EXPECT_EQ(RowsOfTile(513, 8), 128);
}

}  // namespace
}  // namespace octet::cuda
