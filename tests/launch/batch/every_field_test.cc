// Each field of a request by its effect: two requests that differ in it alone.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <sstream>

#include "runtime/io/file.h"
#include "runtime/text/tokenizer.h"
#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/sentencepiece_model.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::StartsWith;

constexpr char kText[] = "And the LORD said unto";

// What is asserted of the bodies without and with the field.
using Check = std::function<void(const json& without, const json& with)>;

struct FieldCase {
  std::string field;
  json base;  // the body without it
  json value;
  Check check;
};

json Choice(const json& body) { return body["choices"][0]; }
std::string Text(const json& body) { return Choice(body)["text"]; }
std::vector<int> Ids(const json& body) { return Choice(body)["token_ids"]; }
size_t NumDistinct(const json& body) {
  const std::vector<int> ids = Ids(body);
  return std::set(ids.begin(), ids.end()).size();
}

json Completion(json extra = json::object()) {
  json body = {
      {"prompt", kText}, {"max_tokens", 20}, {"temperature", 0}, {"return_token_ids", true}};
  body.update(extra);
  return body;
}

json Chat(json extra = json::object()) {
  json body = {{"messages", {{{"role", "user"}, {"content", "Who art thou?"}}}},
               {"max_tokens", 12},
               {"temperature", 0}};
  body.update(extra);
  return body;
}

void Differ(const json& without, const json& with) { EXPECT_NE(Ids(with), Ids(without)); }
void AreTheSame(const json& without, const json& with) { EXPECT_EQ(with, without); }

// Sampling at a high temperature that a filter makes greedy.
Check BecomesGreedy(const std::vector<int>& greedy) {
  return [greedy](const json& without, const json& with) {
    EXPECT_NE(Ids(without), greedy);
    EXPECT_EQ(Ids(with), greedy);
  };
}

// Answers of one job, by custom_id.
std::map<std::string, json> RunJob(const std::map<std::string, json>& bodies) {
  const std::string directory = TestDirectory();
  std::string lines;
  for (const auto& [id, body] : bodies) {
    const char* url = body.contains("messages") ? "/v1/chat/completions" : "/v1/completions";
    lines +=
        json{{"custom_id", id}, {"method", "POST"}, {"url", url}, {"body", body}}.dump() + "\n";
  }
  WriteFile(directory + "/in.jsonl", lines);
  const ProcessResult result = RunOctet(2, "run-batch -i " + directory + "/in.jsonl -o " +
                                               directory + "/out.jsonl --model " + kDemoModel);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  std::map<std::string, json> answers;
  std::stringstream output(ReadFile(directory + "/out.jsonl"));
  for (std::string line; std::getline(output, line);) {
    const json answer = ParseJson(line);
    EXPECT_EQ(answer["response"]["status_code"], 200) << line;
    json body = answer["response"]["body"];
    body.erase("id");  // of the line
    answers[answer["custom_id"]] = body;
  }
  return answers;
}

class EveryFieldTest : public testing::Test {
 protected:
  // Runs all cases as one job.
  static void Expect(const std::vector<FieldCase>& cases) {
    std::map<std::string, json> bodies;
    for (size_t i = 0; i < cases.size(); ++i) {
      json with = cases[i].base;
      with[cases[i].field] = cases[i].value;
      bodies[std::to_string(i) + " without"] = cases[i].base;
      bodies[std::to_string(i) + " with"] = with;
    }
    const std::map<std::string, json> answers = RunJob(bodies);
    ASSERT_EQ(answers.size(), bodies.size());
    for (size_t i = 0; i < cases.size(); ++i) {
      SCOPED_TRACE(cases[i].field + " " + cases[i].value.dump());
      cases[i].check(answers.at(std::to_string(i) + " without"),
                     answers.at(std::to_string(i) + " with"));
    }
  }

  // What the model says when nothing is asked of it.
  const json plain_ = RunJob({{"plain", Completion()}}).at("plain");
  const std::vector<int> greedy_ = Ids(plain_);
  const std::string text_ = Text(plain_);
  const std::vector<int> prompt_ids_ = Choice(plain_)["prompt_token_ids"];
};

TEST_F(EveryFieldTest, Prompts) {
  const auto same_answer = [&](const json&, const json& with) { EXPECT_EQ(Ids(with), greedy_); };
  const auto two_answers = [&](const json&, const json& with) {
    ASSERT_EQ(with["choices"].size(), 2U);
    EXPECT_EQ(with["choices"][1]["index"], 1);
    EXPECT_NE(with["choices"][0]["token_ids"], json(greedy_));
    EXPECT_EQ(with["choices"][1]["token_ids"], json(greedy_));
    EXPECT_EQ(with["usage"]["completion_tokens"], 40);
  };
  const json other = Completion({{"prompt", "Another"}});
  Expect({
      {"prompt", other, kText, same_answer},
      {"prompt", other, prompt_ids_, same_answer},
      {"prompt", other, {kText}, same_answer},
      {"prompt", other, {"Another", kText}, two_answers},
      {"prompt", other, {{1, 300, 301}, prompt_ids_}, two_answers},
  });
}

TEST_F(EveryFieldTest, PromptsThatAreCut) {
  const json last(std::vector<int>(prompt_ids_.end() - 3, prompt_ids_.end()));
  Expect({
      {"truncate_prompt_tokens", Completion(), 3,
       [&](const json& without, const json& with) {
         EXPECT_EQ(Choice(with)["prompt_token_ids"], last);
         EXPECT_NE(Ids(with), Ids(without));
         EXPECT_EQ(with["usage"]["prompt_tokens"], 3);
       }},
      {"truncate_prompt_tokens", Completion({{"echo", true}, {"max_tokens", 0}}), 3,
       [&](const json& without, const json& with) {
         EXPECT_EQ(Text(without), kText);
         EXPECT_THAT(kText, testing::EndsWith(Text(with)));
         EXPECT_LT(Text(with).size(), Text(without).size());
       }},
      {"truncate_prompt_tokens", Completion(), -1, AreTheSame},
      {"truncate_prompt_tokens", Chat({{"return_token_ids", true}}), 2,
       [](const json&, const json& with) { EXPECT_EQ(with["prompt_token_ids"].size(), 2U); }},
  });
}

TEST_F(EveryFieldTest, Lengths) {
  const auto has = [](size_t tokens) {
    return [tokens](const json& without, const json& with) {
      EXPECT_NE(Ids(without).size(), tokens);
      EXPECT_EQ(Ids(with).size(), tokens);
      EXPECT_EQ(with["usage"]["completion_tokens"], tokens);
      EXPECT_EQ(Choice(with)["finish_reason"], "length");
    };
  };
  json unset = Completion();
  unset.erase("max_tokens");
  const json stops_at_once = Completion({{"stop_token_ids", {greedy_[0]}}});
  Expect({
      {"max_tokens", Completion(), 7, has(7)},
      {"max_completion_tokens", unset, 9, has(9)},
      {"min_tokens", stops_at_once, 6,
       [&](const json& without, const json& with) {
         EXPECT_EQ(Ids(without).size(), 1U);
         ASSERT_GE(Ids(with).size(), 6U);
         const std::vector<int> ids = Ids(with);
         EXPECT_EQ(std::count(ids.begin(), ids.begin() + 6, greedy_[0]), 0);
       }},
      {"ignore_eos", Completion({{"logit_bias", {{std::to_string(kEos), 100}}}}), true,
       [](const json& without, const json& with) {
         EXPECT_EQ(Ids(without), std::vector<int>{kEos});
         EXPECT_EQ(Choice(without)["finish_reason"], "stop");
         EXPECT_EQ(Ids(with), std::vector<int>(20, kEos));
         EXPECT_EQ(Choice(with)["finish_reason"], "length");
       }},
  });
}

TEST_F(EveryFieldTest, Sampling) {
  const json hot = Completion({{"temperature", 2}, {"seed", 5}});
  Expect({
      {"temperature", Completion(), 2, Differ},
      {"top_p", hot, 1e-6, BecomesGreedy(greedy_)},
      {"top_k", hot, 1, BecomesGreedy(greedy_)},
      {"min_p", hot, 1, BecomesGreedy(greedy_)},
      {"top_p", hot, 0.3, Differ},
      {"top_k", hot, 3, Differ},
      {"min_p", hot, 0.3, Differ},
      {"top_k", hot, -1, AreTheSame},
      {"seed", hot, 6, Differ},
      {"n", hot, 3,
       [](const json& without, const json& with) {
         ASSERT_EQ(with["choices"].size(), 3U);
         EXPECT_EQ(Choice(with), Choice(without));
         EXPECT_NE(with["choices"][1]["token_ids"], with["choices"][0]["token_ids"]);
         EXPECT_NE(with["choices"][2]["token_ids"], with["choices"][1]["token_ids"]);
         EXPECT_EQ(with["usage"]["prompt_tokens"], without["usage"]["prompt_tokens"]);
         EXPECT_EQ(with["usage"]["completion_tokens"], 60);
       }},
      {"logit_bias",
       Completion(),
       {{"777", 100}},
       [](const json&, const json& with) { EXPECT_EQ(Ids(with), std::vector<int>(20, 777)); }},
  });
}

// A token forced again and again until the penalty outweighs the bias.
TEST_F(EveryFieldTest, Penalties) {
  const json forced = Completion({{"logit_bias", {{"777", 30}}}, {"max_tokens", 40}});
  const auto fewer = [](const json& without, const json& with) {
    EXPECT_EQ(Ids(without), std::vector<int>(40, 777));
    const std::vector<int> ids = Ids(with);
    EXPECT_EQ(ids[0], 777);
    EXPECT_LT(std::count(ids.begin(), ids.end(), 777), 30);
  };
  const auto more_distinct = [](const json& without, const json& with) {
    EXPECT_GT(NumDistinct(with), NumDistinct(without));
  };
  json repeats = Completion({{"prompt", "holy, holy, holy, holy, holy, holy,"}});
  Expect({
      {"frequency_penalty", forced, 2, fewer},
      {"presence_penalty", Completion({{"max_tokens", 60}}), 2, more_distinct},
      {"repetition_penalty", Completion({{"max_tokens", 60}}), 1.8, more_distinct},
      {"repetition_penalty", repeats, 1.5, Differ},
  });
}

TEST_F(EveryFieldTest, Stops) {
  const std::string stop = text_.substr(text_.size() / 2, 4);
  const std::string before = text_.substr(0, text_.find(stop));
  const int stop_id = greedy_[5];
  const auto ends_before = [&](const json& without, const json& with) {
    EXPECT_EQ(Text(without), text_);
    EXPECT_EQ(Text(with), before);
    EXPECT_EQ(Choice(with)["finish_reason"], "stop");
    EXPECT_EQ(Choice(with)["stop_reason"], stop);
    EXPECT_LT(Ids(with).size(), greedy_.size());
  };
  Expect({
      {"stop", Completion(), stop, ends_before},
      {"stop", Completion(), {"not in it", stop}, ends_before},
      {"stop", Completion(), json::array(), AreTheSame},
      {"include_stop_str_in_output", Completion({{"stop", stop}}), true,
       [&](const json& without, const json& with) {
         EXPECT_EQ(Text(without), before);
         EXPECT_EQ(Text(with), before + stop);
       }},
      {"stop_token_ids",
       Completion(),
       {stop_id},
       [&](const json&, const json& with) {
         EXPECT_EQ(Ids(with).back(), stop_id);
         EXPECT_EQ(Choice(with)["stop_reason"], stop_id);
         EXPECT_THAT(text_, StartsWith(Text(with)));
       }},
      {"skip_special_tokens",
       Completion({{"logit_bias", {{std::to_string(kEos), 100}}}, {"ignore_eos", true}}), false,
       [](const json& without, const json& with) {
         EXPECT_EQ(Text(without), "");
         EXPECT_THAT(Text(with), StartsWith("</s></s>"));
       }},
  });
}

TEST_F(EveryFieldTest, Logprobs) {
  const auto num_prompt = prompt_ids_.size();
  Expect({
      {"logprobs", Completion(), 3,
       [&](const json& without, const json& with) {
         EXPECT_EQ(Choice(without)["logprobs"], nullptr);
         EXPECT_EQ(Choice(with)["logprobs"]["tokens"].size(), greedy_.size());
         EXPECT_EQ(Choice(with)["logprobs"]["top_logprobs"][0].size(), 3U);
       }},
      {"logprobs", Chat(), true,
       [](const json& without, const json& with) {
         EXPECT_EQ(Choice(without)["logprobs"], nullptr);
         EXPECT_EQ(Choice(with)["logprobs"]["content"].size(), 12U);
         EXPECT_EQ(Choice(with)["logprobs"]["content"][0]["top_logprobs"].size(), 0U);
       }},
      {"top_logprobs", Chat({{"logprobs", true}}), 4,
       [](const json& without, const json& with) {
         const json token = Choice(with)["logprobs"]["content"][3];
         EXPECT_EQ(token["logprob"], Choice(without)["logprobs"]["content"][3]["logprob"]);
         ASSERT_EQ(token["top_logprobs"].size(), 4U);
         EXPECT_EQ(token["top_logprobs"][0]["token"], token["token"]);  // greedy
       }},
      {"prompt_logprobs", Completion(), 2,
       [&](const json& without, const json& with) {
         EXPECT_FALSE(Choice(without).contains("prompt_logprobs"));
         const json logprobs = Choice(with)["prompt_logprobs"];
         ASSERT_EQ(logprobs.size(), num_prompt);
         EXPECT_EQ(logprobs[0], nullptr);
         EXPECT_TRUE(logprobs[1].contains(std::to_string(prompt_ids_[1])));
       }},
      {"echo", Completion({{"logprobs", 1}}), true,
       [&](const json& without, const json& with) {
         EXPECT_EQ(Text(with), kText + Text(without));
         const json logprobs = Choice(with)["logprobs"];
         ASSERT_EQ(logprobs["tokens"].size(), num_prompt + greedy_.size());
         EXPECT_EQ(logprobs["token_logprobs"][0], nullptr);
         const json all = logprobs["token_logprobs"];
         EXPECT_EQ(json(std::vector<json>(all.begin() + num_prompt, all.end())),
                   Choice(without)["logprobs"]["token_logprobs"]);
       }},
      {"return_token_ids", Chat(), true,
       [](const json& without, const json& with) {
         EXPECT_FALSE(Choice(without).contains("token_ids"));
         EXPECT_EQ(Choice(with)["token_ids"].size(), 12U);
       }},
  });
}

TEST_F(EveryFieldTest, InertFieldsChangeNothing) {
  Expect({
      {"user", Completion(), "me", AreTheSame},
      {"metadata", Completion(), {{"a", "b"}}, AreTheSame},
      {"store", Completion(), true, AreTheSame},
      {"model", Completion(), "gpt-3.5-turbo", AreTheSame},
      {"stream", Completion(), false, AreTheSame},
      {"stream_options", Completion(), {{"include_usage", true}}, AreTheSame},
      {"priority", Completion(), 0, AreTheSame},
      {"request_id", Completion(), "x", AreTheSame},
      {"detokenize", Completion(), true, AreTheSame},
      {"max_tokens", Completion(), "20", AreTheSame},
      {"temperature", Completion(), "0", AreTheSame},
      {"parallel_tool_calls", Chat(), false, AreTheSame},
      {"modalities", Chat(), json::array({"text"}), AreTheSame},
      {"top_logprobs", Chat(), 0, AreTheSame},
  });
}

}  // namespace
}  // namespace octet
