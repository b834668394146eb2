#include "runtime/batch/error_lines.h"

#include <absl/strings/numbers.h>

#include "runtime/io/line_reader.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using nlohmann::json;

std::string TextAt(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// Returns the number of the line of the input, from "batch_req_N", or 0 if there is none.
int64_t InputLine(const json& result) {
  const std::string id = TextAt(result, "id");
  int64_t line = 0;
  return absl::SimpleAtoi(id.substr(id.rfind('_') + 1), &line) ? line : 0;
}

}  // namespace

// Texts inside a line can have only escaped quotes.
bool IsAnswerLine(std::string_view line) {
  return line.find(R"("response":{"status_code":200,)") != std::string_view::npos;
}

absl::StatusOr<RefusalSummary> ReadErrorLines(FileSystem& files, const std::string& output,
                                              const std::function<void()>& advance) {
  absl::StatusOr<LineReader> reader = LineReader::Open(files, {output});
  if (!reader.ok()) return reader.status();
  RefusalSummary summary;
  std::string line;
  while (true) {
    const absl::StatusOr<LineReader::Result> read = reader->Next(line);
    if (!read.ok()) return read.status();
    if (*read == LineReader::Result::kEnd) return summary;
    advance();
    if (*read != LineReader::Result::kLine || IsAnswerLine(line)) continue;
    const absl::StatusOr<json> result = ParseStrictJson(line, output);
    if (!result.ok()) return result.status();
    const auto error = result->is_object() ? result->find("error") : result->end();
    if (error == result->end() || !error->is_object()) continue;
    summary.Add(InputLine(*result),
                {.message = TextAt(*error, "message"), .code = TextAt(*error, "code")});
  }
}

}  // namespace octet
