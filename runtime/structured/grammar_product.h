// Texts that several grammars have at once.

#ifndef OCTET_RUNTIME_STRUCTURED_GRAMMAR_PRODUCT_H_
#define OCTET_RUNTIME_STRUCTURED_GRAMMAR_PRODUCT_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>

#include "runtime/structured/grammar.h"

namespace octet {

struct GrammarFactor {
  const Grammar* grammar;    // finished; without rules that use themselves except as a last part
  bool is_excluded = false;  // its texts are those that are not meant
};

// Adds the texts that all factors have, and that no excluded one has. One factor at least must not
// be excluded. num_states_left is lessened by the states that the product takes. Errors say that
// these are too many.
absl::StatusOr<Grammar::Node> AddProduct(std::span<const GrammarFactor> factors,
                                         int32_t& num_states_left, Grammar& grammar);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_GRAMMAR_PRODUCT_H_
