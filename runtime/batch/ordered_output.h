// An output for lines that are finished in any order and written in theirs.

#ifndef OCTET_RUNTIME_BATCH_ORDERED_OUTPUT_H_
#define OCTET_RUNTIME_BATCH_ORDERED_OUTPUT_H_

#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "runtime/io/file.h"

namespace octet {

// An output that writes lines in their order. It keeps a line whose turn has not come in memory, or
// in a file beside the output when many have to wait for a slow one.
class OrderedOutput {
 public:
  // The most bytes that wait in memory.
  static constexpr size_t kMostWaitingBytes = size_t{64} << 20;

  // Waiting lines go to a new file SPILL_STEM.X, which is made when needed and removed at the end.
  OrderedOutput(FileSystem& files, std::unique_ptr<OutputStream> output, std::string spill_stem,
                size_t most_waiting_bytes = kMostWaitingBytes);
  OrderedOutput(const OrderedOutput&) = delete;
  OrderedOutput& operator=(const OrderedOutput&) = delete;
  ~OrderedOutput();

  // Adds line `number`, from 0, without its newline. Each number comes once.
  absl::Status Add(int64_t number, std::string line);

  // Writes all lines that need not wait any longer.
  absl::Status Flush();

  // Ends the output, after all lines were added.
  absl::Status Close();

 private:
  struct Waiting {
    std::string line;  // empty if it is in the file
    uint64_t offset = 0;
    uint64_t bytes = 0;
  };

  absl::Status Append(std::string_view line);
  absl::Status Spill(std::string_view line, Waiting& waiting);
  absl::StatusOr<std::string> ReadBack(const Waiting& waiting);

  FileSystem& files_;
  std::unique_ptr<OutputStream> output_;
  std::string spill_stem_;
  size_t most_waiting_bytes_;

  int64_t next_ = 0;
  std::map<int64_t, Waiting> waiting_;  // by number
  size_t waiting_bytes_ = 0;            // in memory
  std::string buffer_;                  // written in pieces
  std::unique_ptr<OutputStream> spill_;
  uint64_t spilled_bytes_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_ORDERED_OUTPUT_H_
