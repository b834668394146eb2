// The draw of a token from its logits.

#ifndef OCTET_KERNELS_BASE_TOKEN_DRAW_H_
#define OCTET_KERNELS_BASE_TOKEN_DRAW_H_

#include "kernels/base/token_filter.h"

namespace octet {

// How a token is drawn from a row of logits: softmax(logits * scale), the filter, and the token at
// which the cumulative probability passes `u`. The default is the greatest logit; among equal ones,
// the token with the lowest id.
struct TokenDraw {
  float scale = 0;           // 1 / temperature; 0: the greatest logit
  TokenFilterParams filter;  // not used if the scale is 0
  double u = 0;              // a multiple of 2^-53, 0 <= u < 1
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_TOKEN_DRAW_H_
