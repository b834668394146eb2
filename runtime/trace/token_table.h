// The tokens of a routing trace, answer by answer.

#ifndef OCTET_RUNTIME_TRACE_TOKEN_TABLE_H_
#define OCTET_RUNTIME_TRACE_TOKEN_TABLE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// The rows of a prompt and its answer. The answer's last token has no row, because it was never
// computed.
struct TracedAnswer {
  int64_t line;    // of the input
  int32_t choice;  // of the line
  int64_t first_row;
  int64_t num_tokens = 0;
  int64_t prompt_tokens = 0;  // 0: an early trace, which does not say it
};

// The place where a token was computed.
struct TracedPlace {
  int32_t attempt = -1;  // of the job, from 0
  int32_t rank = -1;     // its home
  int64_t step = -1;     // of the attempt
};

// A table of tokens, ordered by line, choice and position. If a token was computed more than once,
// the latest time counts.
struct TokenTable {
  int num_layers = 0;
  int num_experts = 0;  // of each layer
  int topk = 0;
  std::vector<TracedAnswer> answers;
  std::vector<TracedPlace> places;  // [tokens]

  // [tokens] rows: of the same token in the answer from whose pages it was found in the prefix
  // cache, when that one was computed. Its own row if it was not found.
  std::vector<int64_t> origins;
  std::vector<int16_t> experts;   // [tokens, layers, topk], best first
  std::vector<uint16_t> weights;  // float16, the same shape

  int64_t num_tokens() const { return std::ssize(places); }
};

// Reads a trace twice, so it needs memory only for the table.
absl::StatusOr<TokenTable> ReadTokenTable(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_TOKEN_TABLE_H_
