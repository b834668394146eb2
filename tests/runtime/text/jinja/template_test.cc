#include "runtime/text/jinja/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace octet::jinja {
namespace {

using Json = nlohmann::ordered_json;
using Origin = Value::Origin;
using ::testing::HasSubstr;

// Renders with `outside` as the variables that a user wrote.
absl::StatusOr<RenderedText> Rendered(const std::string& source, const Json& outside) {
  auto parsed = Template::Parse(source);
  if (!parsed.ok()) return parsed.status();
  std::vector<std::pair<std::string, Value>> variables;
  for (const auto& [name, value] : outside.items()) {
    variables.emplace_back(name, Value::FromJson(value, Origin::kOutside));
  }
  return parsed->Render(std::move(variables), /*now=*/86400);
}

// The text, what came from outside in < >.
std::string Marked(const std::string& source, const Json& outside) {
  const auto rendered = Rendered(source, outside);
  if (!rendered.ok()) return std::string(rendered.status().message());
  std::string marked;
  size_t at = 0;
  for (const RenderedText::Range& range : rendered->from_outside) {
    marked += rendered->text.substr(at, range.begin - at);
    marked += "<" + rendered->text.substr(range.begin, range.end - range.begin) + ">";
    at = range.end;
  }
  return marked + rendered->text.substr(at);
}

TEST(JinjaOrigin, IsKeptByOperations) {
  const Json given = {{"a", "Hi you"}, {"b", "é,x"}};
  EXPECT_EQ(Marked("[{{ a }}]", given), "[<Hi you>]");
  EXPECT_EQ(Marked("{{ '[' + a + ']' ~ b }}", given), "[<Hi you>]<é,x>");
  EXPECT_EQ(Marked("{{ ('(' + a + ')')[1:] }}", given), "<Hi you>)");
  EXPECT_EQ(Marked("{{ ('-' ~ b ~ '-') | upper }}", given), "-<É,X>-");
  EXPECT_EQ(Marked("{{ (' ' ~ a ~ ' ') | trim }}.", given), "<Hi you>.");
  EXPECT_EQ(Marked("{{ ('x' ~ a).replace('you', 'me') }}", given), "x<Hi >me");
  EXPECT_EQ(Marked("{{ 'a-b'.replace('-', a) }}", given), "a<Hi you>b");
  EXPECT_EQ(Marked("{{ b.split(',') | join('|') }}", given), "<é>|<x>");
  EXPECT_EQ(Marked("{{ '%s!%s' % (a, 1) }} {{ '{}-{}'.format('t', b) }}", given),
            "<Hi you>!1 t-<é,x>");
  EXPECT_EQ(Marked("{{ ('x\n' ~ a) | indent(2) }}", given), "x\n  <Hi you>");
  EXPECT_EQ(Marked("{{ a | length }}{{ a == 'x' }}", given), "6False");
  EXPECT_EQ(Marked("{% for c in b %}{{ c }}-{% endfor %}", given), "<é>-<,>-<x>-");
  EXPECT_EQ(Marked("{% set x %}[{{ a }}]{% endset %}{{ x | replace('[', '(') }}", given),
            "(<Hi you>]");
  EXPECT_EQ(Marked("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(a)[1:-1] }}", given), "<Hi you>");
  EXPECT_EQ(Marked("{{ a | reverse }}|{{ a.title() }}|{{ a | center(8) }}|", given),
            "<uoy iH>|<Hi You>| <Hi you> |");
}

TEST(JinjaOrigin, OfContainersIsOutsideWhereAnyOfItIs) {
  const Json given = {{"a", "x"}, {"d", {{"k", 1}}}};
  EXPECT_EQ(Marked("{{ ['t', a] | tojson }}", given), "<[\"t\", \"x\"]>");
  EXPECT_EQ(Marked("{{ {'t': 1} | tojson }}{{ [1] }}", given), "{\"t\": 1}[1]");
  EXPECT_EQ(Marked("{{ d }}|{{ d | tojson }}", given), "<{'k': 1}>|<{\"k\": 1}>");
  EXPECT_EQ(Marked("{% for k, v in d.items() %}{{ k }}={{ v }}{% endfor %}", given), "<k>=1");
}

TEST(JinjaOrigin, NeighboursMerge) {
  const auto rendered = Rendered("{{ a }}{{ a }}.{{ e }}{{ a }}", {{"a", "xy"}, {"e", ""}});
  ASSERT_TRUE(rendered.ok()) << rendered.status();
  EXPECT_EQ(rendered->text, "xyxy.xy");
  const std::vector<RenderedText::Range> expected = {{0, 4}, {5, 7}};
  EXPECT_EQ(rendered->from_outside, expected);
}

TEST(JinjaOrigin, BytesThatAreNotUtf8AreReplaced) {
  const auto parsed = Template::Parse("{{ x }}");
  ASSERT_TRUE(parsed.ok());
  const auto rendered =
      parsed->Render({{"x", Value::String("a\xFF\xE6\x97z", Origin::kTemplate)}}, 0);
  ASSERT_TRUE(rendered.ok());
  EXPECT_EQ(rendered->text, "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
  EXPECT_TRUE(rendered->from_outside.empty());
}

struct Failure {
  std::string source;
  ErrorKind kind;
  std::string message;  // a part of it
};

TEST(JinjaError, HasAKindAndAMessage) {
  const Failure failures[] = {
      {"{{ raise_exception('No <' ~ 1 ~ '>!') }}", ErrorKind::kRaised, "No <1>!"},
      {"a\n{{ x.y }}", ErrorKind::kUndefined, "line 2: 'x' is undefined"},
      {"{{ 1 + 'a' }}", ErrorKind::kType, "int and str"},
      {"{{ 1 / 0 }}", ErrorKind::kZero, "division by zero"},
      {"{{ [1].append(2) }}", ErrorKind::kSecurity, "'append'"},
      {"{{ ''.__class__.x }}", ErrorKind::kSecurity, "'__class__'"},
      {"a\n{% if %}", ErrorKind::kSyntax, "line 2"},
      {"{% if 1 %}", ErrorKind::kSyntax, "endif"},
      {"{% nonsense %}", ErrorKind::kSyntax, "unknown tag 'nonsense'"},
      {"{{ 1 | nonsense }}", ErrorKind::kSyntax, "no filter named 'nonsense'"},
      {"{{ 1 is nonsense }}", ErrorKind::kSyntax, "no test named 'nonsense'"},
      {"\n{% include 'x' %}", ErrorKind::kUnsupported, "line 2: the tag {% include %}"},
      {"{{ [1] | random }}", ErrorKind::kUnsupported, "the filter 'random'"},
      {"{{ cycler('a') }}", ErrorKind::kUnsupported, "the global 'cycler'"},
      {"{{ x.translate({}) }}", ErrorKind::kUnsupported, "the method 'translate'"},
      {"{{ [1] | map('string') }}", ErrorKind::kUnsupported, "generator"},
      {"{{ 'a' | safe + 'b' }}", ErrorKind::kUnsupported, "safe"},
  };
  for (const Failure& failure : failures) {
    const auto rendered = Rendered(failure.source, Json::object());
    ASSERT_FALSE(rendered.ok()) << failure.source;
    EXPECT_EQ(rendered.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ErrorKindOf(rendered.status()), failure.kind) << rendered.status();
    EXPECT_THAT(std::string(rendered.status().message()), HasSubstr(failure.message));
  }
  EXPECT_EQ(ErrorKindOf(absl::InvalidArgumentError("x")), std::nullopt);
}

TEST(JinjaError, OfRaiseExceptionIsItsMessageAlone) {
  const auto rendered = Rendered("{{ raise_exception('Roles must alternate') }}", Json::object());
  EXPECT_EQ(std::string(rendered.status().message()), "Roles must alternate");
}

TEST(JinjaTemplate, KnowsItsFreeVariables) {
  const auto parsed = Template::Parse(
      "{% set made = 1 %}{% for m in messages if flag %}{{ m.x ~ made }}{% endfor %}"
      "{% macro f(tools) %}{{ tools ~ inner }}{% endmacro %}");
  ASSERT_TRUE(parsed.ok());
  for (const char* name : {"messages", "flag", "inner"}) EXPECT_TRUE(parsed->Uses(name)) << name;
  for (const char* name : {"made", "m", "tools", "x", "f"})
    EXPECT_FALSE(parsed->Uses(name)) << name;
}

TEST(JinjaTemplate, FindsLoopsOverContent) {
  const std::pair<const char*, bool> cases[] = {
      {"{% for m in messages %}{% for c in m.content %}{% endfor %}{% endfor %}", true},
      {"{% for m in messages %}{% for c in m['content'] | list %}{% endfor %}{% endfor %}", true},
      {"{% set l = messages[1:] %}{% for m in l %}{% for c in m['content'] %}{% endfor %}"
       "{% endfor %}",
       true},
      {"{% for m in messages | selectattr('x') %}{% if 1 %}{% for c in m.content %}{% endfor %}"
       "{% endif %}{% endfor %}",
       true},
      {"{% for m in messages %}{{ m.content }}{% endfor %}", false},
      {"{% for m in others %}{% for c in m.content %}{% endfor %}{% endfor %}", false},
      {"{% for m in messages %}{% for c in m.tool_calls %}{% endfor %}{% endfor %}", false},
      {"{% for m in messages %}{% set c = m.content %}{% for x in c %}{% endfor %}{% endfor %}",
       false},
      {"{% set ns = namespace() %}{% set ns.m = messages %}{% for m in messages %}"
       "{% for c in m.content %}{% endfor %}{% endfor %}",
       false},
      {"{% set a = messages %}{% set messages = a %}", false},
  };
  for (const auto& [source, walks] : cases) {
    const auto parsed = Template::Parse(source);
    ASSERT_TRUE(parsed.ok()) << source;
    EXPECT_EQ(parsed->WalksOverContent(), walks) << source;
  }
}

TEST(JinjaTemplate, PrintsIntegersOf64Bits) {
  const Json given = {{"big", UINT64_MAX}, {"low", INT64_MIN}};
  EXPECT_EQ(Marked("{{ big }} {{ [big, low] | tojson }} {{ big == big }}", given),
            "18446744073709551615 [18446744073709551615, -9223372036854775808] True");
  EXPECT_EQ(ErrorKindOf(Rendered("{{ big + 1 }}", given).status()), ErrorKind::kLimit);
}

TEST(JinjaTemplate, TellsTheTimeThatItIsGiven) {
  const auto rendered = Rendered("{{ strftime_now('%d %b %Y %H:%M') }}", Json::object());
  ASSERT_TRUE(rendered.ok()) << rendered.status();
  EXPECT_EQ(rendered->text, "02 Jan 1970 00:00");
}

}  // namespace
}  // namespace octet::jinja
