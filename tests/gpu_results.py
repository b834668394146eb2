#!/usr/bin/env python3
"""Keeps the results of tests/gpu.sh.

  has FILE COMMIT DEVICE                                   exit code 0: this step has passed there
  write FILE COMMIT DEVICE STATUS SECONDS FIGURES          the result of a step; FIGURES need not exist
  collect FOLDER                                           writes all of them to FOLDER/results.json, and prints them
"""

import json
import pathlib
import sys


def has(file, commit, device):
    path = pathlib.Path(file)
    if not path.exists():
        return False
    step = json.loads(path.read_text())
    return step["commit"] == commit and step["device"] == device and step["exit_code"] == 0


def write(file, commit, device, status, seconds, figures):
    step = {"step": pathlib.Path(file).stem, "commit": commit, "device": device, "exit_code": int(status),
            "seconds": int(seconds)}
    if pathlib.Path(figures).exists():
        step["figures"] = json.loads(pathlib.Path(figures).read_text())
    pathlib.Path(file).write_text(json.dumps(step, indent=1) + "\n")


def collect(folder):
    steps = []
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        if path.name != "results.json" and not path.name.endswith(".figures.json"):
            steps.append(json.loads(path.read_text()))
    (pathlib.Path(folder) / "results.json").write_text(json.dumps(steps, indent=1) + "\n")
    for step in steps:
        rates = {name: round(step["figures"][name], 1) for name in ("prefill_tokens_per_s", "decode_tokens_per_s")
                 if name in step.get("figures", {})}
        print(step["step"], "passed" if step["exit_code"] == 0 else "failed", rates or "", step["device"], step["commit"])


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "has":
        sys.exit(0 if has(*arguments) else 1)
    {"write": write, "collect": collect}[command](*arguments)
