"""The rows of the feature table that are about requests: for each the lines that are asked, and what their answers must be."""

import json

PROMPT = "And it came to pass"
TOOL = {"type": "function", "function": {"name": "find_a_verse", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 8}, "old": {"type": "boolean"}},
          "required": ["name", "old"], "additionalProperties": False}
# Of the chats; the demo model has no template that takes tools.
TEMPLATE = "{% for m in messages %}{{ m['content'] }} {% endfor %}{% if tools %}{{ tools[0]['function']['name'] }}{% endif %}"


def ask(**fields):
    return "/v1/completions", {"prompt": PROMPT, "max_tokens": 8, "temperature": 0} | fields


def chat(**fields):
    return "/v1/chat/completions", {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 8, "temperature": 0} | fields


def texts(*bodies):
    return [choice["text"] if "text" in choice else choice["message"]["content"] for body in bodies for choice in body["choices"]]


def differ(*bodies):
    found = texts(*bodies)
    return len(set(found)) == len(found)


def are_equal(*bodies):
    return len(set(texts(*bodies))) == 1


def is_refused(name):
    return lambda body: name in body["error"]["message"]


def has_choices(count):
    return lambda body: len(body["choices"]) == count


def finishes(reason):
    return lambda body: body["choices"][0]["finish_reason"] == reason


def has_prompt_logprobs(echoed, listed):
    choice = echoed["choices"][0]
    return (choice["text"].startswith(PROMPT) and len(choice["logprobs"]["tokens"]) == len(choice["logprobs"]["top_logprobs"])
            and len(listed["choices"][0]["prompt_logprobs"][1]) >= 2)


def is_chosen(choice, matched, given, formed):
    return (texts(choice)[0] in ("Moses", "Aaron") and texts(matched)[0].isdigit() and len(texts(matched)[0]) == 3
            and set(json.loads(texts(given)[0])) == set(json.loads(texts(formed)[0])) == {"name", "old"})


def is_object(body):
    return body["choices"][0]["finish_reason"] == "length" or isinstance(json.loads(texts(body)[0]), dict)


def keeps_ids(body, again):
    choice = body["choices"][0]
    return len(choice["token_ids"]) == 8 and choice["prompt_token_ids"][0] == 1 and texts(body) == texts(again)


LENGTH = {"max_tokens": 60}
# From the row's name to its lines and a function of their bodies.
ROWS = {
    "several answers to a prompt": ([ask(n=3, temperature=1)], has_choices(3)),
    "several prompts in a request": ([ask(prompt=[PROMPT, "In the beginning"])], has_choices(2)),
    "seeds": ([ask(seed=7, temperature=1), ask(seed=7, temperature=1)], are_equal),
    "stop texts": ([ask(stop=[" the"], max_tokens=200)], finishes("stop")),
    "stop tokens, least tokens, no end": (
        [ask(stop_token_ids=list(range(2048))), ask(min_tokens=5, stop_token_ids=list(range(2048))), ask(ignore_eos=True)],
        lambda first, later, _: first["usage"]["completion_tokens"] < later["usage"]["completion_tokens"]),
    "logprobs of the answer": ([ask(logprobs=3), chat(logprobs=True, top_logprobs=3)],
                               lambda a, b: len(a["choices"][0]["logprobs"]["top_logprobs"]) == 8
                               and len(b["choices"][0]["logprobs"]["content"][0]["top_logprobs"]) == 3),
    "logprobs of the prompt, echo": ([ask(echo=True, logprobs=1), ask(prompt_logprobs=2)], has_prompt_logprobs),
    "top-k, top-p, min-p": ([ask(temperature=2, top_k=1), ask(temperature=2, top_p=1e-6), ask(temperature=2, min_p=1), ask()],
                            are_equal),
    "repetition, presence and frequency penalties": (
        [ask(**LENGTH), ask(repetition_penalty=2, **LENGTH), ask(presence_penalty=2, **LENGTH), ask(frequency_penalty=2, **LENGTH)],
        lambda plain, *others: all(texts(other) != texts(plain) for other in others)),
    "logit bias": ([ask(logit_bias={"1000": 100}, return_token_ids=True)], lambda body: body["choices"][0]["token_ids"] == [1000] * 8),
    "words that may not come": ([ask(**LENGTH), ask(bad_words=["the"], **LENGTH)],
                                lambda a, b: "the" in texts(a)[0].split() and "the" not in texts(b)[0].split()),
    "tokens that alone may come": ([ask(allowed_token_ids=[500, 600], return_token_ids=True)],
                                    lambda body: set(body["choices"][0]["token_ids"]) <= {500, 600}),
    "choice, regex, JSON Schema": (
        [ask(structured_outputs={"choice": ["Moses", "Aaron"]}), ask(guided_regex="[0-9]{3}"),
         ask(guided_json=SCHEMA, max_tokens=80), chat(response_format={"type": "json_schema", "json_schema": {
             "name": "n", "schema": SCHEMA}}, max_tokens=80)], is_chosen),
    "any JSON object": ([chat(response_format={"type": "json_object"}, max_tokens=40)], is_object),
    "context-free grammar": ([ask(structured_outputs={"grammar": "root ::= \"a\""})], is_refused("grammar")),
    "tools for the chat template": ([chat(tools=[TOOL]), chat()], lambda a, b: a["usage"]["prompt_tokens"] > b["usage"]["prompt_tokens"]),
    "calls of tools parsed or enforced": ([chat(tools=[TOOL], tool_choice="required")], is_refused("tool_choice")),
    "token ids in and out": ([ask(return_token_ids=True), ask(prompt=[1, 424, 365])], lambda a, b: keeps_ids(a, a) and texts(b)),
    "the last message goes on": ([chat(messages=[{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "And"}],
                                       add_generation_prompt=False, continue_final_message=True)], has_choices(1)),
    "prompts cut to fit": ([ask(truncate_prompt_tokens=3)], lambda body: body["usage"]["prompt_tokens"] == 3),
    "beam search": ([ask(use_beam_search=True)], is_refused("use_beam_search")),
    "embeddings, scores, ranks": ([("/v1/embeddings", {"input": PROMPT})], is_refused("must be /v1/completions or /v1/chat/completions")),
    "images, sound": ([chat(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}])],
                      is_refused("messages[0].content")),
}
