#include "tests/support/tile_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/base/check.h"
#include "kernels/cpu/block_tiles_impl.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/cpu/vec_avx2.h"

namespace octet {
namespace {

float Bf16At(const std::byte* row, int element) {
  uint16_t bits;
  std::memcpy(&bits, row + element * sizeof(bits), sizeof(bits));
  return std::bit_cast<float>(uint32_t{bits} << 16);
}

template <class T>
bool AllZero(const T* values, int n) {
  return std::all_of(values, values + n, [](T v) { return v == 0; });
}

}  // namespace

void TileModel::Configure(const TileConfig& config) {
  OCTET_CHECK(config.palette == 1 && config.start_row == 0) << "#GP";
  OCTET_CHECK(AllZero(config.reserved, 14) && AllZero(config.row_bytes + kTiles, 16 - kTiles) &&
              AllZero(config.rows + kTiles, 16 - kTiles))
      << "#GP: reserved bytes";
  for (int tile = 0; tile < kTiles; ++tile) {
    OCTET_CHECK(config.rows[tile] <= kTileHeight && config.row_bytes[tile] <= kTileRowBytes &&
                (config.rows[tile] == 0) == (config.row_bytes[tile] == 0))
        << "#GP: tile " << tile;
  }
  config_ = config;
  tiles_ = {};
}

void TileModel::Release() {
  config_ = {.palette = 0};
  tiles_ = {};
}

void TileModel::CheckTile(int tile) const {
  OCTET_CHECK(config_.palette == 1 && tile < kTiles && config_.rows[tile] > 0)
      << "#UD: tile " << tile << " is not configured";
}

void TileModel::Zero(int tile) {
  CheckTile(tile);
  tiles_[tile] = {};
}

void TileModel::Load(int tile, const std::byte* rows, int stride) {
  Zero(tile);
  for (int r = 0; r < config_.rows[tile]; ++r) {
    std::memcpy(tiles_[tile][r].data(), rows + r * stride, config_.row_bytes[tile]);
  }
}

void TileModel::Store(int tile, std::byte* rows) const {
  CheckTile(tile);
  for (int r = 0; r < config_.rows[tile]; ++r) {
    std::memcpy(rows + r * kTileRowBytes, tiles_[tile][r].data(), config_.row_bytes[tile]);
  }
}

float TileModel::DotPairs(int x_row, int column, int x, int w) const {
  float even = 0;
  float odd = 0;
  for (int k = 0; k < config_.row_bytes[x] / 4; ++k) {
    const std::byte* a = tiles_[x][x_row].data();
    const std::byte* b = tiles_[w][k].data();
    even = std::fma(Bf16At(a, 2 * k), Bf16At(b, 2 * column), even);
    odd = std::fma(Bf16At(a, 2 * k + 1), Bf16At(b, 2 * column + 1), odd);
  }
  return even + odd;
}

void TileModel::CheckDot(int sum, int x, int w) const {
  OCTET_CHECK(sum != x && sum != w && x != w) << "#UD: one register twice";
  for (const int tile : {sum, x, w}) {
    CheckTile(tile);
    OCTET_CHECK(config_.row_bytes[tile] % 4 == 0) << "#UD: row of tile " << tile;
  }
  OCTET_CHECK(config_.rows[sum] == config_.rows[x] &&
              config_.row_bytes[sum] == config_.row_bytes[w] &&
              config_.row_bytes[x] / 4 == config_.rows[w])
      << "#UD: shapes of tiles " << sum << ", " << x << ", " << w;
}

template <class N, class F>
void TileModel::AddToTile(int tile, F number) {
  for (int r = 0; r < config_.rows[tile]; ++r) {
    for (int column = 0; column < config_.row_bytes[tile] / 4; ++column) {
      N value;
      std::byte* at = tiles_[tile][r].data() + column * sizeof(value);
      std::memcpy(&value, at, sizeof(value));
      value += number(r, column);
      std::memcpy(at, &value, sizeof(value));
    }
  }
}

void TileModel::Dot(int sum, int x, int w) {
  CheckDot(sum, x, w);
  FlushDenormalsToZero();  // the instruction does, whatever this thread has set
  AddToTile<float>(sum, [&](int row, int column) { return DotPairs(row, column, x, w); });
}

template <class Byte>
int32_t TileModel::DotFours(int x_row, int column, int x, int w) const {
  int32_t sum = 0;
  for (int k = 0; k < config_.row_bytes[x]; ++k) {
    sum += static_cast<int8_t>(tiles_[x][x_row][k]) *
           static_cast<Byte>(tiles_[w][k / 4][4 * column + k % 4]);
  }
  return sum;
}

template <class Byte>
void TileModel::DotBytes(int sum, int x, int w) {
  CheckDot(sum, x, w);
  AddToTile<int32_t>(sum, [&](int row, int column) { return DotFours<Byte>(row, column, x, w); });
}

template void TileModel::DotBytes<int8_t>(int sum, int x, int w);
template void TileModel::DotBytes<uint8_t>(int sum, int x, int w);

struct ModelVectors : Avx2 {};

constinit const CpuKernels kTileModelKernels =
    MakeKernels<ModelVectors, TileDot<ModelVectors, TileModel>,
                TileBlocksForManyRows<ModelVectors, TileModel>>();

}  // namespace octet
