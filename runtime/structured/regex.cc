#include "runtime/structured/regex.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <vector>

#include "runtime/structured/byte_automaton.h"

namespace octet {
namespace {

using Kind = RegexTree::Kind;

// An expression of this many characters, with repetitions written out, is small: states have no
// more stacks than that. A larger one is followed through all its states.
constexpr int64_t kSmallExpression = 200;
constexpr int32_t kMostRegexStates = 30'000;
constexpr size_t kMostRegexBytes = size_t{8} << 20;

// Returns the characters of the expression, with repetitions written out.
int64_t CountCharacters(const RegexTree& tree) {
  if (tree.kind == Kind::kClass) return 1;
  int64_t sum = 0;
  for (const RegexTree& part : tree.parts) {
    sum = std::min<int64_t>(sum + CountCharacters(part), kSmallExpression + 1);
  }
  if (tree.kind != Kind::kRepeat) return sum;
  return std::min<int64_t>(sum * std::max({tree.least, tree.most, 1}), kSmallExpression + 1);
}

// Lengths above this are as good as none.
constexpr int64_t kMostRegexLength = int64_t{1} << 30;

RegexLengths LengthsOfTree(const RegexTree& tree) {
  RegexLengths lengths = {.least = tree.kind == Kind::kClass ? 1 : 0,
                          .most = tree.kind == Kind::kClass ? 1 : 0};
  bool is_first = true;
  for (const RegexTree& part : tree.parts) {
    const RegexLengths of_part = LengthsOfTree(part);
    if (tree.kind == Kind::kChoice) {
      lengths.least = is_first ? of_part.least : std::min(lengths.least, of_part.least);
      lengths.most = std::max(lengths.most, of_part.most);
    } else {
      lengths.least += of_part.least;
      lengths.most += std::min(of_part.most, kMostRegexLength);
    }
    is_first = false;
  }
  if (tree.kind == Kind::kRepeat) {
    lengths.least *= tree.least;
    lengths.most = tree.most < 0 && lengths.most > 0 ? kNoRegexLimit : lengths.most * tree.most;
  }
  lengths.least = std::min(lengths.least, kMostRegexLength);
  if (lengths.most >= kMostRegexLength) lengths.most = kNoRegexLimit;
  return lengths;
}

bool IsAnchored(const RegexTree& tree) {
  return tree.kind == Kind::kSequence && tree.parts.size() >= 2 &&
         tree.parts.front().kind == Kind::kBegin && tree.parts.back().kind == Kind::kEnd;
}

// The sides of a part on which the text that is matched ends.
struct Edges {
  bool left;
  bool right;
};

class RegexWriter {
 public:
  RegexWriter(const RegexUse& use, Grammar& grammar) : use_(use), grammar_(grammar) {
    if (use.is_search) {
      rest_ = grammar.Repeat(use.write(CodePoints().Complement()), 0, Grammar::kNoLimit);
    }
  }

  bool has_inner_anchor() const { return has_inner_anchor_; }

  Grammar::Node Write(const RegexTree& tree, Edges edges) {
    switch (tree.kind) {
      case Kind::kClass:
        return Surround(use_.write(tree.set), edges);
      case Kind::kRepeat: {
        const Grammar::Node part = Write(tree.parts[0], {false, false});
        return Surround(grammar_.Repeat(part, tree.least, tree.most), edges);
      }
      case Kind::kChoice: {
        std::vector<Grammar::Node> alternatives;
        for (const RegexTree& part : tree.parts) alternatives.push_back(Write(part, edges));
        return grammar_.Choice(alternatives);
      }
      case Kind::kBegin:
      case Kind::kEnd:
        return WriteSequence(std::span(&tree, 1), edges);
      case Kind::kSequence:
        break;
    }
    return WriteSequence(tree.parts, edges);
  }

 private:
  Grammar::Node Surround(Grammar::Node node, Edges edges) {
    return grammar_.Sequence(
        {edges.left ? rest_ : Grammar::kEmpty, node, edges.right ? rest_ : Grammar::kEmpty});
  }

  Grammar::Node WriteSequence(std::span<const RegexTree> parts, Edges edges) {
    for (; edges.left && !parts.empty() && parts.front().kind == Kind::kBegin;) {
      parts = parts.subspan(1);
      if (parts.empty() || parts.front().kind != Kind::kBegin) edges.left = false;
    }
    for (; edges.right && !parts.empty() && parts.back().kind == Kind::kEnd;) {
      parts = parts.first(parts.size() - 1);
      if (parts.empty() || parts.back().kind != Kind::kEnd) edges.right = false;
    }
    if (parts.empty()) return edges.left || edges.right ? rest_ : Grammar::kEmpty;
    std::vector<Grammar::Node> nodes;
    for (const RegexTree& part : parts) {
      if (part.kind == Kind::kBegin || part.kind == Kind::kEnd) {
        has_inner_anchor_ = true;
        return Grammar::kNone;
      }
      const Edges of_part = {edges.left && &part == &parts.front(),
                             edges.right && &part == &parts.back()};
      nodes.push_back(Write(part, of_part));
    }
    return grammar_.Sequence(nodes);
  }

  const RegexUse& use_;
  Grammar& grammar_;
  Grammar::Node rest_ = Grammar::kEmpty;  // what may stand around a match
  bool has_inner_anchor_ = false;
};

// Follows all states of the expression alone, because grammars never take more of it.
absl::Status CheckSize(const RegexTree& tree, const RegexUse& use) {
  Grammar alone;
  const RegexUse plain = {
      .write = [&alone](const CodePoints& set) { return alone.Characters(set); },
      .is_search = use.is_search};
  RegexWriter writer(plain, alone);
  alone.Finish(writer.Write(tree, {true, true}));
  absl::Status too_large = absl::InvalidArgumentError(absl::StrCat(
      "is too large: its automaton has more than ", kMostRegexStates, " states or too many parts"));
  if (alone.too_large()) return too_large;
  if (!alone.has_texts()) return absl::OkStatus();
  ByteAutomaton automaton(alone);
  for (int32_t state = 0; state < automaton.num_states(); ++state) {
    for (int byte = 0; byte < 256; ++byte) automaton.Step(state, static_cast<uint8_t>(byte));
    if (automaton.num_states() > kMostRegexStates || automaton.bytes() > kMostRegexBytes) {
      return too_large;
    }
  }
  return absl::OkStatus();
}

}  // namespace

RegexLengths LengthsOfRegex(std::string_view regex, bool is_search) {
  const absl::StatusOr<RegexTree> tree = ParseRegex(regex);
  if (!tree.ok()) return {};
  RegexLengths lengths = LengthsOfTree(*tree);
  if (is_search && !IsAnchored(*tree)) lengths.most = kNoRegexLimit;
  return lengths;
}

absl::StatusOr<Grammar::Node> AddRegex(std::string_view regex, const RegexUse& use,
                                       Grammar& grammar) {
  const absl::StatusOr<RegexTree> tree = ParseRegex(regex, use.reading);
  if (!tree.ok()) return tree.status();
  if (CountCharacters(*tree) > kSmallExpression) {
    const absl::Status size = CheckSize(*tree, use);
    if (!size.ok()) return size;
  }
  RegexWriter writer(use, grammar);
  const Grammar::Node node = writer.Write(*tree, {true, true});
  if (writer.has_inner_anchor()) {
    return absl::InvalidArgumentError("has an anchor inside, where it is not supported");
  }
  return node;
}

}  // namespace octet
