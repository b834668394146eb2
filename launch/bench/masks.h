// octet bench masks: what structured outputs cost a step.

#ifndef OCTET_LAUNCH_BENCH_MASKS_H_
#define OCTET_LAUNCH_BENCH_MASKS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "launch/subcommand.h"
#include "proto/engine.pb.h"
#include "runtime/text/tokenizer.h"

namespace octet {

struct MaskTimes {
  std::string name;
  double grammar_seconds = 0;  // to make the grammar
  int64_t masks = 0;           // that were found
  double found_median = 0;     // seconds to find a mask and to ban tokens by it
  double found_most = 0;       // the same
  double known_median = 0;     // seconds to ban tokens by a mask that is known
  int64_t tokens = 0;          // of all answers
  size_t bytes = 0;            // of all masks and states
};

// Draws answers of up to `length` tokens, all allowed tokens alike, and times each token's row of
// logits. The constraint must be one that MakeGrammar accepts.
MaskTimes TimeMasks(const std::string& name, const AnswerConstraint& constraint,
                    const Tokenizer& tokenizer, int answers, int length);

std::unique_ptr<Subcommand> AddBenchMasks(CommandLine& bench);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_MASKS_H_
