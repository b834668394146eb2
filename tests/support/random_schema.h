// Random schemas.

#ifndef OCTET_TESTS_SUPPORT_RANDOM_SCHEMA_H_
#define OCTET_TESTS_SUPPORT_RANDOM_SCHEMA_H_

#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace octet {

// A maker of schemas that use the keywords that are supported, up to some depth, and that some
// value obeys.
class RandomSchema {
 public:
  explicit RandomSchema(uint32_t seed) : random_(seed) {}

  // Returns a whole schema, with definitions that may contain themselves.
  nlohmann::ordered_json Make();

 private:
  using Json = nlohmann::ordered_json;

  Json Schema(int depth);
  Json Leaf();
  Json Filtered();
  Json String();
  Json Number();
  Json Object(int depth);
  Json Array(int depth);
  Json Combined(int depth);
  Json Conditional(int depth);
  Json Names();
  Json Without();
  std::string Name();
  bool OneIn(uint32_t n) { return random_() % n == 0; }
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }

  std::mt19937 random_;
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_RANDOM_SCHEMA_H_
