#include "launch/files/proto_text.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include "kernels/base/check.h"
#include "launch/console/one_line.h"
#include "runtime/io/strict_json.h"
#include "runtime/io/utf8.h"

namespace octet {
namespace {

constexpr int kMostDepth = 64;

// Returns the first line of protobuf's message, made safe: it repeats parts of the input, which may
// be anything.
std::string FirstLine(const std::string& text) {
  return OneLine(Shortened(text.substr(0, text.find('\n'))));
}

class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat(line + 1, ":", column + 1, ": ", FirstLine(message));
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

absl::Status ParseTextProto(const std::string& text, google::protobuf::Message& message) {
  if (!IsUtf8(text)) return absl::InvalidArgumentError("1:1: this is not UTF-8 text");
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.SetRecursionLimit(kMostDepth);
  if (parser.ParseFromString(text, &message)) return absl::OkStatus();
  return absl::InvalidArgumentError(error.text());
}

std::string TextOf(const google::protobuf::Message& message) {
  std::string text;
  OCTET_CHECK(google::protobuf::TextFormat::PrintToString(message, &text));
  return text;
}

absl::Status ParseJsonProto(const std::string& json, google::protobuf::Message& message) {
  // Protobuf's own message about bad JSON has several lines and repeats the input.
  const auto parsed = ParseStrictJson(json, "");
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(std::string(parsed.status().message()).substr(2));
  }
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(FirstLine(status.message().ToString()));
}

}  // namespace octet
