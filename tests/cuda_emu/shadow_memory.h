// A cell of something for each piece of memory that is looked at.

#ifndef OCTET_TESTS_CUDA_EMU_SHADOW_MEMORY_H_
#define OCTET_TESTS_CUDA_EMU_SHADOW_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace octet::cuda_emu {

// The smallest number that device code stores has two bytes.
inline constexpr size_t kGranule = 2;

template <class Cell>
class ShadowMemory {
 public:
  // Calls visit(cell) for each granule of these bytes.
  template <class Visit>
  void ForEach(const void* p, size_t bytes, Visit visit) {
    const auto begin = reinterpret_cast<uintptr_t>(p);
    for (uintptr_t at = begin / kGranule; at <= (begin + bytes - 1) / kGranule; ++at) {
      visit(CellsOf(at / kPageCells)[at % kPageCells]);
    }
  }

  void Clear() {
    pages_.clear();
    last_cells_ = nullptr;
  }

 private:
  static constexpr size_t kPageCells = 2048;

  Cell* CellsOf(uintptr_t page) {
    if (last_cells_ == nullptr || page != last_page_) {
      std::unique_ptr<Cell[]>& cells = pages_[page];
      if (cells == nullptr) cells = std::make_unique<Cell[]>(kPageCells);
      last_page_ = page;
      last_cells_ = cells.get();
    }
    return last_cells_;
  }

  std::unordered_map<uintptr_t, std::unique_ptr<Cell[]>> pages_;
  uintptr_t last_page_ = 0;
  Cell* last_cells_ = nullptr;  // of last_page_
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_SHADOW_MEMORY_H_
