#!/usr/bin/env python3
"""Runs tasks of lm-evaluation-harness on octet, by files: the harness writes its requests, octet answers them, and the
harness reads the answers.

    lm_eval_files.py requests --model DIR --tasks A,B --out requests.jsonl
    octet run-batch --model DIR -i requests.jsonl -o answers.jsonl
    lm_eval_files.py results --model DIR --tasks A,B --answers answers.jsonl

Needs the packages lm-eval, transformers and sentencepiece of PyPI. Flags of tasks must be the same both times.
"""

import argparse
import json
import pathlib
import sys

import lm_eval
from lm_eval import utils
from lm_eval.api.model import TemplateLM
from lm_eval.tasks import TaskManager
from transformers import AutoConfig, AutoTokenizer

import request_lines

DEFAULT_MAX_GEN_TOKS = 256  # the harness's own


class FilesLM(TemplateLM):
    """A model whose requests become lines, and whose answers come from lines. Without answers it notes the requests, and
    answers with nothing. Tokens are those of the harness's backend `hf`."""

    def __init__(self, model, max_length, answers=None):
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        # The harness gives a model all tokens but the last; octet's requests have that one too.
        self.max_length = max_length or AutoConfig.from_pretrained(model).max_position_embeddings - 1
        self.answers = answers
        self.lines = {}

    @property
    def eot_token_id(self):
        return self.tokenizer.eos_token_id

    @property
    def prefix_token_id(self):
        bos = self.tokenizer.bos_token_id
        return self.eot_token_id if bos is None else bos

    @property
    def tokenizer_name(self):
        return self.tokenizer.name_or_path.replace("/", "__")

    def apply_chat_template(self, chat_history, add_generation_prompt=True):
        return self.tokenizer.apply_chat_template(chat_history, tokenize=False, add_generation_prompt=add_generation_prompt,
                                                  continue_final_message=not add_generation_prompt)

    def tok_encode(self, string, add_special_tokens=None, **_):
        bos = self.tokenizer.bos_token
        if add_special_tokens is None and bos and string.startswith(bos):
            add_special_tokens = False
        settings = {} if add_special_tokens is None else {"add_special_tokens": add_special_tokens}
        return self.tokenizer.encode(string, **settings)

    def _choice(self, line):
        """The answer; None while requests are noted."""
        if self.answers is not None:
            return request_lines.find_answer(self.answers, line)
        self.lines[line["custom_id"]] = line
        return None

    def _loglikelihood_tokens(self, requests, **_):
        scores = []
        for _, context, continuation in requests:
            line, num_scored = request_lines.score_line(context, continuation, self.max_length)
            choice = self._choice(line)
            scores.append(request_lines.read_score(choice, num_scored) if choice else (-1.0, False))
        return scores

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        sums = []
        for request in requests:
            windows = utils.get_rolling_token_windows(token_list=self.tok_encode(request.args[0]), context_len=1,
                                                      prefix_token=self.prefix_token_id, max_seq_len=self.max_length)
            windows = [(None, *utils.make_disjoint_window(window)) for window in windows]
            sums.append(sum(score for score, _ in self._loglikelihood_tokens(windows)))
        return sums

    def generate_until(self, requests, disable_tqdm=False):
        texts = []
        for request in requests:
            context, options = request.args[0], dict(request.args[1])
            until = options.pop("until", None) or []
            until = [until] if isinstance(until, str) else until
            max_gen_toks = options.pop("max_gen_toks", DEFAULT_MAX_GEN_TOKS)
            line = request_lines.generate_line(self.tok_encode(context), until, max_gen_toks, self.max_length,
                                               request_lines.sampling_fields(options))
            choice = self._choice(line)
            text = self.tokenizer.decode(choice["token_ids"], skip_special_tokens=True) if choice else ""
            for term in filter(None, until):
                text = text.split(term)[0]
            texts.append(text)
        return texts


def evaluate(model, options):
    """What the harness finds of a model."""
    tasks = TaskManager(include_path=options.include_path)
    return lm_eval.simple_evaluate(model=model, tasks=options.tasks.split(","), task_manager=tasks, limit=options.limit,
                                   num_fewshot=options.num_fewshot, apply_chat_template=options.apply_chat_template,
                                   log_samples=False, bootstrap_iters=100000 if model.answers is not None else 0)


def write_requests(options):
    """The command `requests`."""
    model = FilesLM(options.model, options.max_length)
    evaluate(model, options)
    with open(options.out, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in model.lines.values())
    print(f"{len(model.lines)} requests in {options.out}", file=sys.stderr)


def show_results(options):
    """The command `results`."""
    with open(options.answers, encoding="utf-8") as file:
        answers = request_lines.read_answers(file)
    results = evaluate(FilesLM(options.model, options.max_length, answers), options)
    print(utils.make_table(results))
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(results["results"], indent=2) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run, help_text in (("requests", write_requests, "write the tasks' requests"),
                                 ("results", show_results, "print the harness's table, from answers")):
        command = commands.add_parser(name, help=help_text)
        command.set_defaults(run=run)
        command.add_argument("--model", required=True, help="directory with the tokenizer and config.json")
        command.add_argument("--tasks", required=True, help="names, with commas between")
        command.add_argument("--include-path", help="directory with tasks of one's own")
        command.add_argument("--num-fewshot", type=int)
        command.add_argument("--limit", type=float, help="of each task only so many documents, for tests")
        command.add_argument("--apply-chat-template", action="store_true")
        command.add_argument("--max-length", type=int, help="max_length of the harness; default: one less than the model takes")
        if run is write_requests:
            command.add_argument("--out", required=True, help="requests for octet run-batch -i")
        else:
            command.add_argument("--answers", required=True, help="what octet run-batch -o wrote")
            command.add_argument("--output", help="file for the results as JSON")
    options = parser.parse_args()
    try:
        options.run(options)
    except (request_lines.MissingAnswer, ValueError, OSError) as error:
        sys.exit(f"lm_eval_files.py: {error}")


if __name__ == "__main__":
    main()
