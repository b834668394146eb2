// Scratch memory of one forward pass.

#ifndef OCTET_KERNELS_BASE_WORKSPACE_H_
#define OCTET_KERNELS_BASE_WORKSPACE_H_

#include <functional>
#include <utility>
#include <vector>

#include "kernels/base/buffer.h"
#include "kernels/base/matrix.h"

namespace octet {

// A workspace that hands out matrices from memory that it keeps. A matrix lives until the enclosing
// Scope ends. Within the reserved memory, it allocates nothing.
class Workspace {
 public:
  explicit Workspace(std::function<Buffer(size_t bytes)> allocate)
      : allocate_(std::move(allocate)) {}

  // Makes room for `bytes` bytes at once. Room that is not used takes no memory.
  void Reserve(size_t bytes) { blocks_.push_back(allocate_(bytes)); }

  // A scope that takes back, when it ends, everything that was handed out during its lifetime.
  class Scope {
   public:
    explicit Scope(Workspace& workspace)
        : workspace_(&workspace), block_(workspace.block_), used_(workspace.used_) {}
    Scope(Scope&& other) noexcept
        : workspace_(std::exchange(other.workspace_, nullptr)),
          block_(other.block_),
          used_(other.used_) {}
    Scope& operator=(const Scope&) = delete;
    ~Scope() {
      if (workspace_ == nullptr) return;
      workspace_->block_ = block_;
      workspace_->used_ = used_;
    }

   private:
    Workspace* workspace_;
    size_t block_;
    size_t used_;
  };

  // Returns [rows, cols], uninitialised. Rows begin on 64-byte boundaries, and not all in the same
  // cache sets.
  Matrix Alloc(int64_t rows, int64_t cols, DType dtype = DType::kF32);

  // Returns [rows, cols], uninitialised, without gaps between rows (the form that is sent and
  // received).
  Matrix AllocDense(int64_t rows, int64_t cols, DType dtype);

 private:
  std::byte* Take(size_t bytes);

  std::function<Buffer(size_t)> allocate_;
  std::vector<Buffer> blocks_;
  size_t block_ = 0;  // the block in use
  size_t used_ = 0;   // bytes used of that block
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_WORKSPACE_H_
