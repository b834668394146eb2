#include "runtime/text/text_pipeline.h"

#include <algorithm>
#include <utility>

#include "kernels/base/check.h"
#include "runtime/io/utf8.h"

namespace octet {
namespace {

// A writer that appends to a text, and to its origins if they are tracked.
class Writer {
 public:
  Writer(size_t size, bool track_origins) : track_origins_(track_origins) {
    out_.text.reserve(size + size / 2);
  }

  void Append(std::string_view text, size_t origin) {
    out_.text += text;
    if (track_origins_) out_.origins.resize(out_.text.size(), origin);
  }

  // Copies bytes without a change.
  void Copy(const NormalizedText& from, size_t begin, size_t end) {
    out_.text.append(from.text, begin, end - begin);
    if (!track_origins_) return;
    const auto origins = from.origins.begin();
    out_.origins.insert(out_.origins.end(), origins + static_cast<ptrdiff_t>(begin),
                        origins + static_cast<ptrdiff_t>(end));
  }

  NormalizedText Take() { return std::move(out_); }

 private:
  bool track_origins_;
  NormalizedText out_;
};

NormalizedText AsUtf8(std::string_view text, bool track_origins) {
  if (!track_origins && IsUtf8(text)) return {std::string(text), {}};
  Writer writer(text.size(), track_origins);
  for (size_t place = 0; place < text.size();) {
    const size_t size = FirstUtf8Char(text.substr(place)).size;
    for (size_t i = 0; i < size; ++i) writer.Append(text.substr(place + i, 1), place + i);
    if (size == 0) writer.Append(kReplacementCharacter, place);
    place += size == 0 ? 1 : size;
  }
  return writer.Take();
}

size_t OriginAt(const NormalizedText& text, size_t place) {
  return text.origins.empty() ? 0 : text.origins[place];
}

NormalizedText Apply(const TextPipeline::Prepend& step, NormalizedText text, bool track_origins) {
  if (text.text.empty()) return text;
  Writer writer(text.text.size() + step.text.size(), track_origins);
  writer.Append(step.text, OriginAt(text, 0));
  writer.Copy(text, 0, text.text.size());
  return writer.Take();
}

NormalizedText Apply(const TextPipeline::Replace& step, NormalizedText text, bool track_origins) {
  Writer writer(text.text.size(), track_origins);
  size_t done = 0;
  if (step.at_start) {
    if (!text.text.starts_with(step.from)) return text;
    writer.Append(step.to, OriginAt(text, 0));
    done = step.from.size();
  } else {
    for (size_t found; (found = text.text.find(step.from, done)) != std::string::npos;) {
      writer.Copy(text, done, found);
      writer.Append(step.to, OriginAt(text, found));
      done = found + step.from.size();
    }
  }
  writer.Copy(text, done, text.text.size());
  return writer.Take();
}

// A word, and whether the whole text begins with it.
struct Word {
  std::string text;
  bool at_start;
};

void Apply(const TextPipeline::Metaspace& step, Word word, std::vector<Word>& words) {
  const std::string& space = step.replacement;
  std::string text =
      Apply(TextPipeline::Replace{" ", space}, {std::move(word.text), {}}, false).text;
  const bool wanted = step.scheme == TextPipeline::Metaspace::Scheme::kAlways ||
                      (step.scheme == TextPipeline::Metaspace::Scheme::kFirst && word.at_start);
  if (wanted && !text.starts_with(space)) text.insert(0, space);
  if (!step.split) {
    words.push_back({std::move(text), word.at_start});
    return;
  }
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(space, begin + 1), text.size());
    words.push_back({text.substr(begin, end - begin), word.at_start && begin == 0});
    begin = end;
  }
}

void Apply(const TextPipeline::Isolate& step, Word word, std::vector<Word>& words) {
  size_t done = 0;
  const auto add = [&](size_t end) {
    if (done < end)
      words.push_back({word.text.substr(done, end - done), word.at_start && done == 0});
    done = end;
  };
  for (size_t place = 0; place < word.text.size();) {
    const size_t size = step.symbols.LongestPrefix(std::string_view(word.text).substr(place)).size;
    if (size > 0) {
      add(place);
      add(place + size);
    }
    place += size > 0 ? size : 1;
  }
  add(word.text.size());
}

}  // namespace

TextPipeline::TextPipeline(std::vector<NormalizerStep> normalizer,
                           std::vector<PreTokenizerStep> pre_tokenizer)
    : normalizer_(std::move(normalizer)), pre_tokenizer_(std::move(pre_tokenizer)) {}

TextPipeline::TextPipeline(TextNormalizer normalizer, std::vector<PreTokenizerStep> pre_tokenizer)
    : sentencepiece_(std::move(normalizer)), pre_tokenizer_(std::move(pre_tokenizer)) {}

NormalizedText TextPipeline::Normalize(std::string_view text, bool track_origins) const {
  if (sentencepiece_) {
    OCTET_CHECK(!track_origins) << "SentencePiece's normalizer keeps no origins ";
    return {sentencepiece_->Normalize(text), {}};
  }
  NormalizedText normalized = AsUtf8(text, track_origins);
  for (const NormalizerStep& step : normalizer_) {
    normalized = std::visit(
        [&](const auto& kind) { return Apply(kind, std::move(normalized), track_origins); }, step);
  }
  return normalized;
}

void TextPipeline::ForEachWord(std::string_view normalized, bool at_start,
                               const std::function<void(std::string_view)>& visit) const {
  if (normalized.empty()) return;
  if (pre_tokenizer_.empty()) return visit(normalized);
  std::vector<Word> words = {{std::string(normalized), at_start}};
  for (const PreTokenizerStep& step : pre_tokenizer_) {
    std::vector<Word> next;
    for (Word& word : words) {
      std::visit([&](const auto& kind) { Apply(kind, std::move(word), next); }, step);
    }
    words = std::move(next);
  }
  for (const Word& word : words) visit(word.text);
}

}  // namespace octet
