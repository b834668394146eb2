// The experts that the first tokens of each line chose, from a trace.

#ifndef OCTET_RUNTIME_TRACE_LINE_SIGNATURES_H_
#define OCTET_RUNTIME_TRACE_LINE_SIGNATURES_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proto/routing_trace.pb.h"
#include "runtime/io/file.h"

namespace octet {

// The signatures of all lines of a trace. A signature has, for each expert, the number of tokens
// that chose it. It counts the tokens of the line's choice 0 at positions below kTokens. Takes one
// byte for each line, layer and expert.
class LineSignatures {
 public:
  static constexpr int kTokens = 32;

  // Reads a trace once. If the trace lacks tokens, they do not count; that is no error. Tokens that
  // were found in the prefix cache count if the line from whose choice 0 they are has a signature
  // of just these.
  static absl::StatusOr<LineSignatures> Read(FileSystem& files, const std::string& path);

  int num_layers() const { return num_layers_; }
  int num_experts() const { return num_experts_; }
  int64_t num_lines() const { return std::ssize(seen_); }

  // TraceHeader.model of the latest attempt.
  const std::string& model() const { return model_; }

  // Returns the signature of a line of the input: [layers, experts], or empty if the trace has no
  // token of it.
  std::span<const uint8_t> Find(int64_t line) const;

 private:
  void UseHeader(const TraceHeader& header);
  void Add(const StepRouting& step);
  void AddFound(const FoundRun& found);
  void AddRun(const TokenRun& run, int64_t first_token, const StepRouting& step);

  int64_t pairs() const { return int64_t{num_layers_} * num_experts_; }

  std::string model_;
  int num_layers_ = 0;
  int num_experts_ = 0;
  int topk_ = 0;
  absl::flat_hash_map<int64_t, int64_t> index_;  // from a line to its index in the arrays below
  std::vector<uint32_t> seen_;                   // [lines] bit p: position p
  std::vector<uint8_t> counts_;                  // [lines, layers, experts]
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_LINE_SIGNATURES_H_
