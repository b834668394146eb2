// The lines of a batch's input, as its results refer to them.

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

// Returns whether a line has no result.
bool IsBlankLine(std::string_view line);

// Returns the XXH3 of a line without its newline. A line that is too long to be kept has the hash
// of an empty text.
uint64_t HashOfLine(std::string_view line);

// Returns the hash of a sequence of lines, from the hash of all lines but the last (0 at first) and
// that of the last line.
uint64_t AddToHash(uint64_t hash_so_far, uint64_t line_hash);

// Returns the AddToHash of all lines that have results. Reads all inputs. Calls `advance` now and
// then.
absl::StatusOr<uint64_t> HashOfLines(FileSystem& files, const std::vector<std::string>& inputs,
                                     const std::function<void()>& advance);

// Returns how many lines with results the inputs have. Reads all of them.
absl::StatusOr<int64_t> CountLines(FileSystem& files, const std::vector<std::string>& inputs,
                                   const std::function<void()>& advance);

// Returns about how many lines with results the inputs have, from samples. Returns 0 if an input is
// compressed.
absl::StatusOr<int64_t> EstimateLines(FileSystem& files, const std::vector<std::string>& inputs);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_INPUT_LINES_H_
