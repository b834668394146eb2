// A grammar of the texts that an answer may be.

#ifndef OCTET_RUNTIME_STRUCTURED_GRAMMAR_H_
#define OCTET_RUNTIME_STRUCTURED_GRAMMAR_H_

#include <absl/container/flat_hash_map.h>

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/structured/code_points.h"

namespace octet {

using ByteSet = std::bitset<256>;

// A context-free grammar of byte strings, built from its leaves. Regular expressions are the
// special case without rules. A rule must consume a byte before it uses itself.
class Grammar {
 public:
  using Node = int32_t;
  static constexpr Node kEmpty = 0;  // the empty text
  static constexpr Node kNone = 1;   // no text at all
  static constexpr int32_t kNoLimit = -1;

  // The most nodes and their parts together. What exceeds it is kNone, and too_large() says so.
  static constexpr size_t kMostParts = 400'000;

  enum class Kind : uint8_t { kEmpty, kBytes, kSequence, kChoice, kRepeat, kRule };

  Grammar();

  Node Bytes(const ByteSet& set);
  Node Text(std::string_view text);
  Node Characters(const CodePoints& set);  // one character of the set, as UTF-8
  Node Sequence(std::span<const Node> parts);
  Node Sequence(std::initializer_list<Node> parts) {
    return Sequence(std::span(parts.begin(), parts.size()));
  }
  Node Choice(std::span<const Node> alternatives);
  Node Choice(std::initializer_list<Node> alternatives) {
    return Choice(std::span(alternatives.begin(), alternatives.size()));
  }
  Node Repeat(Node part, int32_t least, int32_t most);  // most: or kNoLimit
  Node Optional(Node part) { return Repeat(part, 0, 1); }

  // Returns a rule whose body Define gives later, once.
  Node Declare();
  void Define(Node rule, Node body);

  // Ends the building. Finds which nodes have any text, and which bytes no node tells apart.
  void Finish(Node root);

  Node root() const { return root_; }
  bool too_large() const { return too_large_; }
  bool has_texts() const { return HasTexts(root_); }

  // About the bytes of memory that it takes.
  size_t bytes() const;

  // After Finish.
  bool HasTexts(Node node) const { return has_texts_[node]; }
  int num_byte_classes() const { return num_classes_; }
  int ByteClass(uint8_t byte) const { return classes_[byte]; }

  Kind kind(Node node) const { return nodes_[node].kind; }
  const ByteSet& bytes(Node node) const { return sets_[nodes_[node].first]; }
  std::span<const Node> parts(Node node) const { return PartsOf(nodes_[node]); }
  int32_t least(Node node) const { return nodes_[node].least; }
  int32_t most(Node node) const { return nodes_[node].most; }

 private:
  struct NodeData {
    Kind kind;
    int32_t first = 0;  // of parts_, or an index of sets_
    int32_t size = 0;   // parts
    int32_t least = 0;  // of kRepeat
    int32_t most = 0;
  };

  std::span<const Node> PartsOf(const NodeData& node) const {
    if (node.size == 0) return {};  // `first` may be of sets_
    return std::span(parts_).subspan(node.first, node.size);
  }
  Node Add(NodeData data, std::span<const Node> parts);
  bool FindHasTexts(const NodeData& node) const;
  void FindNodesWithTexts();
  void FindByteClasses();

  std::vector<NodeData> nodes_;
  std::vector<Node> parts_;
  std::vector<ByteSet> sets_;
  absl::flat_hash_map<ByteSet, Node, std::hash<ByteSet>> nodes_of_sets_;
  Node root_ = kNone;
  bool too_large_ = false;
  std::vector<bool> has_texts_;            // [nodes]
  std::array<uint8_t, 256> classes_ = {};  // by byte
  int num_classes_ = 1;
};

// Returns the set of the bytes from `first` to `last`.
ByteSet BytesBetween(uint8_t first, uint8_t last);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_GRAMMAR_H_
