#include "runtime/batch/constraint_fields.h"

#include "tests/support/batch_request_fixture.h"

namespace octet::request_lines {
namespace {

class ConstraintFieldsTest : public BatchRequestFixture {
 protected:
  // What both endpoints read of these fields.
  AnswerConstraint Constraint(const std::string& fields) const {
    const SamplingParams params = Accept(CompletionsWith(fields)).params;
    const SamplingParams of_chat = Accept(ChatWith(fields)).params;
    EXPECT_EQ(of_chat.constraint().SerializeAsString(), params.constraint().SerializeAsString());
    EXPECT_EQ(params.has_constraint(), params.constraint().kind_case() != 0) << fields;
    return params.constraint();
  }

  void ExpectBothRefuse(const std::string& fields, const std::string& param,
                        const std::string& code, const std::string& message) const {
    ExpectRefused(CompletionsWith(fields), param, code, message);
    ExpectRefused(ChatWith(fields), param, code, message);
  }
};

constexpr char kCar[] =
    R"({"type": "object", "properties": {"brand": {"type": "string"}}, "required": ["brand"]})";

TEST_F(ConstraintFieldsTest, HaveTheNamesOfVllm) {
  AnswerConstraint choice =
      Constraint(R"("structured_outputs": {"choice": ["positive", "negative"]})");
  EXPECT_EQ(choice.choice().text(1), "negative");
  EXPECT_EQ(Constraint(R"("guided_choice": ["yes", "no"])").choice().text(0), "yes");
  EXPECT_EQ(Constraint(R"("structured_outputs": {"regex": "a+"})").regex(), "a+");
  EXPECT_EQ(Constraint(R"("guided_regex": "\\w+@\\w+\\.com\\n")").regex(), "\\w+@\\w+\\.com\\n");
  EXPECT_TRUE(Constraint(R"("structured_outputs": {"json_object": true})").json_object());
  EXPECT_TRUE(Constraint(R"("guided_json_object": true)").json_object());
  const std::string schema = nlohmann::ordered_json::parse(kCar).dump();
  EXPECT_EQ(Constraint(absl::StrCat(R"("structured_outputs": {"json": )", kCar, "}")).json_schema(),
            schema);
  EXPECT_EQ(Constraint(absl::StrCat(R"("guided_json": )", kCar)).json_schema(), schema);
  EXPECT_EQ(Constraint(R"("guided_json": "{\"type\": \"null\"}")").json_schema(),
            R"({"type": "null"})");
}

TEST_F(ConstraintFieldsTest, HaveTheNamesOfOpenAi) {
  EXPECT_TRUE(Constraint(R"("response_format": {"type": "json_object"})").json_object());
  EXPECT_EQ(Constraint(R"("response_format": {"type": "json_schema", "json_schema": {"name": "car",
                          "description": "d", "strict": true, "schema": {"type": "null"}}})")
                .json_schema(),
            R"({"type":"null"})");
}

TEST_F(ConstraintFieldsTest, MayAskForNothing) {
  for (const char* fields :
       {R"("response_format": {"type": "text"})", R"("structured_outputs": {})",
        R"("structured_outputs": {"json": null, "json_object": false, "disable_fallback": true})",
        R"("guided_json": null, "guided_json_object": false, "guided_whitespace_pattern": "x")",
        R"("response_format": {"type": "text", "json_schema": null})", R"("bad_words": [])"}) {
    EXPECT_FALSE(Accept(CompletionsWith(fields)).params.has_constraint()) << fields;
    EXPECT_FALSE(Accept(ChatWith(fields)).params.has_constraint()) << fields;
  }
}

TEST_F(ConstraintFieldsTest, HaveAForm) {
  EXPECT_TRUE(Constraint(R"("structured_outputs": {"json_object": true,
                            "disable_any_whitespace": true})")
                  .is_compact());
  EXPECT_TRUE(Constraint(R"("guided_json": {"type": "object"},
                            "guided_decoding_disable_additional_properties": true)")
                  .without_additional_properties());
}

TEST_F(ConstraintFieldsTest, NameWhatIsNotServed) {
  const std::string name = "structured_outputs.json";
  ExpectBothRefuse(R"("structured_outputs": {"json": {"contains": {}}})", name, "unsupported_value",
                   "keyword \"contains\" is not supported");
  ExpectBothRefuse(R"("guided_json": {"items": {"contains": {}}})", "guided_json",
                   "unsupported_value", "keyword \"contains\" is not supported");
  ExpectBothRefuse(R"("structured_outputs": {"json": {"type": "x"}})", name, "invalid_value",
                   "keyword \"type\" must be");
  ExpectBothRefuse(R"("structured_outputs": {"json": "{"})", name, "invalid_value", "the schema");
  ExpectBothRefuse(R"("structured_outputs": {"regex": "(a)\\1"})", "structured_outputs.regex",
                   "invalid_value", "has the escape \\1");
  for (const char* key : {"grammar", "structural_tag", "whitespace_pattern"}) {
    ExpectBothRefuse(absl::StrCat(R"("structured_outputs": {")", key, R"(": "root"})"),
                     absl::StrCat("structured_outputs.", key), "unsupported_value", "not served");
  }
  ExpectBothRefuse(R"("structured_outputs": {"unheard": 1})", "structured_outputs.unheard",
                   "unknown_parameter", "");
  ExpectBothRefuse(R"("guided_grammar": "root")", "guided_grammar", "unsupported_value", "");
  ExpectBothRefuse(R"("guided_json": {}, "guided_whitespace_pattern": " ")",
                   "guided_whitespace_pattern", "unsupported_value", "");
  ExpectBothRefuse(R"("response_format": {"type": "structural_tag", "structures": [{"begin": "<f>",
                      "schema": {"type": "object"}, "end": "</f>"}], "triggers": ["<f"]})",
                   "response_format.type", "unsupported_value",
                   "'structural_tag' is not served by this version");
  ExpectBothRefuse(R"("response_format": {"type": "grammar"})", "response_format.type",
                   "unsupported_value", "'json_schema'");
  ExpectBothRefuse(R"("response_format": {})", "response_format.type", "unsupported_value", "");
}

TEST_F(ConstraintFieldsTest, HaveRules) {
  ExpectBothRefuse(R"("response_format": "text")", "response_format", "invalid_value", "an object");
  ExpectBothRefuse(R"("response_format": {"type": "json_schema"})", "response_format.json_schema",
                   "missing_required_parameter", "");
  ExpectBothRefuse(R"("response_format": {"type": "json_schema", "json_schema": {"name": "x"}})",
                   "response_format.json_schema.schema", "missing_required_parameter", "");
  ExpectBothRefuse(R"("guided_choice": [])", "guided_choice", "invalid_value", "empty");
  ExpectBothRefuse(R"("guided_choice": [1])", "guided_choice", "invalid_value", "list of texts");
  ExpectBothRefuse(R"("guided_choice": ["a"], "guided_regex": "a")", "guided_regex",
                   "invalid_value", "and 'guided_choice' are two constraints");
  ExpectBothRefuse(R"("structured_outputs": {"regex": "a", "json_object": true})",
                   "structured_outputs.json_object", "invalid_value",
                   "and 'structured_outputs.regex' are two constraints");
  ExpectBothRefuse(R"("structured_outputs": {"regex": "a"},
                      "response_format": {"type": "json_object"})",
                   "response_format.type", "invalid_value", "are two constraints");
}

TEST_F(ConstraintFieldsTest, HaveNoOtherAllowedTokens) {
  ExpectBothRefuse(R"("guided_regex": "a", "allowed_token_ids": [7])", "allowed_token_ids",
                   "unsupported_value", "can't be combined with 'guided_regex'");
}

TEST_F(ConstraintFieldsTest, NeedTokens) {
  limits_.has_end_token = false;
  ExpectRefused(CompletionsWith(R"("guided_regex": "a")"), "guided_regex", "unsupported_value",
                "ends an answer");
  Accept(CompletionsWith(R"("guided_regex": "a", "stop_token_ids": [7])"));
  limits_.vocab_size = 100;
  ExpectRefused(CompletionsWith(R"("guided_regex": "a")"), "guided_regex", "unsupported_value",
                "no token for some bytes");
  limits_.tokenizer = nullptr;
  ExpectRefused(CompletionsWith(R"("guided_regex": "a")"), "guided_regex", "unsupported_value",
                "no tokenizer");
}

TEST_F(ConstraintFieldsTest, BadWords) {
  const SamplingParams params =
      Accept(CompletionsWith(R"("bad_words": [" the", "the end"])")).params;
  std::vector<std::string> words;
  for (const TokenList& word : params.bad_words()) {
    words.push_back(tokenizer_.Decode(std::vector<int32_t>(word.ids().begin(), word.ids().end())));
  }
  EXPECT_THAT(words, testing::IsSupersetOf({"the", "the end"}));
  ExpectBothRefuse(R"("bad_words": "the")", "bad_words", "invalid_value", "a list");
  ExpectBothRefuse(R"("bad_words": ["a", " "])", "bad_words[1]", "invalid_value", "empty");
  ExpectBothRefuse(R"("bad_words": [1])", "bad_words[0]", "invalid_value", "a text");
}

}  // namespace
}  // namespace octet::request_lines
