#include "runtime/engine/page_notes.h"

#include <algorithm>

#include "kernels/base/attention.h"
#include "kernels/base/check.h"

namespace octet {
namespace {

// Calls use(page, first, last) for the positions [first, last) of [begin, end) in each page.
template <class F>
void ForPages(std::span<const int32_t> pages, int64_t begin, int64_t end, F use) {
  for (int64_t first = begin; first < end;) {
    const int64_t i = first / kKvBlock;
    const int64_t last = std::min(end, (i + 1) * kKvBlock);
    use(pages[i], first, last);
    first = last;
  }
}

}  // namespace

void PageNotes::SetAnswer(std::span<const int32_t> pages, const TokenRun& run) {
  const int64_t first = run.first_position();
  ForPages(pages, first, first + run.num_tokens(), [&](int32_t page, int64_t, int64_t) {
    notes_[page].line = run.line();
    notes_[page].choice = run.choice();
  });
}

std::vector<FoundRun> PageNotes::Found(std::span<const int32_t> pages, const TokenRun& run) const {
  std::vector<FoundRun> found;
  const int64_t begin = run.first_position();
  ForPages(pages, begin, begin + run.num_tokens(), [&](int32_t page, int64_t first, int64_t last) {
    const Note& note = notes_[page];
    const auto num_tokens = static_cast<int32_t>(last - first);
    if (note.line == run.line() && note.choice == run.choice()) return;
    if (!found.empty()) {
      FoundRun& latest = found.back();
      if (latest.from_line() == note.line && latest.from_choice() == note.choice &&
          latest.run().first_position() + latest.run().num_tokens() == first) {
        return latest.mutable_run()->set_num_tokens(latest.run().num_tokens() + num_tokens);
      }
    }
    FoundRun& next = found.emplace_back();
    *next.mutable_run() = run;
    next.mutable_run()->set_first_position(static_cast<int32_t>(first));
    next.mutable_run()->set_num_tokens(num_tokens);
    if (first > 0) next.mutable_run()->clear_prompt_tokens();
    next.set_from_line(note.line);
    next.set_from_choice(note.choice);
  });
  return found;
}

void PageNotes::SetExperts(std::span<const int32_t> pages, int64_t first, std::string_view experts,
                           size_t row_bytes) {
  const auto num_tokens = static_cast<int64_t>(experts.size() / row_bytes);
  ForPages(pages, first, first + num_tokens, [&](int32_t page, int64_t begin, int64_t end) {
    std::string& kept = notes_[page].experts;
    kept.resize(kKvBlock * row_bytes);
    const size_t bytes = (end - begin) * row_bytes;
    kept.replace(begin % kKvBlock * row_bytes, bytes,
                 experts.substr((begin - first) * row_bytes, bytes));
  });
}

std::string PageNotes::Experts(std::span<const int32_t> pages, int64_t num_tokens) const {
  std::string experts;
  ForPages(pages, 0, num_tokens, [&](int32_t page, int64_t begin, int64_t end) {
    const std::string& kept = notes_[page].experts;
    experts.append(kept, 0, kept.size() / kKvBlock * (end - begin));
  });
  return experts;
}

}  // namespace octet
