#include "runtime/text/mistral_forms.h"

#include <absl/strings/str_cat.h>

namespace octet {
namespace {

// The checks of both forms: system messages, then user and assistant in turn, the user last. Sets
// `turns`, and `system` with the two newlines between it and the user's text.
constexpr char kTurns[] = R"({%- set state = namespace(first=0) -%}
{%- for message in messages -%}
  {%- if message.role == 'system' and loop.index0 == state.first -%}
    {%- set state.first = state.first + 1 -%}
  {%- endif -%}
{%- endfor -%}
{%- set system = messages[:state.first] | map(attribute='content') | join('\n\n') -%}
{%- set system = system ~ '\n\n' if state.first else '' -%}
{%- set turns = messages[state.first:] -%}
{%- if not turns -%}
  {{- raise_exception('messages[' ~ state.first ~ "] is missing: at least one message of role 'user' is needed") -}}
{%- endif -%}
{%- for turn in turns -%}
  {%- set expected = 'user' if loop.index0 is even else 'assistant' -%}
  {%- if turn.role != expected -%}
    {{- raise_exception('messages[' ~ (state.first + loop.index0) ~ "].role is '" ~ turn.role ~ "', but '" ~ expected ~ "' must stand there: after system messages, which come first, user and assistant take turns") -}}
  {%- endif -%}
  {%- if loop.last and turn.role == 'assistant' and add_generation_prompt -%}
    {{- raise_exception('messages[' ~ (state.first + loop.index0) ~ "], the last one, is the assistant's: state continue_final_message true and add_generation_prompt false to go on with it") -}}
  {%- endif -%}
{%- endfor -%}
)";

// Each part begins with a space of its own, also an answer that follows [/INST].
constexpr char kV1[] = R"({{- bos_token -}}
{%- for turn in turns -%}
  {%- if turn.role == 'user' -%}
    {{- '[INST] ' ~ (system if loop.first else '') ~ turn.content ~ ' [/INST]' -}}
  {%- else -%}
    {{- (' ' ~ turn.content if turn.content else '') ~ eos_token -}}
  {%- endif -%}
{%- endfor -%})";

// After a control token, text begins with a space anyway.
constexpr char kV3[] = R"({{- bos_token -}}
{%- for turn in turns -%}
  {%- if turn.role == 'user' -%}
    {%- set is_last_user = turns | length - loop.index0 <= 2 -%}
    {{- '[INST]' ~ (system if is_last_user else '') ~ turn.content ~ '[/INST]' -}}
  {%- else -%}
    {{- (turn.content if loop.last else turn.content.rstrip(' ')) ~ eos_token -}}
  {%- endif -%}
{%- endfor -%})";

}  // namespace

std::string MistralV1Form() { return absl::StrCat(kTurns, kV1); }

std::string MistralV3Form() { return absl::StrCat(kTurns, kV3); }

}  // namespace octet
