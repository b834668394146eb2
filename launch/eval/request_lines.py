"""Lines of octet run-batch for what lm-evaluation-harness asks of a model, and what their answers say.

A line's custom_id is a hash of its request, so that equal requests are computed once, and an answer can be found without
the order in which it was asked for.
"""

import hashlib
import json


class MissingAnswer(Exception):
    """A request that the answers lack, or that was refused."""


def make_line(body):
    """The line of a request."""
    name = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
    return {"custom_id": name, "method": "POST", "url": "/v1/completions", "body": body}


def score_line(context, continuation, max_length):
    """Scores token ids `continuation` after `context`. The last tokens are kept: `max_length` that others follow, and the
    very last. Returns the line, and how many tokens at its end count."""
    prompt = (context + continuation)[-(max_length + 1):]
    if len(continuation) >= len(prompt):
        raise ValueError(f"a continuation of {len(continuation)} tokens is longer than --max-length {max_length}")
    return make_line({"prompt": prompt, "max_tokens": 0, "echo": True, "prompt_logprobs": 0}), len(continuation)


def generate_line(context, until, max_gen_toks, max_length, sampling):
    """Goes on after token ids `context`, of which the last that leave room for `max_gen_toks` are kept."""
    room = max_length - max_gen_toks
    if room <= 0:
        raise ValueError(f"max_gen_toks {max_gen_toks} leaves no room for a prompt: --max-length is {max_length}")
    body = {"prompt": context[-room:], "max_tokens": max_gen_toks, "return_token_ids": True}
    stop = [text for text in until if text]
    return make_line(body | ({"stop": stop} if stop else {}) | sampling)


def sampling_fields(options):
    """The fields of a request for generation options of the harness (without until and max_gen_toks)."""
    fields = {name: options[name] for name in ("top_p", "top_k", "min_p", "repetition_penalty") if name in options}
    is_greedy = not options.get("do_sample", options.get("temperature", 0) > 0)
    fields["temperature"] = 0 if is_greedy else options.get("temperature", 1)
    unknown = set(options) - set(fields) - {"do_sample", "temperature"}
    if unknown:
        raise ValueError(f"octet has no such options of generation: {', '.join(sorted(unknown))}")
    return fields


def read_answers(lines):
    """From custom_id to the body of the answer. Of a refused line the body holds its error."""
    answers = {}
    for number, line in enumerate(lines, 1):
        result = json.loads(line)
        try:
            answers[result["custom_id"]] = result["response"]["body"]
        except (KeyError, TypeError):
            raise ValueError(f"line {number} of the answers is not a line of octet run-batch") from None
    return answers


def find_answer(answers, line):
    """The first choice of the answer to a line."""
    body = answers.get(line["custom_id"])
    if body is None:
        raise MissingAnswer("the answers lack a request: they belong to other tasks, or to other settings of them")
    if "error" in body:
        raise MissingAnswer(f"a request was refused: {body['error']['message']}")
    return body["choices"][0]


def read_score(choice, num_scored):
    """The log-likelihood of the last tokens of a scored prompt, and whether each was the most likely one."""
    scores = [next(iter(position.values())) for position in choice["prompt_logprobs"][-num_scored:]]
    return sum(score["logprob"] for score in scores), all(score["rank"] == 1 for score in scores)
