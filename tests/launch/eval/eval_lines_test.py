#!/usr/bin/env python3
"""What lm-evaluation-harness would ask of octet by files: scores are those of `octet perplexity`, generated tokens those of a
plain request, and answers are found by their requests. OCTET_BIN: the program; the argument: a directory for files."""

import json
import os
import pathlib
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "launch/eval"))
sys.dont_write_bytecode = True
import request_lines  # noqa: E402

MODEL = CHECKOUT / "launch/demo/model"
TEXT = "And it came to pass in those days, that there went out a decree from Caesar Augustus."
BOS = 1


def octet(*arguments):
    command = [os.environ["OCTET_BIN"], *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def answers_of(lines, directory):
    requests, answers = directory / "requests.jsonl", directory / "answers.jsonl"
    once = {line["custom_id"]: line for line in lines}
    requests.write_text("".join(json.dumps(line) + "\n" for line in once.values()))
    octet("run-batch", "--model", MODEL, "--dtype", "float32", "-i", requests, "-o", answers, "--overwrite", "--threads", 1)
    return request_lines.read_answers(answers.read_text().splitlines())


def refuses(function, error, part):
    try:
        function()
    except error as said:
        return part in str(said)
    return False


def check_pure_functions():
    line, scored = request_lines.score_line([1, 2, 3], [4, 5], max_length=100)
    assert scored == 2 and line["body"]["prompt"] == [1, 2, 3, 4, 5]
    line, scored = request_lines.score_line([1, 2, 3], [4, 5], max_length=3)
    assert scored == 2 and line["body"]["prompt"] == [2, 3, 4, 5]  # of three tokens another follows
    assert refuses(lambda: request_lines.score_line([1], [2, 3, 4], 2), ValueError, "is longer than --max-length 2")
    for max_gen_toks in (9, 12):
        assert refuses(lambda: request_lines.generate_line([1, 2], [], max_gen_toks, 9, {}), ValueError,
                       f"max_gen_toks {max_gen_toks} leaves no room for a prompt: --max-length is 9")
    line = request_lines.generate_line([1, 2, 3, 4], ["", "\n"], 6, 9, {"temperature": 0})
    assert line["body"]["prompt"] == [2, 3, 4] and line["body"]["stop"] == ["\n"] and line["body"]["max_tokens"] == 6
    assert request_lines.sampling_fields({"do_sample": False, "temperature": 0.7}) == {"temperature": 0}
    assert request_lines.sampling_fields({"temperature": 0.7, "top_p": 0.5}) == {"temperature": 0.7, "top_p": 0.5}
    assert refuses(lambda: request_lines.sampling_fields({"num_beams": 4}), ValueError, "num_beams")
    for line in ('{"text": "a"}', '[]', '{"custom_id": "a", "response": null}'):
        assert refuses(lambda: request_lines.read_answers([line]), ValueError, "line 1 of the answers is not")
    same = [request_lines.make_line({"prompt": [1], "n": n})["custom_id"] for n in (1, 1, 2)]
    assert same[0] == same[1] != same[2]


def check_scores(ids, directory):
    text = directory / "text.txt"
    text.write_text(TEXT)
    result = directory / "perplexity.json"
    octet("perplexity", "--model", MODEL, "--dtype", "float32", "-f", text, "--output-json", result, "--threads", 1)
    found = json.loads(result.read_text())
    whole, count = request_lines.score_line([BOS], ids, 2047)
    ending, of_ending = request_lines.score_line([BOS, *ids[:9]], ids[9:], 2047)
    beginning, of_beginning = request_lines.score_line([BOS], ids[:9], 2047)
    answers = answers_of([whole, ending, beginning], directory)
    scores = [request_lines.read_score(request_lines.find_answer(answers, line), n)[0]
              for line, n in ((whole, count), (ending, of_ending), (beginning, of_beginning))]
    assert count == found["tokens"] == len(ids)
    assert abs(-scores[0] / count - found["nats_per_token"]) < 1e-6, (scores, found)
    assert abs(scores[0] - scores[1] - scores[2]) < 1e-4, scores


def check_generation(ids, directory):
    line = request_lines.generate_line([BOS, *ids], ["."], 12, 2047, {"temperature": 0})
    choice = request_lines.find_answer(answers_of([line], directory), line)
    chosen = choice["token_ids"]
    assert chosen and "." not in choice["text"]
    greedy, count = request_lines.score_line([BOS, *ids], chosen, 2047)
    other, _ = request_lines.score_line([BOS, *ids], [chosen[0] + 1], 2047)
    refused = request_lines.make_line({"prompt": []})
    answers = answers_of([greedy, other, refused], directory)
    assert request_lines.read_score(request_lines.find_answer(answers, greedy), count)[1]
    assert not request_lines.read_score(request_lines.find_answer(answers, other), 1)[1]
    missing = request_lines.MissingAnswer
    assert refuses(lambda: request_lines.find_answer(answers, refused), missing, "was refused: ")
    assert refuses(lambda: request_lines.find_answer(answers, line), missing, "the answers lack a request")


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    text = directory / "line.txt"
    text.write_text(TEXT + "\n")
    ids = [int(word) for word in octet("tokenize", "--model", MODEL, "-i", text).split()]
    check_pure_functions()
    check_scores(ids, directory)
    check_generation(ids, directory)
    print("score and generation lines are right")


if __name__ == "__main__":
    main()
