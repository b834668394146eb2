// What a template does with the content of messages.

#ifndef OCTET_RUNTIME_TEXT_JINJA_CONTENT_H_
#define OCTET_RUNTIME_TEXT_JINJA_CONTENT_H_

#include "runtime/text/jinja/ast.h"

namespace octet::jinja {

// Template::WalksOverContent. By names alone, as vLLM's vllm/renderers/hf.py: scopes don't
// count, and a loop or assignment that takes such a value apart makes the answer false.
bool WalksOverContent(const Body& body);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_CONTENT_H_
