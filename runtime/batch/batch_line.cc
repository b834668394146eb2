#include "runtime/batch/batch_line.h"

#include <absl/strings/str_cat.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "runtime/batch/chat_fields.h"
#include "runtime/batch/constraint_fields.h"
#include "runtime/batch/inert_fields.h"
#include "runtime/batch/length_fields.h"
#include "runtime/batch/prompt_fields.h"
#include "runtime/batch/request_fields.h"
#include "runtime/batch/sampling_fields.h"
#include "runtime/batch/truncation_fields.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

void CheckModel(const RequestLimits& limits, Fields& body) {
  const std::optional<std::string> model = body.TakeString("model");
  if (limits.served_model_name.empty() || !model || *model == limits.served_model_name) return;
  body.Fail("model",
            "is " + Quoted(*model) + "; this run serves " + Quoted(limits.served_model_name),
            "model_not_found");
}

// Takes the fields that say what results show beside the answers' text.
void TakeOutput(Fields& body, BatchRequest& request) {
  if (request.endpoint == Endpoint::kCompletions) {
    request.echo = body.TakeBool("echo").value_or(false);
  }
  request.include_stop_text = body.TakeBool("include_stop_str_in_output").value_or(false);
  request.return_token_ids = body.TakeBool("return_token_ids").value_or(false);
}

// Takes the home of the request. The field exists only if it was allowed.
void TakeHome(const RequestLimits& limits, Fields& body, BatchRequest& request) {
  if (limits.home_slots.empty()) return;
  const std::optional<int64_t> home =
      body.TakeInteger("home", 0, std::ssize(limits.home_slots) - 1);
  if (!home) return;
  if (limits.home_slots[*home] == 0) {
    return body.Fail("home", absl::StrCat("is ", *home, "; --max-num-seqs or --max-num-batched-",
                                          "tokens leaves that rank no sequences"));
  }
  request.home = static_cast<int32_t>(*home);
}

void ReadBody(const Json& object, const RequestLimits& limits, Findings& findings,
              BatchRequest& request) {
  Fields body(object, "", findings);
  CheckModel(limits, body);
  TakeOutput(body, request);
  TakeTruncation(body, request);
  if (request.endpoint == Endpoint::kCompletions) {
    TakePrompts(limits, body, request);
  } else {
    TakeConversation(limits, body, request);
  }
  TakeSampling(limits, body, request);
  TakeStop(limits, body, request);
  TakeConstraint(limits, body, request);
  TakeBadWords(limits, body, request);
  TakeLogprobs(body, request);
  TakeLengths(limits, body, request);
  TakeHome(limits, body, request);
  TakeInertFields(body, request);
  body.RefuseRest();
}

std::optional<Endpoint> ParseEndpoint(const std::string& url) {
  if (url == "/v1/completions") return Endpoint::kCompletions;
  if (url == "/v1/chat/completions") return Endpoint::kChatCompletions;
  return std::nullopt;
}

BatchRequest ReadRequest(Fields& line, const RequestLimits& limits) {
  BatchRequest request;
  if (line.TakeString("method").value_or("POST") != "POST") line.Fail("method", "must be POST");
  const std::optional<Endpoint> endpoint = ParseEndpoint(line.TakeString("url").value_or(""));
  if (!endpoint) line.Fail("url", "must be /v1/completions or /v1/chat/completions", "invalid_url");
  const Json* body = line.Take("body");
  if (body == nullptr || !body->is_object()) line.Fail("body", "must be an object");
  // Other keys are the client's own.
  if (!line.ok()) return request;
  request.endpoint = *endpoint;
  ReadBody(*body, limits, line.findings(), request);
  return request;
}

void TakeCustomId(Fields& line, ParsedLine& parsed) {
  const Json* id = line.Take("custom_id");
  if (id == nullptr) return line.FailMissing("custom_id");
  parsed.has_custom_id = id->is_string();
  if (parsed.has_custom_id) {
    parsed.custom_id = id->get<std::string>();
    return;
  }
  if (id->is_number()) parsed.custom_id = id->dump();
  line.Fail("custom_id", "must be a string");
}

RequestError NoRequest(const std::string& message) {
  return {.message = message, .param = "", .code = "invalid_json"};
}

void SetRequest(BatchRequest request, Findings findings, ParsedLine& parsed) {
  if (findings.error) {
    parsed.request = *std::move(findings.error);
  } else {
    request.custom_id = parsed.custom_id;
    parsed.request = std::move(request);
  }
  parsed.ignored_fields = std::move(findings.ignored);
  parsed.notes = std::move(findings.notes);
}

}  // namespace

ParsedLine ParseBatchLine(const std::string& line, const RequestLimits& limits) {
  const absl::StatusOr<Json> object = ParseOrderedJson(line, "line");
  if (!object.ok()) return {.request = NoRequest(std::string(object.status().message()))};
  if (!object->is_object()) return {.request = NoRequest("a line must be one JSON object")};
  Findings findings = {.lenient = limits.lenient};
  Fields fields(*object, "", findings);
  ParsedLine parsed;
  TakeCustomId(fields, parsed);
  BatchRequest request = ReadRequest(fields, limits);
  SetRequest(std::move(request), std::move(findings), parsed);
  return parsed;
}

ParsedLine ParseRequestBody(const nlohmann::ordered_json& body, Endpoint endpoint,
                            const RequestLimits& limits) {
  Findings findings = {.lenient = limits.lenient};
  BatchRequest request;
  request.endpoint = endpoint;
  ReadBody(body, limits, findings, request);
  ParsedLine parsed;
  SetRequest(std::move(request), std::move(findings), parsed);
  return parsed;
}

}  // namespace octet
