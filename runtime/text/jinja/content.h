// The use of messages' content by a template.

#ifndef OCTET_RUNTIME_TEXT_JINJA_CONTENT_H_
#define OCTET_RUNTIME_TEXT_JINJA_CONTENT_H_

#include "runtime/text/jinja/ast.h"

namespace octet::jinja {

// Implements Template::WalksOverContent. Goes by names alone, as vLLM's vllm/renderers/hf.py does:
// ignores scopes. A loop or assignment that takes such a value apart makes the answer false.
bool WalksOverContent(const Body& body);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_CONTENT_H_
