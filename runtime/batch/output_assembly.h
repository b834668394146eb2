// The results of a journal, put in order.

#ifndef OCTET_RUNTIME_BATCH_OUTPUT_ASSEMBLY_H_
#define OCTET_RUNTIME_BATCH_OUTPUT_ASSEMBLY_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "runtime/batch/journal_index.h"
#include "runtime/io/file.h"

namespace octet {

// Hashes by which a later run knows the lines of a finished job (input_lines.h).
struct ResultHashes {
  uint64_t lines = 0;     // of all lines
  uint64_t answered = 0;  // of the numbers and lines of answers

  // Adds the next result.
  void Add(const BatchResult& result);
};

// Writes the texts of results 0 to `num_results` - 1, all of which the index has. Calls `advance`
// now and then.
absl::StatusOr<ResultHashes> WriteInOrder(FileSystem& files, const std::string& directory,
                                          const JournalIndex& index, int64_t num_results,
                                          const std::function<void()>& advance,
                                          OutputStream& output);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_OUTPUT_ASSEMBLY_H_
