// A number for the answers of a run, by which runs can be compared.

#ifndef OCTET_LAUNCH_BENCH_ANSWERS_HASH_H_
#define OCTET_LAUNCH_BENCH_ANSWERS_HASH_H_

#include <cstdint>
#include <vector>

#include "proto/engine.pb.h"

namespace octet {

// Returns the XXH3 (64 bits) of the token ids of all answers, in the order of their ids.
uint64_t HashAnswers(const std::vector<FinishedSequence>& answers);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_ANSWERS_HASH_H_
