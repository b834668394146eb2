#include "tests/support/tile_model.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <vector>

#include "kernels/base/dtype.h"

namespace octet {
namespace {

// Sums in tile 0, x in tile 1, weights in tile 2.
TileConfig Config(int rows, int pairs, int outputs) {
  TileConfig config;
  const auto set = [&](int tile, int height, int row_bytes) {
    config.rows[tile] = static_cast<uint8_t>(height);
    config.row_bytes[tile] = static_cast<uint16_t>(row_bytes);
  };
  set(0, rows, outputs * 4);
  set(1, rows, pairs * 4);
  set(2, pairs, outputs * 4);
  return config;
}

// Memory of one tile: [16][32] bfloat16.
std::vector<uint16_t> Tile(std::initializer_list<std::pair<int, float>> elements) {
  std::vector<uint16_t> tile(kTileBytes / 2);
  for (const auto& [at, value] : elements) tile[at] = ToBF16(value).bits;
  return tile;
}

float Dot(const std::vector<uint16_t>& x, const std::vector<uint16_t>& w) {
  TileModel tiles;
  tiles.Configure(Config(1, 16, 1));
  tiles.Zero<0>();
  tiles.Load<1>(x.data());
  tiles.Load<2>(w.data());
  tiles.Dot<0, 1, 2>();
  float sum[kTileBytes / 4];
  tiles.Store<0>(sum);
  return sum[0];
}

// Bit patterns by hand: 2^24 + 1 is no float32, so the order of additions shows.
TEST(TileModel, EvenAndOddElementsAreChainsOfTheirOwn) {
  // Even: 2^24 + 1 = 2^24, and 1 is lost again. Odd: 1 + 1. In one chain all would be lost.
  const auto x = Tile({{0, 0x1p24F}, {2, 1}, {3, 1}, {4, 1}, {5, 1}});
  const auto ones = Tile({{0, 1}, {32, 1}, {33, 1}, {64, 1}, {65, 1}});
  EXPECT_EQ(Dot(x, ones), 0x1p24F + 2);
}

TEST(TileModel, FlushesDenormals) {
  EXPECT_EQ(Dot(Tile({{0, 0x1p-127F}}), Tile({{0, 0x1p10F}})), 0) << "input";
  EXPECT_EQ(Dot(Tile({{0, 0x1p-100F}}), Tile({{0, 0x1p-30F}})), 0) << "product";
  EXPECT_EQ(Dot(Tile({{0, 0x1p-100F}}), Tile({{0, 0x1p-26F}})), 0x1p-126F);
}

TEST(TileModel, BytesHaveSignsAndSumsWrapNothing) {
  std::array<int8_t, kTileBytes> x = {-128, 127, 1, -1};
  std::array<int8_t, kTileBytes> w = {-128, -128, 100, 100};
  x[4] = 2;
  w[kTileRowBytes] = 3;
  TileModel tiles;
  tiles.Configure(Config(1, 16, 1));
  tiles.Zero<0>();
  tiles.Load<1>(x.data());
  tiles.Load<2>(w.data());
  tiles.DotBytes<0, 1, 2>();
  tiles.DotBytes<0, 1, 2>();
  int32_t sum[kTileBytes / 4];
  tiles.Store<0>(sum);
  EXPECT_EQ(sum[0], 2 * (128 * 128 - 127 * 128 + 100 - 100 + 2 * 3));
}

TEST(TileModel, LoadsRowsAtAStride) {
  TileModel tiles;
  tiles.Configure(Config(2, 1, 2));
  const std::array<float, 8> memory = {1, 2, 3, 4, 5, 6, 7, 8};
  tiles.Load<0, 16>(memory.data());
  float stored[kTileBytes / 4];
  tiles.Store<0>(stored);
  EXPECT_EQ(stored[0], 1);
  EXPECT_EQ(stored[1], 2);
  EXPECT_EQ(stored[16], 5);
  EXPECT_EQ(stored[17], 6);
}

TEST(TileModel, TouchesOnlyConfiguredRowsAndColumns) {
  TileModel tiles;
  tiles.Configure(Config(2, 3, 5));
  std::vector<float> memory(kTileBytes / 4, 7);
  tiles.Zero<0>();
  tiles.Store<0>(memory.data());
  for (int i = 0; i < kTileBytes / 4; ++i) {
    EXPECT_EQ(memory[i], i / 16 < 2 && i % 16 < 5 ? 0 : 7) << i;
  }
}

TEST(TileModelDeathTest, Faults) {
  TileModel tiles;
  const std::vector<uint16_t> memory = Tile({});
  EXPECT_DEATH(tiles.Zero<0>(), "#UD: tile 0 is not configured");
  TileConfig config = Config(16, 16, 16);
  tiles.Configure(config);
  EXPECT_DEATH(tiles.Load<3>(memory.data()), "#UD: tile 3 is not configured");
  EXPECT_DEATH((tiles.Dot<0, 1, 1>()), "#UD: one register twice");
  tiles.Release();
  EXPECT_DEATH(tiles.Load<0>(memory.data()), "#UD: tile 0 is not configured");

  config.rows[1] = 15;
  tiles.Configure(config);
  EXPECT_DEATH((tiles.Dot<0, 1, 2>()), "#UD: shapes of tiles 0, 1, 2");
  config.rows[1] = 0;
  EXPECT_DEATH(tiles.Configure(config), "#GP: tile 1");
  config.rows[1] = 17;
  EXPECT_DEATH(tiles.Configure(config), "#GP: tile 1");
  config = Config(16, 16, 16);
  config.rows[8] = 1;
  EXPECT_DEATH(tiles.Configure(config), "#GP: reserved bytes");
}

}  // namespace
}  // namespace octet
