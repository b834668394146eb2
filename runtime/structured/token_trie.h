// The texts of all tokens, as a tree.

#ifndef OCTET_RUNTIME_STRUCTURED_TOKEN_TRIE_H_
#define OCTET_RUNTIME_STRUCTURED_TOKEN_TRIE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/text/tokenizer.h"

namespace octet {

// Returns the bytes that each token adds to a text. Those that add none, and special ones and the
// unknown piece, which no constraint allows, have none. [vocab_size], which may be less or more
// than the tokenizer has. at_start: the token is the first of a text, and so may lose its space.
std::vector<std::string> TokenBytes(const Tokenizer& tokenizer, int64_t vocab_size, bool at_start);

// Returns whether each byte is a token below vocab_size. Then any text can be written.
bool HasTokenOfEachByte(const Tokenizer& tokenizer, int64_t vocab_size);

// A trie of the tokens' bytes, in the order in which a walk meets its nodes.
class TokenTrie {
 public:
  struct Node {
    uint8_t byte;
    int16_t depth;        // from 1
    int32_t skip;         // the next node that is not below this one
    int32_t first_token;  // of tokens(); those that end here
    int32_t num_tokens;
  };

  // token_bytes: [vocab_size]
  explicit TokenTrie(std::span<const std::string> token_bytes);

  std::span<const Node> nodes() const { return nodes_; }
  std::span<const int32_t> tokens(const Node& node) const {
    return std::span(tokens_).subspan(node.first_token, node.num_tokens);
  }
  int max_depth() const { return max_depth_; }
  int32_t vocab_size() const { return vocab_size_; }

 private:
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;
  int max_depth_ = 0;
  int32_t vocab_size_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_TOKEN_TRIE_H_
