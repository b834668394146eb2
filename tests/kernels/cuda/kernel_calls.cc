#include "tests/kernels/cuda/kernel_calls.h"

#include <gtest/gtest.h>

#include <numeric>

#include "kernels/cuda/exchange_rows.h"
#include "kernels/cuda/router.h"
#include "kernels/cuda/rows.h"
#include "tests/kernels/cuda/device_weights.h"

namespace octet::cuda {
namespace {

using cuda_emu::DeviceArray;
using cuda_emu::NormalNumbers;
using cuda_emu::TestStream;
using cuda_emu::ViewOf;

// Floats as a matrix of the device.
struct DeviceMatrix {
  DeviceMatrix(int64_t num_rows, int64_t num_cols, const TestStream& stream)
      : rows(num_rows), cols(num_cols), array(NormalNumbers(rows * cols, 1), stream) {}

  Matrix view() const { return ViewOf(array, rows, cols, cols); }

  int64_t rows;
  int64_t cols;
  DeviceArray<float> array;
};

std::vector<int32_t> Ascending(int64_t count) {
  std::vector<int32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// call(x, y, stream) with two matrices of this shape.
template <class Call>
KernelCall WithRows(int64_t rows, int64_t cols, Call call) {
  return [=](const TestStream& stream) {
    const DeviceMatrix x(rows, cols, stream), y(rows, cols, stream);
    EXPECT_EQ(call(x, y, stream), cudaSuccess);
    (void)stream.Wait();
  };
}

}  // namespace

KernelCall CallRmsNorm(int64_t rows, int64_t cols) {
  return WithRows(rows, cols, [cols](auto& x, auto& y, const TestStream& stream) {
    const DeviceArray<float> weight(NormalNumbers(cols, 2), stream);
    const cudaError_t error = RmsNorm(x.view(), weight.data(), 1e-5F, y.view(), stream);
    return error == cudaSuccess ? stream.Wait() : error;
  });
}

KernelCall CallAdd(int64_t rows, int64_t cols) {
  return WithRows(rows, cols, [](auto& x, auto& y, const TestStream& stream) {
    return Add(x.view(), y.view(), stream);
  });
}

KernelCall CallGatherRows(int64_t rows, int64_t cols) {
  return [=](const TestStream& stream) {
    const DeviceMatrix x(2 * rows, cols, stream);
    std::vector<int32_t> every_other = Ascending(rows);
    for (int32_t& row : every_other) row *= 2;
    const DeviceArray<int32_t> named(every_other, stream);
    const DeviceArray<BF16> y(rows * cols);
    EXPECT_EQ(GatherRows(x.view(), named.data(), ViewOf(y, rows, cols, cols), stream), cudaSuccess);
    (void)stream.Wait();
  };
}

KernelCall CallWeightedSum(int64_t sums, int64_t cols) {
  return [=](const TestStream& stream) {
    const DeviceMatrix x(2 * sums, cols, stream), y(sums, cols, stream);
    std::vector<int32_t> begins = Ascending(sums + 1);
    for (int32_t& begin : begins) begin *= 2;
    const DeviceArray<int32_t> offsets(begins, stream), rows(Ascending(2 * sums), stream);
    const DeviceArray<float> weights(NormalNumbers(2 * sums, 3), stream);
    const DeviceRowSums row_sums = {sums, offsets.data(), rows.data(), weights.data(), nullptr};
    EXPECT_EQ(WeightedSum(x.view(), row_sums, y.view(), stream), cudaSuccess);
    (void)stream.Wait();
  };
}

KernelCall CallSoftmax(int64_t rows, int64_t cols) {
  return WithRows(rows, cols, [](auto& x, auto& y, const TestStream& stream) {
    return Softmax(x.view(), nullptr, y.view(), stream);
  });
}

KernelCall CallLogSumExp(int64_t rows, int64_t cols) {
  return WithRows(rows, cols, [](auto& x, auto& y, const TestStream& stream) {
    return LogSumExp(x.view(), y.array.data(), stream);
  });
}

KernelCall CallRope(int64_t rows, int64_t heads, int head_dim) {
  return WithRows(rows, heads * head_dim, [=](auto& x, auto&, const TestStream& stream) {
    const DeviceMatrix cos(rows, head_dim / 2, stream), sin(rows, head_dim / 2, stream);
    const DeviceArray<int32_t> positions(Ascending(rows), stream);
    const cudaError_t error =
        Rope(x.view(), head_dim, positions.data(), cos.view(), sin.view(), stream);
    return error == cudaSuccess ? stream.Wait() : error;
  });
}

KernelCall CallRoute(int64_t tokens, int64_t experts, int topk) {
  return WithRows(tokens, experts, [=](auto& x, auto&, const TestStream& stream) {
    const DeviceArray<int32_t> idx(tokens * topk);
    const DeviceArray<float> weights(tokens * topk);
    const cudaError_t error = Route(x.view(), topk, idx.data(), weights.data(), stream);
    return error == cudaSuccess ? stream.Wait() : error;
  });
}

KernelCall CallAllFinite(int64_t rows, int64_t cols) {
  return WithRows(rows, cols, [](auto& x, auto& y, const TestStream& stream) {
    return AllFinite(x.view(), reinterpret_cast<int32_t*>(y.array.data()), stream);
  });
}

KernelCall CallSampling(const std::vector<float>& logits, const std::vector<SampleRow>& rows,
                        const std::vector<float>& scales) {
  return [=](const TestStream& stream) {
    const auto count = std::ssize(rows);
    const int64_t vocab_size = std::ssize(logits) / count;
    const DeviceMatrix probabilities(count, vocab_size, stream);
    const DeviceArray<float> logit_array(logits, stream), scale_array(scales, stream);
    const DeviceArray<SampleRow> row_array(rows, stream);
    const DeviceArray<int32_t> tokens(count);
    const Sampling sampling = {ViewOf(logit_array, count, vocab_size, vocab_size),
                               scale_array.data(), row_array.data(), probabilities.view(),
                               tokens.data()};
    EXPECT_EQ(sampling.Compute(stream), cudaSuccess);
    (void)stream.Wait();
  };
}

KernelCall CallTokenLogprobs(int64_t rows, int64_t vocab_size) {
  return WithRows(rows, vocab_size, [=](auto& x, auto& y, const TestStream& stream) {
    const DeviceArray<int32_t> tokens(Ascending(rows), stream), ranks(rows);
    const cudaError_t error =
        TokenLogprobs(x.view(), tokens.data(), y.array.data(), ranks.data(), stream);
    return error == cudaSuccess ? stream.Wait() : error;
  });
}

KernelCall CallAttention(DType dtype, const HeadShape& shape, int64_t length) {
  return [=](const TestStream& stream) {
    const PagedCache cache(dtype, shape, {length});
    const PagedCache::Stored stored(cache, stream);
    const DeviceArray<DeviceToken> token(
        {{static_cast<int32_t>(length - 1), cache.PagesOf(stored, 0)}}, stream);
    const DeviceMatrix q(1, shape.cols(), stream), y(1, shape.cols(), stream);
    EXPECT_EQ(Attention(q.view(), token.data(), stored.kv, 0, y.view(), stream), cudaSuccess);
    (void)stream.Wait();
  };
}

KernelCall CallCountSends(const HomeCase& home) {
  return [=](const TestStream& stream) {
    const DeviceHome device(home, Bases::kExact, stream);
    EXPECT_EQ(CountSends(device.routing, device.sizes.data(), stream), cudaSuccess);
    (void)stream.Wait();
  };
}

KernelCall CallPlanSends(const HomeCase& home, Bases kind) {
  return [=](const TestStream& stream) {
    const DeviceHome device(home, kind, stream);
    device.Plan(stream);
    (void)stream.Wait();
  };
}

KernelCall CallPlanExperts(const ArrivedCase& arrived) {
  return [=](const TestStream& stream) {
    const DevicePlan device(arrived, stream);
    EXPECT_EQ(PlanExperts(device.arrived, device.experts, device.plan, stream), cudaSuccess);
    const DeviceArray<int64_t> pairs_of(std::vector<int64_t>(arrived.experts), stream);
    EXPECT_EQ(
        CountPairs(device.experts, arrived.experts, device.plan.offsets, pairs_of.data(), stream),
        cudaSuccess);
    (void)stream.Wait();
  };
}

KernelCall CallHomeRows(const HomeCase& home, int64_t cols) {
  return [=](const TestStream& stream) {
    const DeviceHome device(home, Bases::kExact, stream);
    device.Plan(stream);
    const DeviceMatrix x(home.capacity(), cols, stream), y(home.capacity(), cols, stream);
    const int64_t room = home.Room(Bases::kExact).tokens;
    const DeviceArray<BF16> sent(room * cols);
    const DeviceMatrix returned(room, cols, stream);
    EXPECT_EQ(GatherMessages(x.view(), device.routing.num_tokens, home.topk(),
                             device.send_row_of.data(), ViewOf(sent, room, cols, cols), stream),
              cudaSuccess);
    EXPECT_EQ(Combine(returned.view(), device.routing.num_tokens, home.topk(),
                      device.return_of.data(), y.view(), stream),
              cudaSuccess);
    (void)stream.Wait();
  };
}

KernelCall CallSumReturns(const ArrivedCase& arrived, int64_t cols) {
  return [=](const TestStream& stream) {
    const DevicePlan device(arrived, stream);
    EXPECT_EQ(PlanExperts(device.arrived, device.experts, device.plan, stream), cudaSuccess);
    const DeviceMatrix outputs(device.num_pairs, cols, stream);
    const DeviceMatrix y(arrived.BlockBases().back().returns, cols, stream);
    EXPECT_EQ(SumReturns(outputs.view(), device.arrived, device.plan, y.view(), stream),
              cudaSuccess);
    (void)stream.Wait();
  };
}

}  // namespace octet::cuda
