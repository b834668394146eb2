#include "runtime/text/jinja/limits.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja/template.h"

namespace octet::jinja {
namespace {

std::string Times(int count, const std::string& text) {
  std::string repeated;
  for (int i = 0; i < count; ++i) repeated += text;
  return repeated;
}

absl::Status StatusOf(const std::string& source) {
  const auto parsed = Template::Parse(source);
  if (!parsed.ok()) return parsed.status();
  return parsed->Render({}, 0).status();
}

std::string InLoop(const std::string& body) {
  return "{% set ns = namespace(s='ab', l=[1]) %}{% for i in range(100000) %}" + body +
         "{% endfor %}{{ ns.l }}";
}

TEST(JinjaLimits, HostileTemplatesAreRefused) {
  const std::pair<const char*, std::string> hostile[] = {
      {"brackets", "{{ " + Times(5000, "(") + "1" + Times(5000, ")") + " }}"},
      {"open brackets", "{{ " + Times(5000, "[")},
      {"nots", "{{ " + Times(5000, "not ") + "1 }}"},
      {"signs", "{{ " + Times(5000, "-") + "1 }}"},
      {"sums", "{{ 1" + Times(5000, "+1") + " }}"},
      {"filters", "{{ 1" + Times(5000, "|string") + " }}"},
      {"attributes", "{{ x" + Times(5000, ".a") + " }}"},
      {"conditionals", "{{ " + Times(5000, "1 if 0 else ") + "2 }}"},
      {"tags", Times(5000, "{% if 1 %}") + Times(5000, "{% endif %}")},
      {"loops", Times(50, "{% for x in range(100) %}") + Times(50, "{% endfor %}")},
      {"a range", "{% for x in range(10**9) %}a{% endfor %}"},
      {"a repeated string", "{{ 'a' * 10**9 }}"},
      {"a repeated list", "{{ [1] * 10**9 }}"},
      {"doubled strings", InLoop("{% set ns.s = ns.s ~ ns.s %}")},
      {"doubled lists", InLoop("{% set ns.l = ns.l + ns.l %}")},
      {"lists in each other", InLoop("{% set ns.l = [ns.l] %}")},
      {"a wide graph",
       "{% set ns = namespace(l=[1]) %}{% for i in range(90) %}"
       "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}"},
      {"a macro without end", "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}"},
      {"callers without end",
       "{% macro f() %}{{ caller() }}{% endmacro %}"
       "{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}"
       "{{ g() }}"},
      {"a loop that calls itself", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"},
      {"many calls",
       "{% macro f(n) %}{% if n > 1 %}{{ f(n-1) }}{{ f(n-2) }}{% endif %}"
       "{% endmacro %}{{ f(60) }}"},
      {"a power", "{{ 9 ** 9 ** 9 }}"},
      {"a long string by replace", "{{ ('a' * 1000000) | replace('', 'x' * 1000000) }}"},
      {"a width", "{{ '%999999999d' % 1 }}"},
      {"much output", InLoop("{{ 'a' * 100000 }}")},
      {"namespaces", InLoop("{% set ns.l = namespace(a=namespace()) %}")},
  };
  for (const auto& [name, source] : hostile) {
    const absl::Status status = StatusOf(source);
    EXPECT_EQ(ErrorKindOf(status), ErrorKind::kLimit) << name << ": " << status;
  }
}

TEST(JinjaLimits, AnIntegerBeyond64BitsIsRefused) {
  EXPECT_EQ(ErrorKindOf(StatusOf("{{ 99999999999999999999 }}")), ErrorKind::kUnsupported);
  EXPECT_EQ(ErrorKindOf(StatusOf("{{ 9223372036854775807 + 1 }}")), ErrorKind::kLimit);
  EXPECT_EQ(ErrorKindOf(StatusOf("{{ '99999999999999999999' | int }}")), ErrorKind::kLimit);
}

TEST(JinjaLimits, ALongSourceIsRefused) {
  EXPECT_TRUE(StatusOf(std::string(kMaxSource, 'a')).ok());
  EXPECT_EQ(ErrorKindOf(StatusOf(std::string(kMaxSource + 1, 'a'))), ErrorKind::kLimit);
}

TEST(JinjaLimits, WhatIsUsualFits) {
  EXPECT_TRUE(StatusOf("{{ " + Times(40, "(") + "1" + Times(40, ")") + " }}").ok());
  EXPECT_TRUE(StatusOf("{{ 1" + Times(150, "+1") + " }}").ok());
  EXPECT_TRUE(StatusOf(Times(40, "{% if 1 %}") + Times(40, "{% endif %}")).ok());
  EXPECT_TRUE(StatusOf("{% macro f(n) %}{% if n > 0 %}{% for i in [1] %}{{ f(n - 1) }}"
                       "{% endfor %}{% endif %}{% endmacro %}{{ f(64) }}")
                  .ok());
  EXPECT_TRUE(StatusOf("{% for i in range(100000) %}{{ i }}{% endfor %}").ok());
}

}  // namespace
}  // namespace octet::jinja
