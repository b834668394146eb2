// The lines of a batch's input as its results refer to them.

#ifndef OCTET_RUNTIME_BATCH_INPUT_LINES_H_
#define OCTET_RUNTIME_BATCH_INPUT_LINES_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// A line that has no result.
bool IsBlankLine(std::string_view line);

// XXH3 of a line without its newline; of one that is too long to be kept, that of nothing.
uint64_t HashOfLine(std::string_view line);

// The hash of lines one after the other: that of those before, 0 at first, and of one more.
uint64_t AddToHash(uint64_t hash_so_far, uint64_t line_hash);

// That of all lines that have results. Reads all inputs; `advance` is called now and then.
absl::StatusOr<uint64_t> HashOfLines(FileSystem& files, const std::vector<std::string>& inputs,
                                     const std::function<void()>& advance);

// About how many lines with results the inputs have, from samples; 0 where one is compressed.
absl::StatusOr<int64_t> EstimateLines(FileSystem& files, const std::vector<std::string>& inputs);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_INPUT_LINES_H_
