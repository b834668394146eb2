// What a rank remembers of the tokens in the pages of its KV cache.

#ifndef OCTET_RUNTIME_ENGINE_PAGE_NOTES_H_
#define OCTET_RUNTIME_ENGINE_PAGE_NOTES_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/routing_trace.pb.h"

namespace octet {

// Notes of the routing of the tokens in each page, for sequences that use pages that others
// computed. Where a page has position p of a sequence, it has the notes of the sequence's first
// tokens up to p.
class PageNotes {
 public:
  explicit PageNotes(int64_t num_pages) : notes_(num_pages) {}

  void Copy(int32_t from, int32_t to) { notes_[to] = notes_[from]; }

  // Says that these positions of an answer were computed. pages: all of its sequence.
  void SetAnswer(std::span<const int32_t> pages, const TokenRun& run);

  // Splits a run of tokens that were found by the answers that have their routing. Leaves out what
  // the answer has itself, from before a preemption.
  std::vector<FoundRun> Found(std::span<const int32_t> pages, const TokenRun& run) const;

  // Stores the experts of the positions from `first` on. experts: [tokens] of `row_bytes` each.
  void SetExperts(std::span<const int32_t> pages, int64_t first, std::string_view experts,
                  size_t row_bytes);

  // Returns the experts of the first `num_tokens` positions.
  std::string Experts(std::span<const int32_t> pages, int64_t num_tokens) const;

 private:
  struct Note {
    int64_t line = -1;  // of the answer that computed the latest token
    int32_t choice = 0;
    std::string experts;  // [kKvBlock] rows
  };

  std::vector<Note> notes_;  // [num_pages]
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_PAGE_NOTES_H_
