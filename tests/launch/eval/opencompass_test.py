#!/usr/bin/env python3
"""Data sets as OpenCompass asks them: prompts and versions are OpenCompass's own, scores are those of `octet perplexity`, and the
table has its form. OCTET_BIN: the program; the argument: a directory for files."""

import json
import os
import pathlib
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
EVAL = CHECKOUT / "launch/eval"
sys.path.insert(0, str(EVAL))
sys.dont_write_bytecode = True
import opencompass_data  # noqa: E402
import opencompass_files  # noqa: E402
import opencompass_scores  # noqa: E402
import request_lines  # noqa: E402

MODEL = CHECKOUT / "launch/demo/model"
EXAMPLES = EVAL / "examples/opencompass"
# The prompts of OpenCompass's configuration piqa_ppl_1cf9f0.py.
PIQA = {
    "prompt_template": {"type": "PromptTemplate", "template": {
        "0": "The following makes sense: \nQ: {goal}\nA: {sol1}\n", "1": "The following makes sense: \nQ: {goal}\nA: {sol2}\n"}},
    "retriever": {"type": "ZeroRetriever"}, "inferencer": {"type": "PPLInferencer"}}


def octet(*arguments):
    command = [os.environ["OCTET_BIN"], *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def adapter(*arguments, status=0):
    command = [sys.executable, "-B", str(EVAL / "opencompass_files.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def dataset(directory, name, infer_cfg, test, train=(), eval_cfg=None):
    """A data set of its own folder."""
    folder = directory / name
    folder.mkdir(exist_ok=True)
    for file, entries in (("test.jsonl", test), ("train.jsonl", train)):
        (folder / file).write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    config = {"reader_cfg": {"output_column": "label"}, "infer_cfg": infer_cfg, "test": "test.jsonl", "train": "train.jsonl",
              "eval_cfg": eval_cfg or {"evaluator": {"type": "AccEvaluator"}}}
    (folder / f"{name}.json").write_text(json.dumps(config))
    return folder


def only(folder):
    return opencompass_data.read_folder(folder)[0][0]


def mmlu(subject):
    """The prompts of OpenCompass's configuration mmlu_ppl_ac766d.py, but for the examples' numbers."""
    question = "{input}\nA. {A}\nB. {B}\nC. {C}\nD. {D}"
    hint = f"The following are multiple choice questions (with answers) about  {subject}.\n\n"
    return {
        "ice_template": {"type": "PromptTemplate", "template": {o: f"{question}\nAnswer: {o}\n" for o in "ABCD"}},
        "prompt_template": {"type": "PromptTemplate", "ice_token": "</E>",
                            "template": {o: f"{hint}</E>{question}\nAnswer: {o}" for o in "ABCD"}},
        "retriever": {"type": "FixKRetriever", "fix_id_list": [1, 0]}, "inferencer": {"type": "PPLInferencer"}}


def check_versions(directory):
    piqa = only(dataset(directory, "piqa", PIQA, [{"goal": "g", "sol1": "x", "sol2": "{y}", "label": 1}]))
    assert piqa.version() == "1cf9f0" and piqa.mode == "ppl" and piqa.labels() == ["0", "1"]
    assert opencompass_data.text_of(piqa.prompt_pieces(piqa.test[0], "1")) == "The following makes sense: \nQ: g\nA: {y}\n"


def check_examples_of_texts(directory):
    entries = [{"input": f"q{n}", "A": "a", "B": "b", "C": "c", "D": "d", "label": "CB"[n]} for n in range(2)]
    found = only(dataset(directory, "mmlu", mmlu("college biology"), entries[:1], entries))
    shown = "q{}\nA. a\nB. b\nC. c\nD. d\nAnswer: {}"
    expected = ("The following are multiple choice questions (with answers) about  college biology.\n\n"
                + shown.format(1, "B") + "\n\n" + shown.format(0, "C") + "\n\n" + shown.format(0, "D"))
    assert opencompass_data.text_of(found.prompt_pieces(found.test[0], "D")) == expected
    found.config["infer_cfg"]["retriever"]["fix_id_list"] = [0, 1, 2, 3, 4]
    # The hash of all 57 subjects' hashes, made in this way, begins with ac766d.
    assert found.version() == "0eddf6"


def check_rounds(directory):
    rounds = [{"role": "HUMAN", "prompt": "Q: {ask}"}, {"role": "BOT", "prompt": "A: {label}"}]
    infer = {"ice_template": {"type": "PromptTemplate", "ice_token": "</E>", "template": {"begin": "</E>", "round": rounds}},
             "retriever": {"type": "FixKRetriever", "fix_id_list": [0]},
             "inferencer": {"type": "GenInferencer", "max_out_len": 7, "stopping_criteria": ["\n"]}}
    found = only(dataset(directory, "rounds", infer, [{"ask": "two?", "label": "2"}], [{"ask": "one?", "label": "1"}]))
    prompt = found.prompt_pieces(found.test[0])
    assert opencompass_data.text_of(prompt) == "Q: one?\nA: 1\nQ: two?\nA: ", prompt
    line = opencompass_files.generate_line(found, found.test[0], is_chat=True)
    assert line["url"] == "/v1/chat/completions"
    assert [m["role"] for m in line["body"]["messages"]] == ["user", "assistant", "user", "assistant"]
    assert line["body"]["max_tokens"] == 7 and line["body"]["temperature"] == 0 and line["body"]["stop"] == ["\n"]


def check_refusals(directory):
    infer = PIQA | {"inferencer": {"type": "CLPInferencer"}}
    folder = dataset(directory, "clp", infer, [{"label": 1}])
    assert "CLPInferencer" in adapter("requests", "--data", folder, "--out", directory / "none", status=1)
    (directory / "empty").mkdir(exist_ok=True)
    assert "has no data sets" in adapter("requests", "--data", directory / "empty", "--out", directory / "none", status=1)


def check_scores():
    assert opencompass_scores.normalise("The  cat's hat, and more") == "cats hat"
    assert opencompass_scores.first_option("I think the answer is (C), not A", "ABCD") == "C"
    assert opencompass_scores.first_option("Because. B) it is", "ABCD") == "B"
    assert opencompass_scores.first_option("none of them", "ABCD") == ""
    assert opencompass_scores.last_number("3 + 4 = 7.50\nQuestion: 9") == "7.50"
    acc = {"evaluator": {"type": "AccEvaluator"}, "pred_postprocessor": {"type": "first_capital_postprocess"}}
    assert opencompass_scores.evaluate(acc, ["so B", "A", "c"], ["B", "B", ""]) == ("accuracy", 200 / 3)
    em = {"evaluator": {"type": "EMEvaluator"}}
    assert opencompass_scores.evaluate(em, ["the ark. Then", "no"], [["Ark", "ark"], ["yes"]]) == ("score", 50)
    gsm = {"evaluator": {"type": "Gsm8kEvaluator"}, "pred_postprocessor": {"type": "gsm8k_postprocess"}}
    assert opencompass_scores.evaluate(gsm, ["so 1200", "?"], ["so\n#### 1,200", "#### 3"]) == ("accuracy", 50)


def check_table():
    rows = {"a": ("123abc", "accuracy", "ppl", {"m": 5.0, "other": 50.0}), "b": ("456def", "score", "gen", {"m": 10.0, "other": 0.0})}
    groups = [{"name": "all", "subsets": ["a", "b"]}, {"name": "weighted", "subsets": ["a", "b"], "weights": {"a": 3, "b": 1}}]
    opencompass_scores.add_groups(rows, groups)
    table = opencompass_scores.make_table(rows, ["m", "other"], ["all", "a", "gone", "weighted"])
    assert table[1] == ["all", "-", "naive_average", "mixed", "7.50", "25.00"]
    assert table[3] == ["gone", "-", "-", "-", "-", "-"] and table[4][2:] == ["weighted_average", "mixed", "6.25", "37.50"]
    del table[3]
    assert opencompass_scores.format_table(table).splitlines() == [
        "dataset    version    metric            mode       m    other",
        "---------  ---------  ----------------  ------  ----  -------",
        "all        -          naive_average     mixed   7.50    25.00",
        "a          123abc     accuracy          ppl     5.00    50.00",
        "weighted   -          weighted_average  mixed   6.25    37.50"]


def independent_perplexity(text, directory):
    file, result = directory / "text.txt", directory / "perplexity.json"
    file.write_text(text)
    octet("perplexity", "--model", MODEL, "--dtype", "float32", "-f", file, "--output-json", result, "--threads", 1)
    found = json.loads(result.read_text())
    return found["nats_per_token"] * found["tokens"] / (found["tokens"] + 1)


def check_job(directory):
    requests, answers, table = directory / "requests.jsonl", directory / "answers.jsonl", directory / "table.csv"
    adapter("requests", "--data", EXAMPLES, "--out", requests)
    octet("run-batch", "--model", MODEL, "--dtype", "float32", "-i", requests, "-o", answers, "--overwrite", "--threads", 1)
    printed = adapter("results", "--data", EXAMPLES, "--answers", answers, "--csv", table).splitlines()
    cells = [line.split(",") for line in table.read_text().splitlines()]
    assert [line.split() for line in (printed[0], *printed[2:])] == cells
    assert cells[0] == ["dataset", "version", "metric", "mode", "model"]
    endings = opencompass_data.Dataset(EXAMPLES / "verse_endings.json")
    found = request_lines.read_answers(answers.read_text().splitlines())
    num_right = 0
    for entry in endings.test:
        scores = [independent_perplexity(f"{entry['beginning']} {entry[label]}", directory) for label in "AB"]
        lines = opencompass_files.label_lines(endings, entry)
        ours = [opencompass_files.perplexity(request_lines.find_answer(found, line)) for line in lines]
        assert max(abs(a - b) for a, b in zip(scores, ours)) < 1e-5, (scores, ours)
        num_right += "AB"[scores.index(min(scores))] == entry["answer"]
    rows = {row[0]: row for row in cells}
    assert rows["verse_endings"] == ["verse_endings", endings.version(), "accuracy", "ppl", f"{100 * num_right / 12:.2f}"]
    assert rows["verse_words"][2:4] == ["score", "gen"]
    assert rows["verses"][4] == f"{(float(rows['verse_endings'][4]) + float(rows['verse_endings_shots'][4])) / 2:.2f}"
    both = adapter("results", "--data", EXAMPLES, "--answers", f"a={answers}", "--answers", f"b={answers}", "--limit", 2)
    assert both.split("\n")[0].split() == ["dataset", "version", "metric", "mode", "a", "b"]
    answers.write_text("")
    assert "the answers lack a request" in adapter("results", "--data", EXAMPLES, "--answers", answers, status=1)


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    check_versions(directory)
    check_examples_of_texts(directory)
    check_rounds(directory)
    check_refusals(directory)
    check_scores()
    check_table()
    check_job(directory)
    print("prompts, versions, scores and the table are right")


if __name__ == "__main__":
    main()
