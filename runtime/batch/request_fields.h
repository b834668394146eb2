// The fields of a JSON object, taken one by one.

#ifndef OCTET_RUNTIME_BATCH_REQUEST_FIELDS_H_
#define OCTET_RUNTIME_BATCH_REQUEST_FIELDS_H_

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/batch/batch_request.h"
#include "runtime/batch/lax_values.h"

namespace octet {

inline constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();

// The findings from one line.
struct Findings {
  bool lenient = false;               // RequestLimits::lenient
  std::optional<RequestError> error;  // the first
  std::vector<std::string> ignored;   // unknown fields, if lenient
  std::vector<std::string> notes;     // for the user
};

// A reader that takes the fields of one object. Null counts as absent, as in OpenAI's interface.
// Numbers and switches are read as in vLLM (lax_values.h). A fault of a field goes into the
// findings, and the field then counts as absent.
class Fields {
 public:
  // `prefix` precedes each field's name in errors. All arguments must outlive this object.
  Fields(const Json& object, std::string_view prefix, Findings& findings);

  const Json* Take(std::string_view key);
  std::optional<int64_t> TakeInteger(std::string_view key, int64_t least, int64_t most);
  std::optional<float> TakeFloat(std::string_view key, float least, float most);
  std::optional<float> TakePositiveFloat(std::string_view key, float most);
  std::optional<bool> TakeBool(std::string_view key);
  std::optional<std::string> TakeString(std::string_view key);
  const Json* TakeArray(std::string_view key);
  const Json* TakeObject(std::string_view key);

  // Reports that the field breaks `rule`, which follows its name in the message: "must be a
  // string".
  void Fail(std::string_view key, std::string_view rule, std::string_view code = "invalid_value");
  void FailMissing(std::string_view key);

  // Reports that the well-formed field asks for something that is not served. That is an error also
  // if lenient, because the answer would not be the one that was asked for.
  void Refuse(std::string_view key, std::string_view rule,
              std::string_view code = "unsupported_value");

  // Returns the field, unless it is null or was already taken.
  const Json* TakeLeft(std::string_view key);

  // Refuses each field that was not taken, as unknown. If lenient, ignores it.
  void RefuseRest();

  // Adds a note for the user, though the request is served. An empty text adds none.
  void Note(const std::string& text);

  bool ok() const { return !findings_.error; }  // nothing is wrong with the line so far
  Findings& findings() const { return findings_; }

 private:
  bool IsTaken(const Json& value) const;

  // Returns null if there is no such field, or its value is null.
  const Json* Find(std::string_view key) const;

  const Json& object_;
  std::string_view prefix_;
  Findings& findings_;
  absl::flat_hash_set<const Json*> taken_;
  absl::flat_hash_map<std::string_view, const Json*> by_name_;  // of an object with many fields
};

// Returns the name of an element of a list for errors: "messages[2]".
std::string Element(const std::string& list, size_t index);

// Returns the value of a token id in [0, vocab_size), or nullopt.
std::optional<int32_t> TokenId(const Json& value, int64_t vocab_size);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_REQUEST_FIELDS_H_
