#ifndef OCTET_RUNTIME_CHECKPOINT_CONFIG_READER_H_
#define OCTET_RUNTIME_CHECKPOINT_CONFIG_READER_H_

#include <absl/status/status.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace octet {

// A reader of typed values from one JSON object of a configuration file. The first error becomes
// status(), with the file and the key. Later reads go on with the fallback, so the caller checks
// the status once at the end.
class ConfigReader {
 public:
  static constexpr int kMaxInt = std::numeric_limits<int>::max();

  // `where` begins every error: the file's path, and the object's key unless it is the outermost
  // one.
  ConfigReader(const nlohmann::json& object, std::string where);

  // Reads an integer from 1 to `most`. Null or absent: the optional form returns nullopt.
  int PositiveInt(const std::string& key, int fallback, int most = kMaxInt);
  std::optional<int> OptionalPositiveInt(const std::string& key, int most = kMaxInt);

  double PositiveNumber(const std::string& key, double fallback);

  // Reads a number from `least` to `most`. Returns nullopt if it is null or absent.
  std::optional<double> OptionalNumber(const std::string& key, double least, double most);
  std::optional<int> OptionalInt(const std::string& key, int least, int most);

  bool Bool(const std::string& key, bool fallback);
  std::optional<std::string> OptionalString(const std::string& key);

  // Reads ids of tokens: an integer, a list of them, or null (none). Returns nullopt if the key is
  // absent. An id that no vocabulary has is an error.
  std::optional<std::vector<int32_t>> TokenIds(const std::string& key);

  // Returns the key's value, or null if the key is absent.
  const nlohmann::json& Value(const std::string& key);
  bool Has(const std::string& key) { return !Value(key).is_null(); }
  bool IsNull(const std::string& key) { return object_.contains(key) && !Has(key); }

  // Adds a warning for each key that has not been read and is not among `harmless`. Of very many
  // keys warns only about the first ones.
  void WarnOfUnreadKeys(const std::set<std::string>& harmless,
                        std::vector<std::string>& warnings) const;

  const std::string& where() const { return where_; }

  void Fail(const std::string& key, const std::string& rule);
  void Update(const absl::Status& status) { status_.Update(status); }  // from another reader
  const absl::Status& status() const { return status_; }

 private:
  const nlohmann::json& object_;
  const nlohmann::json null_;
  std::string where_;
  std::set<std::string> asked_;
  absl::Status status_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_CONFIG_READER_H_
