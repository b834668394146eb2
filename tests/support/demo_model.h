// The model of the demo, and tokenizers from files that must be there.

#ifndef OCTET_TESTS_SUPPORT_DEMO_MODEL_H_
#define OCTET_TESTS_SUPPORT_DEMO_MODEL_H_

#include <string>

#include "runtime/text/tokenizer.h"

namespace octet {

inline constexpr char kDemoModel[] = OCTET_SOURCE_DIR "/launch/demo/model";

// Fails the test where it can't be loaded.
Tokenizer LoadTokenizerOrDie(const std::string& path);
Tokenizer DemoTokenizer();

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_DEMO_MODEL_H_
