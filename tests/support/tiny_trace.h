// Routing traces that can be checked by hand: 2 layers of 4 experts, top 2, on 2 ranks of 2 hosts.

#ifndef OCTET_TESTS_SUPPORT_TINY_TRACE_H_
#define OCTET_TESTS_SUPPORT_TINY_TRACE_H_

#include <string>
#include <vector>

#include "kernels/base/check.h"
#include "kernels/base/dtype.h"
#include "proto/routing_trace.pb.h"
#include "runtime/io/file.h"
#include "runtime/trace/trace_writer.h"

namespace octet {

// Experts 0 and 1 live on rank 0, 2 and 3 on rank 1.
inline TraceHeader TinyHeader() {
  TraceHeader header;
  header.set_model("tiny");
  header.set_num_layers(2);
  header.set_num_experts(4);
  header.set_top_k(2);
  header.set_hidden_size(8);
  header.set_dispatch_row_bytes(16);
  header.set_return_row_bytes(32);
  header.add_hosts("a");
  header.add_hosts("b");
  header.set_group_size(2);
  header.set_replica_policy("even");
  for (int l = 0; l < 2; ++l) {
    LayerPlacement& layer = *header.mutable_placement()->add_layers();
    for (int e = 0; e < 4; ++e) layer.add_experts()->add_ranks(e / 2);
  }
  header.add_times("attention");
  return header;
}

struct TinyToken {
  int64_t line = 1;
  int32_t choice = 0;
  int32_t position = 0;
  std::string experts = std::string("\0\1\2\3", 4);  // [layers, top_k]
};

// Gate weights are 0.75 and 0.25.
inline StepRouting TinyStep(int64_t number, const std::vector<TinyToken>& tokens, int rank = 0) {
  StepRouting step;
  step.set_step(number);
  step.set_rank(rank);
  step.set_num_micro_batches(1);
  for (const TinyToken& token : tokens) {
    TokenRun& run = *step.add_runs();
    run.set_line(token.line);
    run.set_choice(token.choice);
    run.set_first_position(token.position);
    run.set_num_tokens(1);
    *step.mutable_experts() += token.experts;
    for (int layer = 0; layer < 2; ++layer) {
      for (const float weight : {0.75F, 0.25F}) {
        const uint16_t half = FloatToHalf(weight);
        *step.mutable_weights() += {static_cast<char>(half & 0xff), static_cast<char>(half >> 8)};
      }
    }
  }
  for (int i = 0; i < 4; ++i) step.add_expert_tokens(1);
  step.add_seconds(0.5F);
  return step;
}

// Says that the first tokens of a line were found in the pages of another.
inline void AddFound(StepRouting& step, int64_t line, int32_t num_tokens, int64_t from_line,
                     int32_t from_choice = 0) {
  FoundRun& found = *step.add_found();
  found.mutable_run()->set_line(line);
  found.mutable_run()->set_num_tokens(num_tokens);
  found.mutable_run()->set_prompt_tokens(num_tokens + 1);
  found.set_from_line(from_line);
  found.set_from_choice(from_choice);
}

// One attempt, of one block.
inline void WriteTinyTrace(FileSystem& files, const std::string& path,
                           std::vector<StepRouting> steps) {
  TraceWriter writer(*files.CreateOutput(path));
  writer.AddHeader(TinyHeader());
  for (StepRouting& step : steps) OCTET_CHECK(writer.AddStep(step).ok());
  OCTET_CHECK(writer.EndBlock().ok());
  OCTET_CHECK(writer.Close().ok());
}

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_TINY_TRACE_H_
