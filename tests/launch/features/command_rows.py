"""The rows of the feature table that are about commands, and small enough to be tried in a second each. Each function gets a `Place`."""

import gzip
import json
import os
import pathlib
import subprocess

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
MODEL = CHECKOUT / "launch/demo/model"
GOOD = {"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": {"prompt": "And", "max_tokens": 4, "temperature": 0}}
BAD = GOOD | {"custom_id": "b", "body": {"prompt": "And", "max_tokns": 4}}


class Place:
    """A directory, the program, and jobs with them."""

    def __init__(self, program, directory):
        self.program, self.directory = program, directory

    def octet(self, *arguments, status=0, text=None, ranks=None):
        command = [self.program, *map(str, arguments)]
        if ranks:
            command = ["bash", CHECKOUT / "launch/run.sh", "-n", str(ranks), *map(str, arguments)]
        environment = os.environ | {"OCTET_BIN": str(self.program)}
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120, env=environment)
        assert done.returncode == status, (command, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def file(self, name, lines=()):
        path = self.directory / name
        if lines:
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    def batch(self, lines, *flags, status=0, out="out.jsonl", ranks=None):
        source = self.file("in.jsonl", lines)
        self.said = self.octet("run-batch", "--model", MODEL, "-i", source, "-o", self.directory / out, "--overwrite",
                               "--threads", 1, *flags, status=status, ranks=ranks)
        return self.said


def refused_lines(place):
    said = place.batch([GOOD, BAD])
    answers = [json.loads(line) for line in place.file("out.jsonl").read_text().splitlines()]
    assert answers[0]["response"]["status_code"] == 200 and answers[1]["response"]["status_code"] == 400
    assert "max_tokns" in answers[1]["error"]["message"] and "max_tokns" in said
    place.batch([GOOD, BAD], "--fail-on-refused", status=1)
    place.batch([GOOD, BAD], "--lenient", "--fail-on-refused")


def compressed_files(place):
    source = place.directory / "in.jsonl.gz"
    source.write_bytes(gzip.compress((json.dumps(GOOD) + "\n").encode()))
    out = place.directory / "out.jsonl.gz"
    place.octet("run-batch", "--model", MODEL, "-i", source, "-o", out, "--overwrite", "--threads", 1)
    assert json.loads(gzip.decompress(out.read_bytes()))["custom_id"] == "a"


def pipes(place):
    said = place.octet("run-batch", "--model", MODEL, "-i", "-", "-o", "-", "--threads", 1, "--progress", "none", text=json.dumps(GOOD))
    assert '"custom_id":"a"' in said


def prefix_cache(place):
    start = " ".join(["And the LORD spake unto Moses"] * 12)
    place.batch([GOOD | {"custom_id": str(n), "body": {"prompt": f"{start} {n}", "max_tokens": 1}} for n in range(4)])
    assert "found in the prefix cache" in place.said


def dry_run(place):
    said = place.batch([GOOD], "--dry-run", out="none.jsonl")
    assert "KV cache up to" in said and "1 to answer, 0 refused" in said, said
    assert not (place.directory / "none.jsonl").exists()


def job_status(place):
    place.batch([GOOD, BAD])
    found = json.loads(place.octet("jobs", "--json", place.directory / "out.jsonl"))
    assert found["state"] == "finished" and found["failed"] == 1, found


def metrics_and_timeline(place):
    place.batch([GOOD], "--metrics", place.directory / "m.prom", "--timeline", place.directory / "t.json")
    assert "octet_finished 1" in (place.directory / "m.prom").read_text()
    assert json.loads((place.directory / "t.json").read_text())["traceEvents"]


def progress(place):
    place.batch([GOOD], "--progress", "json")
    assert '"stage"' in place.said


def same_bytes(place):
    place.batch([GOOD], out="one.jsonl")
    place.batch([GOOD], out="three.jsonl", ranks=3)
    assert place.file("one.jsonl").read_bytes() == place.file("three.jsonl").read_bytes()


def placements(place):
    place.batch([GOOD], "--placement", "random:1", "--replicas", 1, out="p.jsonl", ranks=2)
    place.batch([GOOD], out="one.jsonl")
    assert place.file("one.jsonl").read_bytes() == place.file("p.jsonl").read_bytes()


def routing_record(place):
    place.batch([GOOD], "--trace", place.directory / "r.zst")
    assert "layer" in place.octet("trace", "stats", place.directory / "r.zst")


def perplexity(place):
    text = place.directory / "t.txt"
    text.write_text("And it came to pass in those days. " * 20)
    found = [place.octet("perplexity", "--model", MODEL, "-f", text, "--threads", 1, *flags)
             for flags in ((), ("--convention", "hf"), ("--convention", "llama.cpp", "--window", 64))]
    assert all("perplexity" in said for said in found) and len(set(found)) == 3


def tokens(place):
    ids = place.octet("tokenize", "--model", MODEL, text="And it\nAnd\n").splitlines()
    assert len(ids) == 2 and ids[0].startswith(ids[1] + " ")


def inspection(place):
    assert "experts" in place.octet("inspect", MODEL, "--ranks", 4)


def smaller_weights(place):
    place.batch([GOOD], "--weights", "int8")
    place.batch([GOOD], "--weights", "int4")


def chat_once(place):
    assert place.octet("chat", "--model", MODEL, "--system", "Be short.", "--prompt", "Who is David?", "--max-tokens", 4, "--threads", 1)


def chat_commands(place):
    saved = place.directory / "c.json"
    typed = f"/system Be short.\n/set max_tokens 3\nHi\n/save {saved}\n/reset\n/load {saved}\n/show\n/bye\n"
    said = place.octet("chat", "--model", MODEL, "--plain", "--threads", 1, text=typed)
    assert json.loads(saved.read_text())["messages"][0]["role"] == "system" and "Be short." in said


def templates(place):
    template = place.directory / "t.jinja"
    template.write_text("{% for m in messages %}{{ m['content'] }} {{ word }}{% endfor %}")
    line = GOOD | {"url": "/v1/chat/completions", "body": {"messages": [{"role": "user", "content": "And"}], "max_tokens": 1,
                                                           "chat_template_kwargs": {"word": "it"}}}
    place.batch([line], "--chat-template", template, "--fail-on-refused")


def manual_and_completion(place):
    assert ".TH" in place.octet("man") and "complete" in place.octet("completion", "bash")
    assert place.octet("--version").startswith("octet ")


def benchmark(place):
    said = place.octet("bench", "throughput", "--model", MODEL, "--num-prompts", 2, "--input-len", 8, "--output-len", 4, "--no-bounds",
                       "--threads", 1)
    assert "tokens/s" in said


ROWS = {
    "refused lines, unknown fields": refused_lines, "compressed files": compressed_files, "pipes": pipes,
    "shared prompts computed once": prefix_cache, "check before the start": dry_run, "state of a job from outside": job_status,
    "Prometheus, timeline": metrics_and_timeline, "progress, time left": progress,
    "same bytes on any ranks and batch": same_bytes, "experts where one wants them": placements,
    "routing recorded": routing_record, "perplexity": perplexity, "tokens of a text": tokens, "what lies in a file": inspection,
    "quantise while loading": smaller_weights, "one question": chat_once, "chat with commands": chat_commands,
    "chat templates": templates, "manual page, completion": manual_and_completion, "benchmark": benchmark,
}
