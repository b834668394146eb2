// A summary of why lines were refused, for a whole job.

#ifndef OCTET_RUNTIME_BATCH_REFUSAL_SUMMARY_H_
#define OCTET_RUNTIME_BATCH_REFUSAL_SUMMARY_H_

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/batch/batch_request.h"

namespace octet {

// The lines that were refused for the same reason: with the same code, and with messages that
// differ only in numbers and quoted texts.
struct RefusalReason {
  RequestError example;  // the error of the first line
  int64_t first_line = 0;
  int64_t lines = 0;
};

// A count of refused lines by reason. Its memory is bounded, for any number of reasons.
class RefusalSummary {
 public:
  void Add(int64_t line, const RequestError& error);

  // Counts a line that an earlier attempt refused. Its reason is not known here.
  void AddEarlier() { ++earlier_; }

  int64_t lines() const { return lines_ + earlier_; }
  int64_t earlier() const { return earlier_; }

  // Returns at most `most` reasons, the most frequent first. Of equally frequent ones, the one that
  // came first is first.
  std::vector<RefusalReason> TopReasons(size_t most) const;

  // Returns a text for the user: how many lines were refused, and why. All of its lines but the
  // last end with a newline. Empty if no line was refused.
  std::string Describe() const;

 private:
  std::vector<RefusalReason> reasons_;               // in the order of their first lines
  absl::flat_hash_map<std::string, size_t> places_;  // by code and generalised message
  int64_t lines_ = 0;
  int64_t unsorted_ = 0;  // of lines_, those with reasons beyond the bound
  int64_t earlier_ = 0;
};

// Returns the message in a form that a terminal can show: in one line, without control bytes, and
// not too long.
std::string ShownMessage(const RequestError& error);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_REFUSAL_SUMMARY_H_
