// The table of one instruction path's kernels. Each works on one thread; CpuBackend divides the
// work.

#ifndef OCTET_KERNELS_CPU_CPU_KERNELS_H_
#define OCTET_KERNELS_CPU_CPU_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "kernels/base/dtype.h"
#include "kernels/base/weight_format.h"
#include "kernels/cpu/isa.h"

namespace octet {

// Arguments are plain data with raw pointers. The files that are compiled for one path must share
// no function with other files: the linker might keep that path's copy of it for all paths.

// The most inputs in the chain of fused multiply-adds of one output. The sums of such chunks are
// added in ascending order. Part of every numerics class.
inline constexpr int64_t kChunk = 512;

// The arguments to pack rows of x into tiles. A tile has as many rows as the registers of a path
// hold, in the order in which its kernels read them: [tiles][units][rows of the tile]. A unit is
// one float32 input, a pair of bfloat16 inputs or, for AMX, 32 bfloat16 inputs. The last unit is
// filled up with 0. For quantised weights, inputs are rounded to 8 bits
// (kernels/cpu/block_rows_impl.h).
struct PackRowsArgs {
  const std::byte* x;      // [.., inputs] of `from`
  size_t x_stride;         // bytes
  const int32_t* indices;  // [rows] of x; if null: 0, 1, ...
  DType from;              // float32, bfloat16 unless `format` is float32, or blocks of 8 bits
                           // if it is quantised
  WeightFormat format;     // of the weights that multiply them
  int64_t rows;
  int64_t inputs;
  int64_t tile;       // the tile to make
  std::byte* packed;  // all tiles
};

// The arguments to pack one panel of a weight (kernels/base/packed_matrix.h).
struct PackPanelArgs {
  const std::byte* rows;  // [num_rows, inputs] of `from`
  size_t stride;          // bytes
  DType from;             // any
  DType to;               // float32 or bfloat16, rounded to nearest even
  int num_rows;           // at most 16; the others become 0
  int64_t inputs;
  std::byte* panel;
};

// The arguments to pack one panel of a quantised weight (kernels/cpu/block_panel.h).
struct PackBlocksArgs {
  WeightFormat format;
  const std::byte* rows;  // [num_rows, blocks], as files have them
  size_t stride;          // bytes
  int num_rows;           // at most 16; the others become 0
  int64_t blocks;         // of a row
  int64_t block_bytes;    // of the format
  std::byte* panel;
};

// The most rows of a tile on any path.
inline constexpr int64_t kMaxTileRows = 32;

// The arguments of y = x W^T for the rows of tiles [first_tile, last_tile) and the outputs [16 *
// first_panel, 16 * last_panel) of packed weights (kernels/base/packed_matrix.h).
struct MatmulArgs {
  WeightFormat format;  // of the panels; not float16
  const std::byte* x;   // packed rows
  int64_t rows;         // of x
  int64_t inputs;
  const std::byte* panels;
  size_t panel_bytes;
  int64_t first_tile, last_tile;
  int64_t first_panel, last_panel;
  size_t l2_bytes;   // of a core's cache; like sum_rows, it changes no bit of the result
  int64_t sum_rows;  // rows whose sums one call keeps at a time, at least kMaxTileRows
  float* sums;       // scratch [sum_rows][outputs of these panels]
  int64_t outputs;   // of the whole weight; with swiglu, of half of it
  float* y;          // [rows, outputs]
  int64_t y_stride;  // floats
  // If not null, even panels are gate and odd panels are up. Then silu(gate) * up goes here, and
  // not to y: as packed rows of `outputs` inputs or, with quantised weights, as float32.
  std::byte* swiglu;
};

// Up to kAttentionTileRows query heads of one key-value head, of one sequence, that are computed
// together. Row i of the tile is query head kv_head * group + i % group of token i / group.
struct AttentionTile {
  DType dtype;       // of keys and values
  const float* q;    // [tokens, num_heads * head_dim]
  int64_t q_stride;  // floats
  float* out;        // like q
  int64_t out_stride;
  const std::byte* keys;    // of this head in page 0: [head_dim][kKvBlock]
  const std::byte* values;  // [kKvBlock][value_stride]
  size_t page_bytes;
  const int32_t* pages;
  int64_t start_pos;  // position of token 0
  int head_dim;
  int value_stride;
  int kv_head;
  int group;  // query heads of one key-value head
  int64_t first_row;
  int num_rows;
  int64_t window;  // positions that a token sees, itself included; 0: all
  float scale;
};

// With this many rows, attention spends far more time on the keys and values than memory takes to
// read them.
inline constexpr int kAttentionTileRows = 64;

struct CpuKernels {
  // The number of tiles into which `rows` rows are divided.
  int64_t (*num_tiles)(WeightFormat format, int64_t rows);
  // The bytes of one packed row.
  size_t (*packed_row_bytes)(WeightFormat format, int64_t inputs);
  void (*pack_rows)(const PackRowsArgs& args);
  // Rounds one row as QuantiseBlock does (kernels/base/weight_format.h). to: all its blocks.
  void (*round_row)(const float* x, int64_t inputs, ActivationBlock* to);
  // Rounds each element as ToBF16 does (kernels/base/dtype.h).
  void (*to_bf16)(const float* x, int64_t cols, BF16* y);
  void (*pack_panel)(const PackPanelArgs& args);
  void (*pack_blocks)(const PackBlocksArgs& args);
  void (*matmul)(const MatmulArgs& args);
  // out = softmax(scale * q K^T) V over the visible positions, folded in blocks of
  // kAttentionFold positions.
  void (*attention)(const AttentionTile& tile);
  // y = x / sqrt(mean(x^2) + eps) * weight, one row of `cols`.
  void (*rms_norm)(const float* x, const float* weight, float eps, int64_t cols, float* y);
  // y += weight * x, the product rounded first
  void (*add_scaled)(const float* x, float weight, int64_t cols, float* y);
  float (*row_max)(const float* x, int64_t cols);
  // The sum of exp(scale * (x - max)); the summands go to y unless it is null. y may be x.
  float (*exp_row)(const float* x, float max, float scale, int64_t cols, float* y);

  // For benchmarks: runs the instruction of the dot product on registers alone. Returns the number
  // of operations.
  double (*dot_product_loop)(WeightFormat format, int64_t rounds);
};

// The kernels of a supported path.
const CpuKernels& KernelsFor(Isa isa);

extern const CpuKernels kAvx2Kernels;
extern const CpuKernels kAvxVnniKernels;
extern const CpuKernels kAvx512Kernels;
extern const CpuKernels kAvx512VnniKernels;
extern const CpuKernels kAvx512Bf16Kernels;
extern const CpuKernels kAmxKernels;

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_CPU_KERNELS_H_
