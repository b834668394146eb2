#!/usr/bin/env python3
"""Evaluates models on data sets of a local folder as OpenCompass does, by files, and prints its table.

    opencompass_files.py requests --data DIR --out requests.jsonl
    octet run-batch --model DIR -i requests.jsonl -o answers.jsonl
    opencompass_files.py results --data DIR --answers answers.jsonl --csv table.csv

Needs no package. Flags of prompts (--chat, --limit) must be the same both times.
"""

import argparse
import csv
import pathlib
import json
import sys

import opencompass_data
import opencompass_scores
import request_lines


def label_lines(dataset, entry):
    """A line for each label of a PPL data set."""
    return [request_lines.make_line({"prompt": opencompass_data.text_of(dataset.prompt_pieces(entry, label)),
                                     "max_tokens": 0, "echo": True, "prompt_logprobs": 0})
            for label in dataset.labels()]


def generate_line(dataset, entry, is_chat):
    """The line of a GEN data set: greedy, at most max_out_len tokens."""
    prompt = dataset.prompt_pieces(entry)
    body = {"max_tokens": dataset.inferencer["max_out_len"], "temperature": 0}
    if dataset.inferencer.get("stopping_criteria"):
        body["stop"] = dataset.inferencer["stopping_criteria"]
    if not is_chat:
        return request_lines.make_line({"prompt": opencompass_data.text_of(prompt)} | body)
    line = request_lines.make_line({"messages": opencompass_data.messages_of(prompt)} | body)
    return line | {"url": "/v1/chat/completions"}


def lines_of(dataset, options):
    """For each entry its lines."""
    entries = dataset.test[:options.limit]
    if dataset.mode == "ppl":
        return [label_lines(dataset, entry) for entry in entries]
    return [[generate_line(dataset, entry, options.chat)] for entry in entries]


def perplexity(choice):
    """OpenCompass's: nats of all tokens but the first, over the number of all."""
    positions = choice["prompt_logprobs"]
    return -sum(next(iter(position.values()))["logprob"] for position in positions[1:]) / len(positions)


def predict(dataset, lines, answers):
    """The label with the lowest perplexity, the first of equal ones; or the text."""
    choices = [request_lines.find_answer(answers, line) for line in lines]
    if dataset.mode == "ppl":
        scores = [perplexity(choice) for choice in choices]
        return dataset.labels()[scores.index(min(scores))]
    return choices[0]["text"] if "text" in choices[0] else choices[0]["message"]["content"]


def write_requests(options):
    """The command `requests`."""
    datasets, _ = opencompass_data.read_folder(options.data)
    once = {line["custom_id"]: line for dataset in datasets for lines in lines_of(dataset, options) for line in lines}
    with open(options.out, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in once.values())
    print(f"{len(once)} requests in {options.out}", file=sys.stderr)


def read_models(arguments):
    """From the model's name (NAME=FILE, else as the answers have it) to its answers."""
    models = {}
    for argument in arguments:
        name, _, path = argument.rpartition("=")
        with open(path, encoding="utf-8") as file:
            answers = request_lines.read_answers(file)
        name = name or next((body["model"] for body in answers.values() if "model" in body), path)
        if name in models:
            raise ValueError(f"two files have answers of {name}: tell them apart by NAME=FILE")
        models[name] = answers
    return models


def score(dataset, options, models):
    """The data set's row: version, metric, mode, and the value of each model."""
    references = dataset.references()[:options.limit]
    lines = lines_of(dataset, options)
    values = {}
    for name, answers in models.items():
        predictions = [predict(dataset, entry, answers) for entry in lines]
        metric, values[name] = opencompass_scores.evaluate(dataset.config["eval_cfg"], predictions, references)
    return dataset.version(), metric, dataset.mode, values


def show_results(options):
    """The command `results`."""
    datasets, summarizer = opencompass_data.read_folder(options.data)
    models = read_models(options.answers)
    rows = {dataset.abbr: score(dataset, options, models) for dataset in datasets}
    opencompass_scores.add_groups(rows, summarizer.get("summary_groups", []))
    table = opencompass_scores.make_table(rows, list(models), summarizer.get("dataset_abbrs", list(rows)))
    print(opencompass_scores.format_table(table))
    if options.csv:
        with open(options.csv, "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run, help_text in (("requests", write_requests, "write the data sets' requests"),
                                 ("results", show_results, "print the table, from answers")):
        command = commands.add_parser(name, help=help_text)
        command.set_defaults(run=run)
        command.add_argument("--data", type=pathlib.Path, required=True, help="folder of data sets")
        command.add_argument("--limit", type=int, help="of each data set only so many entries, for tests")
        command.add_argument("--chat", action="store_true", help="ask GEN data sets as chats")
        if run is write_requests:
            command.add_argument("--out", required=True, help="requests for octet run-batch -i")
        else:
            command.add_argument("--answers", required=True, action="append", metavar="[NAME=]FILE",
                                 help="what octet run-batch -o wrote; a column for each")
            command.add_argument("--csv", help="file for the table")
    options = parser.parse_args()
    try:
        options.run(options)
    except (opencompass_data.BadData, request_lines.MissingAnswer, ValueError, OSError) as error:
        sys.exit(f"opencompass_files.py: {error}")


if __name__ == "__main__":
    main()
