// One line of a batch: a request in OpenAI's form, with vLLM's extras.

#ifndef OCTET_RUNTIME_BATCH_BATCH_LINE_H_
#define OCTET_RUNTIME_BATCH_BATCH_LINE_H_

#include <nlohmann/json.hpp>
#include <string>

#include "runtime/batch/batch_request.h"

namespace octet {

// Parses a line. It never fails as a whole: a line that cannot be served gives a RequestError.
ParsedLine ParseBatchLine(const std::string& line, const RequestLimits& limits);

// The same for the body of a request to an endpoint.
ParsedLine ParseRequestBody(const nlohmann::ordered_json& body, Endpoint endpoint,
                            const RequestLimits& limits);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_BATCH_LINE_H_
