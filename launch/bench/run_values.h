// The results of a benchmark's run as a flat list.

#ifndef OCTET_LAUNCH_BENCH_RUN_VALUES_H_
#define OCTET_LAUNCH_BENCH_RUN_VALUES_H_

#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <vector>

namespace octet {

// A number, text or bool of the results.
struct RunValue {
  std::string name;              // "prefill.seconds", "times[matmul avx2 rows 16].seconds"
  std::string text;              // as JSON has it
  std::optional<double> number;  // nothing if it is none
};
using RunValues = std::vector<RunValue>;

// Reads all values of a JSON object, in their order. An element of a list has the name of the work
// that it tells of (kernel, path, rows, ...), which then are no values, or else its index: so the
// same work has the same name in a run with more of it. Names are escaped. Errors begin with
// `where`.
absl::StatusOr<RunValues> ParseRunValues(const std::string& json, const std::string& where);

// The same for a message.
RunValues RunValuesOf(const google::protobuf::Message& message);

// Returns the value of this name, or null.
const RunValue* FindRunValue(const RunValues& values, const std::string& name);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_RUN_VALUES_H_
