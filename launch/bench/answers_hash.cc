#include "launch/bench/answers_hash.h"

#include <xxhash.h>

#include <algorithm>

namespace octet {

uint64_t HashAnswers(const std::vector<FinishedSequence>& answers) {
  std::vector<const FinishedSequence*> by_id;
  by_id.reserve(answers.size());
  for (const FinishedSequence& answer : answers) by_id.push_back(&answer);
  std::ranges::sort(by_id, {}, [](const FinishedSequence* answer) { return answer->id(); });
  std::vector<int32_t> tokens;
  for (const FinishedSequence* answer : by_id) {
    tokens.insert(tokens.end(), answer->token_ids().begin(), answer->token_ids().end());
  }
  return XXH3_64bits(tokens.data(), tokens.size() * sizeof(int32_t));
}

}  // namespace octet
