// Mistral's own forms of a conversation, for models without a template.

#ifndef OCTET_RUNTIME_TEXT_MISTRAL_FORMS_H_
#define OCTET_RUNTIME_TEXT_MISTRAL_FORMS_H_

#include <string>

namespace octet {

// Returns the form of Mixtral 8x7B Instruct: `<s> [INST] … [/INST] …</s>`, of which only <s> and
// </s> are control tokens. System messages precede the first user's text. Source: mistral-common,
// the v1 tokenizer.
std::string MistralV1Form();

// Returns the form of Mixtral 8x22B Instruct, whose vocabulary has control tokens [INST] and
// [/INST]. System messages precede the last user's text. Source: mistral-common, the v3 tokenizer.
std::string MistralV3Form();

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_MISTRAL_FORMS_H_
