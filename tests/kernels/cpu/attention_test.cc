#include <gtest/gtest.h>

#include "kernels/base/backend.h"
#include "kernels/cpu/make_cpu_backend.h"
#include "tests/kernels/conformance/paged_tokens.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

TEST(Attention, PathsAgreeBitForBit) {
  const HeadShape s = {8, 2, 48, 0};
  const int64_t length = kAttentionFold + 70;
  const Tokens t(s, length);
  std::vector<OwnedMatrix> results;
  for (const Isa isa : SupportedIsas()) {
    const auto backend = MakeCpuBackend(isa, 2);
    PagedCache cache(*backend, s, DType::kBF16, {length});
    const SequenceSpan span = {.num_rows = length, .pages = cache.pages[0]};
    OwnedMatrix& out = results.emplace_back(length, s.cols());
    backend->StoreKv(t.k.view(), t.v.view(), {&span, 1}, cache.kv);
    backend->Attention(t.q.view(), {&span, 1}, cache.kv, 0, out.view());
    EXPECT_EQ(out.bytes(), results[0].bytes()) << Name(isa);
  }
}

}  // namespace
}  // namespace octet
