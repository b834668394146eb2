#!/usr/bin/env python3
"""What disks and other people do to the files of real jobs: two jobs on one output, flipped bits in what an attempt left,
touched inputs, a disk that is full at the end, files of others in the journal's directory, outputs that can't be replaced.
The output must be that of an undisturbed job, byte for byte, and nothing of anybody else's may change.

    tests/fault/file_faults.py [--points N] [--seed S]

Prints a table, and ends with 1 if anything was wrong. As root, in a mount namespace of its own. OCTET_BIN: the program.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
MODEL = CHECKOUT / "tests/golden/hf/basic"  # the smallest: two layers, no tokenizer
REQUESTS = 60
TIME_LIMIT = 60  # seconds: a hang is a failure


class Job:
    """A directory with an input, and octet's command line for it."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.input = self.directory / "in.jsonl"
        self.output = self.directory / "out.jsonl"
        self.journal = self.directory / "out.jsonl.journal"
        with open(self.input, "w") as file:
            for i in range(REQUESTS):
                body = {"prompt": [] if i % 10 == 3 else [1 + i, 17, 300 + i], "max_tokens": 5 + i * 7 % 40,
                        "ignore_eos": True}
                line = {"custom_id": f"r{i}", "method": "POST", "url": "/v1/completions", "body": body}
                file.write(json.dumps(line) + "\n")

    def command(self, *flags, source=None, output=None):
        return [os.environ["OCTET_BIN"], "run-batch", "--model", MODEL, "-i", source or self.input, "-o",
                output or self.output, "--progress", "none", "--threads", "1", "--max-num-seqs", "4", *flags]

    def run(self, *flags, fault=None, **files):
        """Exit code and standard error."""
        environment = {**os.environ, **({"OCTET_FAULT": fault} if fault else {})}
        done = subprocess.run(self.command(*flags, **files), env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIME_LIMIT, check=False)
        return done.returncode, done.stderr.decode()

    def kill_in_the_middle(self, chooser):
        self.run(fault=f"rank=0,phase=schedule,count={chooser.randrange(40, 120)},signal=KILL")
        return sorted(self.journal.glob("part-??????"))

    def results(self):
        return sum(line.split(b" ", 2)[1:2] in ([b"answer"], [b"error"])
                   for part in self.journal.glob("part-??????") for line in part.read_bytes().splitlines())


def expect(condition, what, said=""):
    if not condition:
        raise AssertionError(f"{what}: {said}")


def ends_well(job, expected, code, said):
    expect(code == 0 and job.output.read_bytes() == expected, "another output", said)


def flipped_bit(job, chooser, expected):
    """Loses one record at most, and says so."""
    part = job.kill_in_the_middle(chooser)[0]
    before = job.results()
    data = bytearray(part.read_bytes())
    place = chooser.randrange(data.index(b"\n") + 1, len(data))
    data[place] ^= 1 << chooser.randrange(8)
    part.write_bytes(data)
    code, said = job.run("--resume")
    ends_well(job, expected, code, said)
    kept = int(said.split("goes on after ")[1].split()[0]) if "goes on after" in said else 0
    expect(before - 1 <= kept <= before, f"{kept} of {before} results were kept", said)
    expect("done again" in said, "nothing was said", said)


def flipped_header(job, chooser, expected):
    part = job.kill_in_the_middle(chooser)[0]
    data = bytearray(part.read_bytes())
    data[chooser.randrange(data.index(b"\n"))] ^= 1 << chooser.randrange(8)
    part.write_bytes(data)
    code, said = job.run()
    expect(code == 2 and "header is damaged" in said, "work was thrown away unasked", said)
    code, said = job.run("--resume")
    ends_well(job, expected, code, said)
    expect("header is damaged" in said, "nothing was said", said)


def touched_input(job, chooser, expected):
    job.kill_in_the_middle(chooser)
    os.utime(job.input)
    code, said = job.run("--resume")
    ends_well(job, expected, code, said)
    expect("was touched or copied" in said, "nothing was said", said)
    os.utime(job.input)
    code, said = job.run("--resume")
    expect(code == 0 and "is complete since" in said, "a finished job was not found", said)


def two_jobs(job, chooser, expected):
    """Of any kinds. The second one is refused; what it finds later is kept."""
    kinds = {"file": {}, "pipe": {"source": "-"}}
    first, second = chooser.choice(sorted(kinds)), chooser.choice(sorted(kinds))
    link = job.directory / "link.jsonl"
    link.symlink_to(job.output.name)
    fault = {"OCTET_FAULT": f"rank=0,phase=schedule,count={chooser.randrange(1, 60)},signal=STOP"}
    with open(job.input) as lines, subprocess.Popen(
            job.command(**kinds[first]), env={**os.environ, **fault}, stdin=lines, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE) as process:
        try:
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            code, said = job.run(output=chooser.choice([job.output, link]), **kinds[second])
            expect(code == 2 and "is in use by" in said, "two jobs met", said)
        finally:
            process.send_signal(signal.SIGCONT)
            said = process.communicate(timeout=TIME_LIMIT)[1].decode()
    ends_well(job, expected, process.returncode, said)
    code, said = job.run("--seed", "9", **kinds[second])
    expect(code == 2 and job.output.read_bytes() == expected, "a finished output was replaced", said)


def foreign_files(job, chooser, expected):
    names = ["notes.txt", "part-1", "part-000009", "part-000001.bak", "output-old", "finished.old", "lock.txt"]
    foreign = {job.journal / name: f"mine: {name}" for name in chooser.sample(names, 4)}
    foreign |= {pathlib.Path(f"{job.output}{ending}"): "mine" for ending in (".partial", ".waiting", ".new", ".lock")}
    job.journal.mkdir()
    for path, text in foreign.items():
        path.write_text(text)
    (job.journal / "output-000007").write_text("of an attempt that was killed")
    job.kill_in_the_middle(chooser)
    code, said = job.run(chooser.choice(["--resume", "--overwrite"]))
    ends_well(job, expected, code, said)
    for path, text in foreign.items():
        expect(path.read_text() == text, f"{path.name} was changed")
    left = {path.name for path in job.journal.iterdir()} - {path.name for path in foreign}
    expect(left == {"lock", "finished"}, f"{left} was left behind")


def full_disk(job, chooser, expected):
    """At the end: there is room for the journal, and not for what is put in order."""
    disk = job.directory / "disk"
    disk.mkdir()
    output = disk / "out.jsonl"
    journal = len(expected) * 5 // 4 // 4096 + 4  # pages, with those of the directory's other files
    pages = journal + chooser.randrange(len(expected) // 4096 // 2)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={pages * 4}k", "tmpfs", disk], check=True)
    try:
        code, said = job.run(output=output)
        expect(code == 1 and "No space left on device" in said and "what is done is kept" in said, "full disk", said)
        expect(not list(disk.glob("*/output-*")) and not output.exists(), "half an output was left", said)
        used = shutil.disk_usage(disk).used
        code, said = job.run("--resume", output=output)
        expect(code in (1, 2) and shutil.disk_usage(disk).used <= used + 8192, "a resume took more room", said)
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
        code, said = job.run("--resume", output=output)
        expect(code == 0 and output.read_bytes() == expected, "another output", said)
    finally:
        subprocess.run(["umount", disk], check=True)


def unreplaceable_output(job, chooser, _):
    """Bound file, read-only disk, sticky directory, journal on another disk: found before anything is written."""
    kind = chooser.choice(["bound", "read-only", "sticky", "far"])
    place = job.directory / "place"
    place.mkdir()
    output = place / "out.jsonl"
    mounted = []
    flags = [] if kind in ("read-only", "far") else ["--overwrite"]
    wrapper = []
    if flags:
        output.write_text("precious")
    if kind == "bound":
        subprocess.run(["mount", "--bind", output, output], check=True)
        mounted.append(output)
    elif kind == "read-only":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", place], check=True)
        mounted.append(place)
    elif kind == "far":
        far = job.directory / "far"
        far.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", far], check=True)
        mounted.append(far)
        (place / "out.jsonl.journal").symlink_to(far)
    else:
        os.chown(output, 1234, 1234)
        place.chmod(0o1777)
        os.chmod(job.directory, 0o755)
        wrapper = ["setpriv", "--reuid", "4321", "--clear-groups"]
    before = sorted(place.rglob("*"))
    try:
        done = subprocess.run([*wrapper, *job.command(*flags, output=output)], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=TIME_LIMIT, check=False)
        said = done.stderr.decode()
        expect(done.returncode == 2 and str(output) in said, f"{kind} was not refused", said)
        expect(sorted(place.rglob("*")) == before, f"{kind}: something was written", said)
        expect(not flags or output.read_text() == "precious", f"{kind}: the output was changed", said)
    finally:
        for path in mounted:
            subprocess.run(["umount", path], check=True)


CASES = [flipped_bit, two_jobs, foreign_files, touched_input, full_disk, unreplaceable_output, flipped_header]


def in_own_namespace():
    """False: this machine has none."""
    if os.environ.get("OCTET_OWN_MOUNTS"):
        return True
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        return False
    os.environ["OCTET_OWN_MOUNTS"] = "1"
    os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=210)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    cases = CASES
    if not in_own_namespace():
        print("Left out: full disks and outputs that can't be replaced, as this machine makes no mounts", file=sys.stderr)
        cases = [case for case in CASES if case not in (full_disk, unreplaceable_output)]

    with tempfile.TemporaryDirectory() as directory:
        job = Job(directory)
        code, said = job.run()
        if code != 0:
            sys.exit(f"the undisturbed run failed: {said}")
        expected = job.output.read_bytes()
    tried, failed = collections.Counter(), collections.Counter()
    for number in range(options.points):
        case = cases[number % len(cases)]
        tried[case.__name__] += 1
        with tempfile.TemporaryDirectory() as directory:
            try:
                case(Job(directory), random.Random(f"{options.seed} {number}"), expected)
            except (AssertionError, OSError, IndexError, subprocess.SubprocessError) as error:
                failed[case.__name__] += 1
                print(f"FAILED: {case.__name__}, point {number}: {error}")
    for name in tried:
        print(f"  {name:22} {tried[name]:4} points, {failed[name]} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
