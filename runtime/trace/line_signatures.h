// Which experts the first tokens of each line chose, as a trace recorded them.

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

// The signature of a line: of the tokens of its choice 0 at positions below kTokens, how many chose
// each expert. Takes one byte for each line, layer and expert.
class LineSignatures {
 public:
  static constexpr int kTokens = 32;

  // Reads a trace once. A trace that lacks tokens is no error: they don't count.
  static absl::StatusOr<LineSignatures> Read(FileSystem& files, const std::string& path);

  int num_layers() const { return num_layers_; }
  int num_experts() const { return num_experts_; }
  int64_t num_lines() const { return std::ssize(seen_); }

  // TraceHeader.model of the latest attempt.
  const std::string& model() const { return model_; }

  // [layers, experts] of a line of the input; empty where the trace has no token of it.
  std::span<const uint8_t> Find(int64_t line) const;

 private:
  absl::Status UseHeader(const TraceHeader& header, const std::string& path);
  void Add(const StepRouting& step);
  void AddRun(const TokenRun& run, int64_t first_token, const StepRouting& step);

  int64_t pairs() const { return int64_t{num_layers_} * num_experts_; }

  std::string model_;
  int num_layers_ = 0;
  int num_experts_ = 0;
  int topk_ = 0;
  absl::flat_hash_map<int64_t, int64_t> index_;  // of a line in what follows
  std::vector<uint32_t> seen_;                   // [lines] bit p: position p
  std::vector<uint8_t> counts_;                  // [lines, layers, experts]
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_LINE_SIGNATURES_H_
