#include "kernels/base/workspace.h"

#include <gtest/gtest.h>

#include "kernels/base/backend.h"
#include "kernels/cpu/make_cpu_backend.h"

namespace octet {
namespace {

class WorkspaceTest : public testing::Test {
 protected:
  std::unique_ptr<Backend> backend_ = MakeCpuBackend(SupportedIsas().front(), 1);
  int allocations_ = 0;
  Workspace workspace_{[this](size_t bytes) {
    ++allocations_;
    return backend_->Allocate(bytes);
  }};
};

TEST_F(WorkspaceTest, MatricesDoNotOverlap) {
  const Matrix a = workspace_.Alloc(3, 100);
  const Matrix b = workspace_.AllocDense(2, 7, DType::kBF16);
  const Matrix c = workspace_.Alloc(1, 1);
  EXPECT_GE(b.data, a.data + 3 * a.stride_bytes());
  EXPECT_GE(c.data, b.data + 2 * b.stride_bytes());
  EXPECT_EQ(b.stride, 7);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.row(1)) % 64, 0U);
}

TEST_F(WorkspaceTest, RowsArePaddedAwayFromPowersOfTwo) {
  EXPECT_EQ(workspace_.Alloc(2, 4096, DType::kBF16).stride_bytes(), 4096U * 2 + 64);
}

TEST_F(WorkspaceTest, ScopeGivesBackAndASecondStepAllocatesNothing) {
  const auto step = [&] {
    const Workspace::Scope scope(workspace_);
    workspace_.Alloc(1000, 1000);
    const Workspace::Scope inner(workspace_);
    workspace_.Alloc(3000, 1000);
    workspace_.Alloc(10, 10);
  };
  step();
  const int after_first_step = allocations_;
  step();
  step();
  EXPECT_EQ(allocations_, after_first_step);
  const Matrix again = workspace_.Alloc(1, 16);
  {
    const Workspace::Scope scope(workspace_);
    workspace_.Alloc(1, 16);
  }
  EXPECT_EQ(workspace_.Alloc(1, 16).data, again.data + 64);
}

}  // namespace
}  // namespace octet
