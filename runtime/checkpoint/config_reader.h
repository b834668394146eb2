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

// Typed reads from one JSON object of a configuration file. The first thing that is wrong becomes
// status(), naming file and key; reads go on with the fallback, so that the caller asks once at the
// end.
class ConfigReader {
 public:
  static constexpr int kMaxInt = std::numeric_limits<int>::max();

  // `where` begins every error: the file's path, and the object's key where it is not the
  // outermost.
  ConfigReader(const nlohmann::json& object, std::string where);

  // From 1 to `most`. Null or absent: nullopt, where it is optional.
  int PositiveInt(const std::string& key, int fallback, int most = kMaxInt);
  std::optional<int> OptionalPositiveInt(const std::string& key, int most = kMaxInt);

  double PositiveNumber(const std::string& key, double fallback);

  // From `least` to `most`; null or absent: nullopt.
  std::optional<double> OptionalNumber(const std::string& key, double least, double most);
  std::optional<int> OptionalInt(const std::string& key, int least, int most);

  bool Bool(const std::string& key, bool fallback);
  std::optional<std::string> OptionalString(const std::string& key);

  // Ids of tokens: an integer, a list of them, or null (none); nullopt where the key is absent. An
  // id that no vocabulary has is an error.
  std::optional<std::vector<int32_t>> TokenIds(const std::string& key);

  // The key's value; null where it is absent.
  const nlohmann::json& Value(const std::string& key);
  bool Has(const std::string& key) { return !Value(key).is_null(); }
  bool IsNull(const std::string& key) { return object_.contains(key) && !Has(key); }

  // Adds a warning for each key that nobody has asked for so far and that is not among `harmless`;
  // of very many only the first ones.
  void WarnOfUnreadKeys(const std::set<std::string>& harmless,
                        std::vector<std::string>& warnings) const;

  const std::string& where() const { return where_; }

  void Fail(const std::string& key, const std::string& rule);
  void Update(const absl::Status& status) { status_.Update(status); }  // as found by another reader
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
