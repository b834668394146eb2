// The fields of a request that change nothing here.

#ifndef OCTET_RUNTIME_BATCH_INERT_FIELDS_H_
#define OCTET_RUNTIME_BATCH_INERT_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// Takes what clients send out of habit: labels, and switches in the position that asks for nothing.
// Another position is refused. After "n".
void TakeInertFields(Fields& body, const BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_INERT_FIELDS_H_
