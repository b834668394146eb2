#include "tests/cuda_emu/warp_operations.h"

#include <bit>

#include "tests/cuda_emu/access_observer.h"

namespace octet::cuda_emu {
namespace {

constexpr unsigned kAllLanes = 0xFFFFFFFFU;

float Bf16At(uint32_t pair, int index) {
  return std::bit_cast<float>(index == 0 ? pair << 16 : pair & 0xFFFF0000U);
}

// False, and a fault, where a lane takes no part.
bool AreAllHere(void* const* lanes, const char* instruction) {
  for (int l = 0; l < kWarpSize; ++l) {
    if (lanes[l] != nullptr) continue;
    Block::Running().Fail(std::string(instruction) + " without all lanes");
    return false;
  }
  return true;
}

struct MmaLane {
  float* d;
  const uint32_t* a;
  const uint32_t* b;
};

struct Tiles {
  float a[16][16];
  float b[8][16];  // transposed
  float d[16][8];
};

// PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type".
void ReadFragments(void* const* lanes, Tiles& tiles) {
  for (int l = 0; l < kWarpSize; ++l) {
    const auto& lane = *static_cast<const MmaLane*>(lanes[l]);
    const int group = l / 4;
    const int first = l % 4 * 2;
    for (int i = 0; i < 8; ++i) {
      tiles.a[group + i / 2 % 2 * 8][first + i % 2 + i / 4 * 8] = Bf16At(lane.a[i / 2], i % 2);
    }
    for (int i = 0; i < 4; ++i) {
      tiles.b[group][first + i % 2 + i / 2 * 8] = Bf16At(lane.b[i / 2], i % 2);
      tiles.d[group + i / 2 * 8][first + i % 2] = lane.d[i];
    }
  }
}

float DotProduct(const float (&a)[16], const float (&b)[16]) {
  float sums[8];
  for (int k = 0; k < 8; ++k) sums[k] = a[k] * b[k] + a[k + 8] * b[k + 8];
  for (int n = 4; n > 0; n /= 2) {
    for (int k = 0; k < n; ++k) sums[k] = sums[2 * k] + sums[2 * k + 1];
  }
  return sums[0];
}

void MultiplyTiles(void* const* lanes) {
  if (!AreAllHere(lanes, "mma.sync")) return;
  Tiles tiles;
  ReadFragments(lanes, tiles);
  for (int l = 0; l < kWarpSize; ++l) {
    const auto& lane = *static_cast<const MmaLane*>(lanes[l]);
    for (int i = 0; i < 4; ++i) {
      const int row = l / 4 + i / 2 * 8;
      const int col = l % 4 * 2 + i % 2;
      lane.d[i] = tiles.d[row][col] + DotProduct(tiles.a[row], tiles.b[col]);
    }
  }
}

constexpr size_t kMatrixRowBytes = 16;

struct MatrixLane {
  uint32_t* out;
  const void* row;
  bool transposed;
};

// The lane that gives the address of row r of matrix m reads it, and so do those that get it: here
// one of them, so that whoever has written it is not alone.
void TellOfRow(const void* row, int m, int r, bool transposed) {
  AccessObserver* const observer = Emulation::Device().observer();
  if (observer == nullptr) return;
  const int giver = 8 * m + r;
  int getter = transposed ? r / 2 : 4 * r;
  if (getter == giver) getter += transposed ? 4 : 1;
  for (const int lane : {giver, getter}) {
    const int thread = Block::Running().first_lane() + lane;
    observer->See({row, kMatrixRowBytes, /*writes=*/false, thread, Space::kShared});
  }
}

void ReadMatrices(void* const* lanes) {
  if (!AreAllHere(lanes, "ldmatrix")) return;
  const auto lane = [lanes](int l) { return *static_cast<const MatrixLane*>(lanes[l]); };
  for (int m = 0; m < 4; ++m) {
    uint16_t matrix[8][8];
    for (int r = 0; r < 8; ++r) {
      const void* row = lane(8 * m + r).row;
      if (reinterpret_cast<uintptr_t>(row) % kMatrixRowBytes != 0) {
        Block::Running().Fail("ldmatrix of a row that is not aligned to 16 bytes");
      }
      if (!Block::Running().shared().IsInBounds(row, kMatrixRowBytes)) {
        Block::Running().Fail("ldmatrix of a row that is not in shared memory");
        return;
      }
      TellOfRow(row, m, r, lane(0).transposed);
      std::memcpy(matrix[r], row, kMatrixRowBytes);
    }
    for (int l = 0; l < kWarpSize; ++l) {
      const int r = l / 4;
      const int c = l % 4 * 2;
      const bool t = lane(l).transposed;
      const uint32_t low = t ? matrix[c][r] : matrix[r][c];
      const uint32_t high = t ? matrix[c + 1][r] : matrix[r][c + 1];
      lane(l).out[m] = low | high << 16;
    }
  }
}

}  // namespace

void SyncWarp(unsigned mask, const Site& site) {
  if (!Emulation::Device().Meet(site)) return;
  Site mine = site;
  Block::Running().Collective(
      mask,
      [](void* const* lanes) {
        AccessObserver* const observer = Emulation::Device().observer();
        if (observer == nullptr) return;
        unsigned there = 0;
        const Site* met = nullptr;
        for (int l = 0; l < kWarpSize; ++l) {
          if (lanes[l] == nullptr) continue;
          there |= 1U << l;
          met = static_cast<const Site*>(lanes[l]);
        }
        observer->MeetInWarp(Block::Running().first_lane(), there, *met);
      },
      &mine, site);
}

unsigned Ballot(unsigned mask, bool predicate, const Site& site) {
  struct Lane {
    bool given;
    unsigned result;
  };
  Lane mine = {predicate, 0};
  Block::Running().Collective(
      mask,
      [](void* const* lanes) {
        unsigned result = 0;
        for (int l = 0; l < kWarpSize; ++l) {
          if (lanes[l] != nullptr && static_cast<const Lane*>(lanes[l])->given) result |= 1U << l;
        }
        for (int l = 0; l < kWarpSize; ++l) {
          if (lanes[l] != nullptr) static_cast<Lane*>(lanes[l])->result = result;
        }
      },
      &mine, site);
  return mine.result;
}

void MmaBf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Site& site) {
  MmaLane mine = {d, a, b};
  Block::Running().Collective(kAllLanes, MultiplyTiles, &mine, site);
}

void LoadMatrices(uint32_t (&out)[4], const void* row, bool transposed, const Site& site) {
  MatrixLane mine = {out, row, transposed};
  Block::Running().Collective(kAllLanes, ReadMatrices, &mine, site);
}

}  // namespace octet::cuda_emu
