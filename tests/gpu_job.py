#!/usr/bin/env python3
"""A whole job on CUDA devices: the demo's prompts, by octet run-batch.

    tests/gpu_job.py RANKS [--prompts N] [--max-tokens N]    a device for each rank

In float32 the tokens must be those of the CPU; in bfloat16 the bytes of one rank and of all must be the same. OCTET_BIN:
the program, build/release/launch/octet unless set.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
DEMO = CHECKOUT / "launch/demo"


def write_requests(path, count, max_tokens):
    """The demo's requests, greedy, and with the ids of their tokens in the answers."""
    lines = (DEMO / "prompts.jsonl").read_text(encoding="utf-8").splitlines()[:count]
    with path.open("w", encoding="utf-8") as out:
        for request in map(json.loads, lines):
            request["body"].update(temperature=0, max_tokens=max_tokens, return_token_ids=True)
            out.write(json.dumps(request) + "\n")


def run(folder, ranks, *flags):
    """The bytes of the output; None, and what the job said, where it failed."""
    out = folder / "out.jsonl"
    job = subprocess.run([CHECKOUT / "launch/run.sh", "-n", str(ranks), "run-batch", "--model", DEMO / "model", "-i",
                          folder / "in.jsonl", "-o", out, "--overwrite", *flags],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if job.returncode == 0:
        return out.read_bytes()
    print(f"exit code {job.returncode} on {ranks} ranks with {' '.join(flags)}:\n{job.stdout}")
    return None


def tokens_of(output):
    return output and [json.loads(line)["response"]["body"]["choices"][0]["token_ids"]
                       for line in output.decode().splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ranks", type=int)
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--max-tokens", type=int, default=60)
    arguments = parser.parse_args()
    ranks = arguments.ranks
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        write_requests(folder / "in.jsonl", arguments.prompts, arguments.max_tokens)
        expected = tokens_of(run(folder, 1, "--device", "cpu", "--dtype", "float32"))
        tokens = tokens_of(run(folder, ranks, "--device", "cuda", "--dtype", "float32"))
        alone = run(folder, 1, "--device", "cuda", "--dtype", "bfloat16")
        together = run(folder, ranks, "--device", "cuda", "--dtype", "bfloat16", "--placement", "round-robin")
    checks = {"tokens in float32 are the CPU's": expected and tokens == expected,
              f"bytes in bfloat16 are the same on 1 rank and on {ranks}": alone and together == alone}
    for what, holds in checks.items():
        print(f"{'yes' if holds else 'NO'}: {what}")
    for i, (cpu, cuda) in enumerate(zip(expected or [], tokens or [])):
        if cpu != cuda:
            print(f"prompt {i}: CPU {cpu}, CUDA {cuda}")
    print(f"{sum(map(len, tokens or []))} tokens of {len(tokens or [])} answers")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
