#ifndef OCTET_RUNTIME_CHECKPOINT_END_TOKENS_H_
#define OCTET_RUNTIME_CHECKPOINT_END_TOKENS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace octet {

// The tokens that a file names as the first of a text and the last of an answer.
struct NamedTokens {
  std::string file;            // "config.json"
  std::optional<int32_t> bos;  // nullopt if the file names none
  std::vector<int32_t> eos;    // empty if the file names none
};

// Returns the tokens that end an answer: all that any of a model's files names and that the
// vocabulary has, sorted. If no file names one, returns those of `otherwise`. Adds a warning if the
// vocabulary lacks a token, if files disagree on the first token or the end tokens, and if the
// model has no end token.
std::vector<int32_t> JoinEndTokens(std::span<const NamedTokens> files,
                                   std::span<const int32_t> otherwise, int vocab_size,
                                   std::vector<std::string>& warnings);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_END_TOKENS_H_
