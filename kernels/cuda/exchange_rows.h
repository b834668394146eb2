// The rows that move by an exchange plan on a CUDA device. Each function puts its work on a stream;
// how many rows there are is read on the device. A row has the same bits whatever the others are.

#ifndef OCTET_KERNELS_CUDA_EXCHANGE_ROWS_H_
#define OCTET_KERNELS_CUDA_EXCHANGE_ROWS_H_

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/base/matrix.h"
#include "kernels/cuda/exchange_plan.h"
#include "kernels/cuda/expert_plan.h"

namespace octet::cuda {

// At the home: copies its tokens to the rows that leave. Rows that no token has are left as they
// are. x: [capacity, hidden] float32; y: rows of float32 or bfloat16, rounded to nearest even.
// send_row_of: of the plan.
cudaError_t GatherMessages(ConstMatrix x, const int32_t* num_tokens, int topk,
                           const int32_t* send_row_of, Matrix y, cudaStream_t stream);

// At the owner: row `result` of y becomes the weighted sum of the outputs of each of plan.returns,
// in the order of pairs; each product is rounded first. outputs: row i is the output for row i of
// the plan. y.rows: no more rows go back. Both float32.
cudaError_t SumReturns(ConstMatrix outputs, const ArrivedPairs& arrived,
                       const DeviceExpertPlan& plan, Matrix y, cudaStream_t stream);

// At the home: y[t] = the sum of the rows that came back for token t, in slot order; rows after the
// last token become 0. return_of: of the plan. Both matrices float32; y: [capacity, hidden].
cudaError_t Combine(ConstMatrix returned, const int32_t* num_tokens, int topk,
                    const int32_t* return_of, Matrix y, cudaStream_t stream);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_EXCHANGE_ROWS_H_
