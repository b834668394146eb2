#include "runtime/text/jinja/search.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/text/jinja/repr.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

constexpr size_t kPieceBytes = 128;  // about the bytes of a short string
constexpr size_t kRangeBytes = 16;   // of an origin

struct Piece {
  size_t begin = 0, end = 0;
};

std::vector<Value> Pieces(Run& run, const Text& text, const std::vector<Piece>& pieces) {
  std::vector<Value> items;
  if (!run.Make(text.size())) return items;
  items.reserve(pieces.size());
  for (const Piece& piece : pieces) {
    items.push_back(Value::String(text.Part(piece.begin, piece.end)));
  }
  return items;
}

std::vector<Piece> Words(Run& run, std::string_view text) {
  std::vector<Piece> words;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const bool space = (PropertiesOf(NextCodePoint(text, at)) & kIsSpace) != 0;
    if (!space && !in_word) {
      if (!run.Make(kPieceBytes)) return words;
      words.push_back({begin, at});
    }
    if (!space) words.back().end = at;
    in_word = !space;
  }
  return words;
}

// Returns the text with `between` before each code point and at the end, `left` times at most.
Value Interleaved(Run& run, const Text& text, const Text& between, uint64_t left) {
  Text result;
  for (size_t at = 0; run.ok();) {
    if (left > 0 && run.Grow(result.size(), between.size() + kRangeBytes)) result.Append(between);
    left -= left > 0 ? 1 : 0;
    if (at == text.size()) break;
    const size_t begin = at;
    NextCodePoint(text.view(), at);
    result.AppendPart(text, begin, at);
  }
  return run.Text(std::move(result));
}

bool EndsLine(char32_t code) {
  return (code >= 0xA && code <= 0xD) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
         code == 0x2028 || code == 0x2029;
}

}  // namespace

Value Replaced(Run& run, const Text& text, const Text& from, const Text& to, int64_t count) {
  if (!run.Read(text.size())) return {};
  auto left = count < 0 ? UINT64_MAX : static_cast<uint64_t>(count);
  if (from.empty()) return Interleaved(run, text, to, left);
  Text result;
  size_t at = 0;
  for (; left > 0; --left) {
    const size_t found = text.bytes().find(from.bytes(), at);
    if (found == std::string::npos) break;
    if (!run.Grow(result.size(), to.size() + kRangeBytes)) return {};
    result.AppendPart(text, at, found);
    result.Append(to);
    at = found + from.size();
  }
  result.AppendPart(text, at, text.size());
  return run.Text(std::move(result));
}

std::vector<Value> SplitAt(Run& run, const Text& text, std::string_view separator, int64_t count,
                           bool from_right) {
  std::vector<Piece> pieces;
  auto left = count < 0 ? UINT64_MAX : static_cast<uint64_t>(count);
  const std::string_view view = text.view();
  if (!run.Read(text.size())) return {};
  size_t begin = 0, end = view.size();
  for (; left > 0 && run.Make(kPieceBytes); --left) {
    const size_t found =
        from_right ? view.substr(begin, end - begin).rfind(separator) : view.find(separator, begin);
    if (found == std::string_view::npos) break;
    if (from_right) {
      pieces.push_back({found + separator.size(), end});
      end = found;
    } else {
      pieces.push_back({begin, found});
      begin = found + separator.size();
    }
  }
  pieces.push_back({begin, end});
  if (from_right) std::reverse(pieces.begin(), pieces.end());
  return Pieces(run, text, pieces);
}

std::vector<Value> SplitAtSpace(Run& run, const Text& text, int64_t count, bool from_right) {
  if (!run.Read(text.size())) return {};
  std::vector<Piece> words = Words(run, text.view());
  if (count >= 0 && static_cast<uint64_t>(count) < words.size()) {
    const auto splits = static_cast<size_t>(count);  // the rest keeps its outer whitespace
    if (from_right) {
      const size_t rest = words.size() - splits - 1;
      words[rest].begin = 0;
      words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(rest));
    } else {
      words.resize(splits + 1);
      words.back().end = text.size();
    }
  }
  return Pieces(run, text, words);
}

std::vector<Text> Lines(const Text& text, bool keep_ends) {
  std::vector<Text> lines;
  const std::string_view view = text.view();
  size_t begin = 0;
  for (size_t at = 0; at < view.size();) {
    const size_t end = at;
    const char32_t code = NextCodePoint(view, at);
    if (!EndsLine(code)) continue;
    if (code == '\r' && at < view.size() && view[at] == '\n') ++at;
    lines.push_back(text.Part(begin, keep_ends ? at : end));
    begin = at;
  }
  if (begin < view.size()) lines.push_back(text.Part(begin, view.size()));
  return lines;
}

Value Joined(Run& run, const Text& separator, const std::vector<Value>& items) {
  Text text;
  for (size_t i = 0; i < items.size(); ++i) {
    const Text item = Str(run, items[i]);
    if (!run.Grow(text.size(), separator.size() + item.size())) return {};
    if (i > 0) text.Append(separator);
    text.Append(item);
  }
  return run.Text(std::move(text));
}

}  // namespace octet::jinja
