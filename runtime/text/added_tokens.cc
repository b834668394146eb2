#include "runtime/text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "runtime/io/utf8.h"
#include "runtime/text/word_character.h"

namespace octet {
namespace {

// Returns the character that `text` ends with, or one of size 0 if there is none.
Utf8Char LastUtf8Char(std::string_view text) {
  for (size_t size = 1; size <= std::min<size_t>(4, text.size()); ++size) {
    const Utf8Char last = FirstUtf8Char(text.substr(text.size() - size));
    if (last.size == size) return last;
  }
  return {};
}

size_t SizeWithoutSpaceBehind(std::string_view text) {
  while (true) {
    const Utf8Char last = LastUtf8Char(text);
    if (last.size == 0 || !IsUnicodeSpace(last.code_point)) return text.size();
    text.remove_suffix(last.size);
  }
}

size_t SizeOfSpaceInFront(std::string_view text) {
  size_t size = 0;
  while (true) {
    const Utf8Char first = FirstUtf8Char(text.substr(size));
    if (first.size == 0 || !IsUnicodeSpace(first.code_point)) return size;
    size += first.size;
  }
}

bool StandsAlone(std::string_view text, size_t begin, size_t end) {
  const Utf8Char before = LastUtf8Char(text.substr(0, begin));
  const Utf8Char behind = FirstUtf8Char(text.substr(end));
  return (before.size == 0 || !IsWordCharacter(before.code_point)) &&
         (behind.size == 0 || !IsWordCharacter(behind.code_point));
}

}  // namespace

// One walk through a text.
class AddedTokenFinder::Splitter {
 public:
  Splitter(const AddedTokenFinder& finder, std::string_view text,
           std::span<const RenderedText::Range> from_outside)
      : finder_(finder), text_(text), from_outside_(from_outside) {}

  std::vector<Stretch> Split() {
    for (size_t place = 0; place < text_.size();) {
      const auto match = finder_.spellings_.LongestPrefix(Reachable(place));
      if (match.id < 0) {
        ++place;
        continue;
      }
      Add(finder_.tokens_[match.id], place, place + match.size);
      place += match.size;
    }
    AddText(text_.size());
    return std::move(stretches_);
  }

 private:
  // Returns the text from `place` up to the next outside range: a spelling may begin at `place`
  // only within it.
  std::string_view Reachable(size_t place) {
    while (next_ < from_outside_.size() && from_outside_[next_].end <= place) ++next_;
    if (next_ == from_outside_.size()) return text_.substr(place);
    const size_t limit = from_outside_[next_].begin;
    return limit <= place ? std::string_view() : text_.substr(place, limit - place);
  }

  void Add(const AddedToken& token, size_t begin, size_t end) {
    if (token.single_word && !StandsAlone(text_, begin, end)) return;
    // The token before may have taken the space already.
    if (token.lstrip) begin = SizeWithoutSpaceBehind(text_.substr(0, begin));
    begin = std::max(begin, done_);
    if (token.rstrip) end += SizeOfSpaceInFront(text_.substr(end));
    AddText(begin);
    stretches_.push_back({token.id, begin, end});
    done_ = std::max(done_, end);
  }

  void AddText(size_t end) {
    if (done_ < end) stretches_.push_back({-1, done_, end});
    done_ = std::max(done_, end);
  }

  const AddedTokenFinder& finder_;
  std::string_view text_;
  std::span<const RenderedText::Range> from_outside_;
  size_t next_ = 0;  // the first range that ends after the place
  size_t done_ = 0;  // where the next stretch begins
  std::vector<Stretch> stretches_;
};

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    spellings_.Insert(tokens_[i].content, static_cast<int32_t>(i));
  }
}

std::vector<AddedTokenFinder::Stretch> AddedTokenFinder::Split(
    std::string_view text, std::span<const RenderedText::Range> from_outside) const {
  if (tokens_.empty()) {
    return text.empty() ? std::vector<Stretch>() : std::vector<Stretch>{{-1, 0, text.size()}};
  }
  return Splitter(*this, text, from_outside).Split();
}

}  // namespace octet
