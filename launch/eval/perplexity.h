// octet perplexity: how well a model predicts a text.

#ifndef OCTET_LAUNCH_EVAL_PERPLEXITY_H_
#define OCTET_LAUNCH_EVAL_PERPLEXITY_H_

#include <memory>

#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddPerplexity(CommandLine& parent);

}  // namespace octet

#endif  // OCTET_LAUNCH_EVAL_PERPLEXITY_H_
