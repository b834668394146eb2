#include "kernels/base/weight_packer.h"

#include <algorithm>

namespace octet {

void WeightPacker::Pack(ConstMatrix rows, int64_t first_panel, int64_t panel_step,
                        PackedMatrix& w) {
  constexpr int64_t kPanel = PackedMatrix::kPanel;
  ForEach((rows.rows + kPanel - 1) / kPanel, [&](int, int64_t p) {
    const int64_t row = p * kPanel;
    PackPanel(rows.Rows(row, std::min(kPanel, rows.rows - row)), first_panel + p * panel_step, w);
  });
}

}  // namespace octet
