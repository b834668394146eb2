// Why lines were refused, all of a job together.

#ifndef OCTET_RUNTIME_BATCH_REFUSAL_SUMMARY_H_
#define OCTET_RUNTIME_BATCH_REFUSAL_SUMMARY_H_

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/batch/batch_request.h"

namespace octet {

// Lines that were refused for the same reason: of the same code, and with messages that differ in
// numbers and quoted texts only.
struct RefusalReason {
  RequestError example;  // that of the first line
  int64_t first_line = 0;
  int64_t lines = 0;
};

// Counts refused lines by reason. Memory is bounded, however many reasons there are.
class RefusalSummary {
 public:
  void Add(int64_t line, const RequestError& error);

  // Lines whose reasons are not known here: earlier attempts refused them.
  void AddEarlier() { ++earlier_; }

  int64_t lines() const { return lines_ + earlier_; }
  int64_t earlier() const { return earlier_; }

  // The most frequent first; of equal ones the first to come. At most `most`.
  std::vector<RefusalReason> TopReasons(size_t most) const;

  // For a person, in lines of text, each but the last with a newline at its end: how many lines
  // were refused, and why. Empty where none was.
  std::string Describe() const;

 private:
  std::vector<RefusalReason> reasons_;               // in the order in which they came
  absl::flat_hash_map<std::string, size_t> places_;  // by what they have in common
  int64_t lines_ = 0;
  int64_t unsorted_ = 0;  // of those, with reasons beyond the bound
  int64_t earlier_ = 0;
};

// The message as a person's terminal can show it: in one line, without control bytes, and not too
// long.
std::string ShownMessage(const RequestError& error);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_REFUSAL_SUMMARY_H_
