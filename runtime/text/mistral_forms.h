// Mistral's own ways of writing a conversation, for models that bring no template.

#ifndef OCTET_RUNTIME_TEXT_MISTRAL_FORMS_H_
#define OCTET_RUNTIME_TEXT_MISTRAL_FORMS_H_

#include <string>

namespace octet {

// Mixtral 8x7B Instruct's: `<s> [INST] … [/INST] …</s>`, of which only <s> and </s> are control
// tokens. System messages stand before the first user's text. Form: mistral-common, the v1
// tokenizer.
std::string MistralV1Form();

// Mixtral 8x22B Instruct's, whose vocabulary has control tokens [INST] and [/INST]. System messages
// stand before the last user's text. Form: mistral-common, the v3 tokenizer.
std::string MistralV3Form();

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_MISTRAL_FORMS_H_
