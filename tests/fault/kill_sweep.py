#!/usr/bin/env python3
"""Kills or stops a rank of a real job at counted steps of every phase, goes on with the job on other ranks, placements
and batch sizes, and compares the output byte for byte with that of an undisturbed run. After each kill and stop it also
compares what `octet jobs` counts with what the journal and the output hold.

    tests/fault/kill_sweep.py [--points N] [--stops N] [--retries N] [--seed S] [--parallel N] [--log FILE]

With --retries it also kills jobs that compute refused lines again after a fix (--retry-failed).

Prints a table, and ends with 1 if anything was lost, doubled or left behind. The log has one JSON object a point: where
it was killed, and what was outstanding. OCTET_BIN: the program.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
MODEL = CHECKOUT / "tests/golden/hf/basic"  # the smallest: two layers, no tokenizer
LAYERS = 2
REQUESTS = 60
TIME_LIMIT = 60  # seconds: a hang is a failure
STOP_TIMEOUT = 2  # seconds: --timeout of the jobs of which a rank is stopped
MOST_LATE = 5  # seconds after the timeout by which a stopped rank must be named

LAYER_PHASES = ["attention", "router", "routing", "dispatch", "experts", "combine"]
STEP_PHASES = ["schedule", "head", "sampling", "results"]
STOP_PHASES = ["init", "loading", "attention", "dispatch", "combine", "journal", "finalize"]
REFUSED = len(range(3, REQUESTS, 10))
RECORD = re.compile(rb"^[0-9a-f]{16} (answer|error) ([0-9]+) .*\n$")  # whole ones


def write_input(path, refused_of=10):
    """Requests of different lengths, sampled, one of so many refused; 0: none."""
    with open(path, "w") as file:
        for i in range(REQUESTS):
            prompt = [] if refused_of and i % refused_of == 3 else [1 + i, 17, 300 + i]
            body = {"prompt": prompt, "max_tokens": 5 + i * 7 % 40, "ignore_eos": True}
            line = {"custom_id": f"r{i}", "method": "POST", "url": "/v1/completions", "body": body}
            file.write(json.dumps(line) + "\n")


class Job:
    """One directory with an input, and octet's command line for it."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.input = self.directory / "in.jsonl"
        self.output = self.directory / "out.jsonl"

    def run(self, ranks, flags, fault=None):
        """Runs launch/run.sh to its end: (exit code or None when it hung, stderr, seconds)."""
        command = [CHECKOUT / "launch/run.sh", "-n", str(ranks), "run-batch", "--model", MODEL, "-i", self.input, "-o",
                   self.output, "--progress", "none", "--threads", "1", *flags]
        environment = {**os.environ, **({"OCTET_FAULT": fault} if fault else {})}
        start = time.monotonic()
        with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, start_new_session=True) as process:
            try:
                _, said = process.communicate(timeout=TIME_LIMIT)
                return process.returncode, said.decode(), time.monotonic() - start
            except subprocess.TimeoutExpired:
                self.kill_leftovers()
                process.kill()
                return None, "hung", TIME_LIMIT

    def leftovers(self):
        """Processes that still work for this job."""
        found = subprocess.run(["pgrep", "-f", "--", f"-o {self.output} "], capture_output=True, text=True, check=False)
        return found.stdout.split()

    def kill_leftovers(self):
        subprocess.run(["pkill", "-KILL", "-f", "--", f"-o {self.output} "], check=False)

    @property
    def journal(self):
        return pathlib.Path(f"{self.output}.journal")

    def records(self):
        """The kinds and numbers of the results that the journal has, in all of its parts."""
        matches = []
        for part in sorted(self.journal.glob("part-??????")):
            matches += filter(None, map(RECORD.match, part.read_bytes().splitlines(keepends=True)))
        return [(match.group(1), int(match.group(2))) for match in matches]

    def counts(self):
        """What `octet jobs` says."""
        asked = subprocess.run([os.environ["OCTET_BIN"], "jobs", "--json", self.output], capture_output=True, text=True,
                               timeout=TIME_LIMIT, check=True)
        said = json.loads(asked.stdout)
        return {name: int(said.get(name, 0)) for name in ("answered", "failed", "left")} | {"state": said["state"]}

    def counted_wrong(self):
        """What `octet jobs` says that is not so; nothing if all is right."""
        asked = subprocess.run([os.environ["OCTET_BIN"], "jobs", "--json", self.output], capture_output=True, text=True,
                               timeout=TIME_LIMIT, check=False)
        if asked.returncode != 0:
            has_begun = any(self.journal.glob("part-*")) or (self.journal / "finished").exists()
            return asked.stderr if has_begun else ""
        said = json.loads(asked.stdout)
        if (self.journal / "finished").exists():
            truth = {"answered": REQUESTS - REFUSED, "failed": REFUSED, "left": 0}
            states = {"finished"}
        else:
            records = set(self.records())
            failed = sum(kind == b"error" for kind, _ in records)
            truth = {"answered": len(records) - failed, "failed": failed, "left": REQUESTS - len(records)}
            states = {"killed", "crashed", "stopped"}
        is_right = said["state"] in states and truth == {name: int(said.get(name, 0)) for name in truth}
        return "" if is_right else f"{asked.stdout.strip()} for {truth}, one of {sorted(states)}"


def draw_point(number, steps, chooser):
    """Where the number-th fault strikes. Phases take turns; most strike while requests are outstanding."""
    phases = LAYER_PHASES + STEP_PHASES + LAYER_PHASES + STEP_PHASES + ["journal"]
    phase = phases[number % len(phases)]
    if number % 60 == 59:
        phase = chooser.choice(["loading", "finalize"])
    entries = steps * LAYERS if phase in LAYER_PHASES else steps
    count = 1 if phase in ("loading", "finalize") else chooser.randrange(1, max(2, entries * 9 // 10))
    ranks = chooser.choice([1, 2, 2, 3])
    rank = 0 if phase == "journal" else chooser.randrange(ranks)
    return {"phase": phase, "count": count, "ranks": ranks, "rank": rank}


def resume_flags(chooser):
    ranks = chooser.choice([1, 2, 3])
    flags = ["--resume", "--placement", chooser.choice(["contiguous", "round-robin", "random:7"]), "--max-num-seqs",
             str(chooser.choice([1, 3, 8, 64])), "--max-num-batched-tokens", str(chooser.choice([5, 33, 512]))]
    return ranks, flags


def kill_point(number, steps, seed, expected):
    """One rank is killed, and the job gone on with. Returns what happened."""
    chooser = random.Random(f"{seed} {number}")
    point = draw_point(number, steps, chooser)
    point["signal"] = chooser.choice(["KILL", "KILL", "KILL", "TERM"])
    with tempfile.TemporaryDirectory() as directory:
        job = Job(directory)
        write_input(job.input)
        fault = f"rank={point['rank']},phase={point['phase']},count={point['count']},signal={point['signal']}"
        code, said, seconds = job.run(point["ranks"], ["--max-num-seqs", "4"], fault)
        done = [number for _, number in job.records()]
        point |= {"struck": "OCTET_FAULT" in said, "exit_code": code, "seconds": round(seconds, 2), "done": len(done),
                  "outstanding": 0 if job.output.exists() else REQUESTS - len(set(done)), "left_behind": len(job.leftovers())}
        point["counted_wrong"] = job.counted_wrong()
        ranks, flags = resume_flags(chooser)
        resumed, said_then, _ = job.run(ranks, flags)
        everything = job.output.read_bytes() if job.output.exists() else b""
        point |= {"resumed": resumed, "doubled": len(done) - len(set(done)), "same_bytes": everything == expected}
        if not point["same_bytes"] or resumed != 0:
            point["said"] = said[-2000:] + said_then[-2000:]
    return point


def accuses(line, rank):
    """Whether the line says that this rank stands still, by octet's or run.sh's words."""
    stands_still = rf"\brank {rank} on \S+ (has made no progress|is stopped|is late)\b"
    is_missing = rf"^run\.sh: rank (\d+ )*{rank} (\d+ )*did not start\b"
    return re.search(f"{stands_still}|{is_missing}", line) is not None


def stop_point(number, steps, seed, expected):
    """One rank stands still. The others must name it and end, and the job can be gone on with."""
    chooser = random.Random(f"stop {seed} {number}")
    phase = STOP_PHASES[number % len(STOP_PHASES)]
    count = 1 if phase in ("init", "loading", "finalize") else chooser.randrange(1, steps)
    ranks = chooser.choice([2, 3])
    rank = 0 if phase == "journal" else chooser.randrange(ranks)
    point = {"phase": phase, "count": count, "ranks": ranks, "rank": rank, "signal": "STOP"}
    with tempfile.TemporaryDirectory() as directory:
        job = Job(directory)
        write_input(job.input)
        fault = f"rank={rank},phase={phase},count={count},signal=STOP"
        code, said, seconds = job.run(ranks, ["--max-num-seqs", "4", "--timeout", str(STOP_TIMEOUT)], fault)
        named = [line for line in said.splitlines() if accuses(line, rank)]
        point |= {"struck": "OCTET_FAULT" in said, "exit_code": code, "seconds": round(seconds, 2), "named": len(named),
                  "left_behind": len(job.leftovers()), "counted_wrong": job.counted_wrong()}
        resumed, said_then, _ = job.run(1, ["--resume"])
        point["same_bytes"] = resumed == 0 and job.output.read_bytes() == expected
        if not (named and point["same_bytes"] and not point["left_behind"]):
            point["said"] = said[-3000:] + said_then[-1000:]
    return point


def retry_point(number, expected_of, seed):
    """A job is done, some of its refused lines get a fix, and a rank is killed while they are computed again."""
    chooser = random.Random(f"retry {seed} {number}")
    left_refused = chooser.choice(list(expected_of))
    expected = expected_of[left_refused]
    still_failed = len(range(3, REQUESTS, left_refused)) if left_refused else 0
    phase = chooser.choice(LAYER_PHASES + STEP_PHASES + ["journal", "loading"])
    ranks = chooser.choice([1, 2, 3])
    rank = 0 if phase == "journal" else chooser.randrange(ranks)
    count = 1 if phase == "loading" else chooser.randrange(1, 12 if phase == "journal" else 30)
    point = {"phase": phase, "count": count, "ranks": ranks, "rank": rank, "signal": chooser.choice(["KILL", "TERM"])}
    with tempfile.TemporaryDirectory() as directory:
        job = Job(directory)
        write_input(job.input)
        job.run(1, [])
        before = job.output.read_bytes()
        write_input(job.input, left_refused)
        fault = f"rank={rank},phase={phase},count={count},signal={point['signal']}"
        code, said, _ = job.run(ranks, ["--retry-failed", "--max-num-seqs", "4"], fault)
        counts = job.counts()
        kept = {job.output.read_bytes()} <= {before, expected}
        point |= {"struck": "OCTET_FAULT" in said, "exit_code": code, "counts": counts, "kept": kept,
                  "outstanding": counts["left"], "left_behind": len(job.leftovers())}
        # Before the retry has begun, it is the finished job.
        resumed, said_then, _ = job.run(chooser.choice([1, 2]), ["--resume" if counts["left"] else "--retry-failed"])
        then = job.counts()
        point |= {"resumed": resumed, "same_bytes": job.output.read_bytes() == expected and kept,
                  "counted_wrong": counts["answered"] + counts["failed"] + counts["left"] != REQUESTS or
                                   counts["answered"] < REQUESTS - REFUSED or then != {
                                       "answered": REQUESTS - still_failed, "failed": still_failed, "left": 0,
                                       "state": "finished"}}
        if not point["same_bytes"] or point["counted_wrong"]:
            point["said"] = said[-2000:] + said_then[-2000:]
    return point


def undisturbed(refused_of=10):
    """The bytes of the output, and the steps of the engine that every count refers to."""
    with tempfile.TemporaryDirectory() as directory:
        job = Job(directory)
        write_input(job.input, refused_of)
        code, said, _ = job.run(1, ["--max-num-seqs", "4", "--report", str(directory)])
        if code != 0:
            sys.exit(f"the undisturbed run failed: {said}")
        return job.output.read_bytes(), json.loads((job.directory / "summary.json").read_text())["steps"]


def print_table(name, points, bad):
    print(f"{name}: {len(points)} points")
    print(f"  {'phase':12} points  struck  outstanding  same bytes")
    for phase in sorted({p["phase"] for p in points}):
        of_phase = [p for p in points if p["phase"] == phase]
        print(f"  {phase:12} {len(of_phase):6} {sum(p['struck'] for p in of_phase):7} "
              f"{sum(p.get('outstanding', 0) > 0 for p in of_phase):12} {sum(p['same_bytes'] for p in of_phase):11}")
    for point in bad:
        print("  FAILED:", json.dumps(point))


def sweep(function, count, options, *arguments):
    with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
        return list(pool.map(lambda i: function(i, *arguments), range(count)))


def sweep_retries(options):
    """The points, and those that failed."""
    if not options.retries:
        return [], []
    points = sweep(retry_point, options.retries, options, {n: undisturbed(n)[0] for n in (0, 20, 30)}, options.seed)
    bad = [p for p in points if not p["same_bytes"] or p["counted_wrong"] or p["left_behind"]]
    print_table("killed in --retry-failed", points, bad)
    print(f"  {len(bad)} points failed")
    return points, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=500)
    parser.add_argument("--stops", type=int, default=70)
    parser.add_argument("--retries", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--log", type=pathlib.Path)
    options = parser.parse_args()
    expected, steps = undisturbed()

    kills = sweep(kill_point, options.points, options, steps, options.seed, expected)
    bad_kills = [p for p in kills if not p["same_bytes"] or p["doubled"] or p["left_behind"] or p["counted_wrong"] or
                 p["exit_code"] is None]
    print_table("killed", kills, bad_kills)
    outstanding = sum(p["outstanding"] > 0 for p in kills)
    print(f"  {outstanding} with work outstanding, {sum(p['done'] for p in kills)} results done before: "
          f"{len(bad_kills)} points failed")

    stops = sweep(stop_point, options.stops, options, steps, options.seed, expected)
    bad_stops = [p for p in stops if not p["same_bytes"] or not p["named"] or p["left_behind"] or
                 p["counted_wrong"] or p["seconds"] > STOP_TIMEOUT + MOST_LATE + 2]
    print_table("stopped", stops, bad_stops)
    if stops:
        slowest = max(p["seconds"] for p in stops)
        print(f"  the longest run from start to end took {slowest} s with --timeout {STOP_TIMEOUT}: "
              f"{len(bad_stops)} points failed")

    retries, bad_retries = sweep_retries(options)
    if options.log:
        options.log.write_text("".join(json.dumps(p) + "\n" for p in kills + stops + retries))
    missed = sum(not p["struck"] for p in kills + stops)
    if missed > len(kills + stops) // 10 or outstanding < len(kills) * 95 // 100:
        print(f"{missed} points missed the job, {outstanding} had work outstanding: the sweep says too little")
        return 1
    return 1 if bad_kills or bad_stops or bad_retries else 0


if __name__ == "__main__":
    sys.exit(main())
