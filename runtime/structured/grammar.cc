#include "runtime/structured/grammar.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "kernels/base/check.h"
#include "runtime/io/utf8.h"

namespace octet {
namespace {

std::string EncodeUtf8(char32_t c) {
  std::string bytes;
  AppendUtf8(c, bytes);
  return bytes;
}

// Calls `use` with parts of the range whose encodings are all sequences of a byte of a range each.
template <class Use>
void SplitUtf8(char32_t first, char32_t last, const Use& use) {
  for (const char32_t end : {0x7F, 0x7FF, 0xFFFF}) {
    if (first > end || last <= end) continue;
    SplitUtf8(first, end, use);
    return SplitUtf8(end + 1, last, use);
  }
  const auto size = static_cast<int>(EncodeUtf8(first).size());
  for (int i = 1; i < size; ++i) {
    const char32_t tail = (char32_t{1} << (6 * i)) - 1;
    if ((first & ~tail) == (last & ~tail)) continue;
    if ((first & tail) != 0) {
      SplitUtf8(first, first | tail, use);
      return SplitUtf8((first | tail) + 1, last, use);
    }
    if ((last & tail) != tail) {
      SplitUtf8(first, (last & ~tail) - 1, use);
      return SplitUtf8(last & ~tail, last, use);
    }
  }
  use(EncodeUtf8(first), EncodeUtf8(last));
}

}  // namespace

ByteSet BytesBetween(uint8_t first, uint8_t last) {
  ByteSet set;
  for (int byte = first; byte <= last; ++byte) set.set(byte);
  return set;
}

Grammar::Grammar() {
  nodes_.push_back({.kind = Kind::kEmpty});
  nodes_.push_back({.kind = Kind::kChoice});
}

Grammar::Node Grammar::Add(NodeData data, std::span<const Node> parts) {
  if (nodes_.size() + parts_.size() + parts.size() >= kMostParts) {
    too_large_ = true;
    return kNone;
  }
  if (data.kind != Kind::kBytes) {
    data.first = static_cast<int32_t>(parts_.size());
    data.size = static_cast<int32_t>(parts.size());
    parts_.insert(parts_.end(), parts.begin(), parts.end());
  }
  nodes_.push_back(data);
  return static_cast<Node>(nodes_.size() - 1);
}

Grammar::Node Grammar::Bytes(const ByteSet& set) {
  if (set.none()) return kNone;
  const auto known = nodes_of_sets_.find(set);
  if (known != nodes_of_sets_.end()) return known->second;
  sets_.push_back(set);
  const Node node =
      Add({.kind = Kind::kBytes, .first = static_cast<int32_t>(sets_.size() - 1)}, {});
  nodes_of_sets_.emplace(set, node);
  return node;
}

Grammar::Node Grammar::Text(std::string_view text) {
  std::vector<Node> parts;
  parts.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    parts.push_back(Bytes(BytesBetween(byte, byte)));
  }
  return Sequence(parts);
}

Grammar::Node Grammar::Characters(const CodePoints& set) {
  ByteSet ascii;
  std::map<std::vector<Node>, ByteSet> first_bytes;  // by what follows
  for (const CodePoints::Range range : set.ranges()) {
    SplitUtf8(range.first, range.last, [&](const std::string& low, const std::string& high) {
      const auto bytes_at = [&](size_t i) {
        return BytesBetween(static_cast<uint8_t>(low[i]), static_cast<uint8_t>(high[i]));
      };
      const ByteSet leading = bytes_at(0);
      if (low.size() == 1) {
        ascii |= leading;
        return;
      }
      std::vector<Node> rest;
      for (size_t i = 1; i < low.size(); ++i) rest.push_back(Bytes(bytes_at(i)));
      first_bytes[rest] |= leading;
    });
  }
  std::vector<Node> alternatives;
  if (ascii.any()) alternatives.push_back(Bytes(ascii));
  for (const auto& [rest, leading] : first_bytes) {
    std::vector<Node> parts = {Bytes(leading)};
    parts.insert(parts.end(), rest.begin(), rest.end());
    alternatives.push_back(Sequence(parts));
  }
  return Choice(alternatives);
}

Grammar::Node Grammar::Sequence(std::span<const Node> parts) {
  std::vector<Node> kept;
  for (const Node part : parts) {
    if (part == kNone) return kNone;
    if (part != kEmpty) kept.push_back(part);
  }
  if (kept.empty()) return kEmpty;
  return kept.size() == 1 ? kept[0] : Add({.kind = Kind::kSequence}, kept);
}

Grammar::Node Grammar::Choice(std::span<const Node> alternatives) {
  std::vector<Node> kept;
  for (const Node node : alternatives) {
    if (node != kNone) kept.push_back(node);
  }
  if (kept.empty()) return kNone;
  return kept.size() == 1 ? kept[0] : Add({.kind = Kind::kChoice}, kept);
}

Grammar::Node Grammar::Repeat(Node part, int32_t least, int32_t most) {
  if (most == 0 || part == kEmpty) return kEmpty;
  if (part == kNone) return least == 0 ? kEmpty : kNone;
  if (least == 1 && most == 1) return part;
  return Add({.kind = Kind::kRepeat, .least = least, .most = most}, std::span(&part, 1));
}

Grammar::Node Grammar::Declare() {
  const Node none = kNone;
  return Add({.kind = Kind::kRule}, std::span(&none, 1));
}

void Grammar::Define(Node rule, Node body) {
  if (rule == kNone) return;  // too large
  OCTET_CHECK(kind(rule) == Kind::kRule) << rule;
  parts_[nodes_[rule].first] = body;
}

size_t Grammar::bytes() const {
  constexpr size_t kOfSet = 3 * sizeof(ByteSet);
  return nodes_.capacity() * sizeof(NodeData) + parts_.capacity() * sizeof(Node) +
         sets_.size() * kOfSet;
}

bool Grammar::FindHasTexts(const NodeData& node) const {
  const auto has_texts = [this](Node part) { return has_texts_[part]; };
  const std::span<const Node> parts = PartsOf(node);
  switch (node.kind) {
    case Kind::kEmpty:
    case Kind::kBytes:
      return true;
    case Kind::kSequence:
    case Kind::kRule:
      return std::all_of(parts.begin(), parts.end(), has_texts);
    case Kind::kChoice:
      return std::any_of(parts.begin(), parts.end(), has_texts);
    case Kind::kRepeat:
      return node.least == 0 || has_texts_[parts[0]];
  }
  return false;
}

void Grammar::Finish(Node root) {
  root_ = root;
  FindNodesWithTexts();
  FindByteClasses();
}

// In order, parts come before the nodes that use them, but for the bodies of rules. From a rule
// that was found to have texts later, this goes to its users.
void Grammar::FindNodesWithTexts() {
  std::vector<std::vector<Node>> users(nodes_.size());
  has_texts_.assign(nodes_.size(), false);
  for (Node node = 0; node < std::ssize(nodes_); ++node) {
    has_texts_[node] = FindHasTexts(nodes_[node]);
    if (has_texts_[node]) continue;
    for (const Node part : PartsOf(nodes_[node])) users[part].push_back(node);
  }
  std::vector<Node> open;
  for (Node node = 0; node < std::ssize(nodes_); ++node) {
    if (!has_texts_[node]) open.push_back(node);
  }
  while (!open.empty()) {
    const Node node = open.back();
    open.pop_back();
    if (has_texts_[node] || !FindHasTexts(nodes_[node])) continue;
    has_texts_[node] = true;
    open.insert(open.end(), users[node].begin(), users[node].end());
  }
}

void Grammar::FindByteClasses() {
  classes_.fill(0);
  num_classes_ = 1;
  for (const ByteSet& set : sets_) {
    std::map<std::pair<int, bool>, int> split;
    for (int byte = 0; byte < 256; ++byte) {
      const std::pair<int, bool> key(classes_[byte], set[byte]);
      const auto found = split.emplace(key, static_cast<int>(split.size())).first;
      classes_[byte] = static_cast<uint8_t>(found->second);
    }
    num_classes_ = static_cast<int>(split.size());
    if (num_classes_ == 256) break;
  }
}

}  // namespace octet
