#!/usr/bin/env python3
"""What the machine code of kernels/cuda is allowed, on sm_80 and sm_90a.

    tests/cuda_emu/device_code_test.py budgets OBJECT...       reads what ptxas said when it was compiled: no spills, no
                                                               stack, and no more registers than the table says
    tests/cuda_emu/device_code_test.py instructions OBJECT...  looks into what was compiled: tensor cores, ldmatrix and
                                                               cp.async where they are meant, no double precision.
                                                               CUOBJDUMP: the disassembler, with nvdisasm beside it
    tests/cuda_emu/device_code_test.py keep COMPILER...        for CMake: compiles, and keeps what ptxas says in
                                                               OBJECT.ptxas

Exit code 77: there is no such tool, which is said.
"""

import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys

NO_TOOL = 77
ARCHITECTURES = {"sm_80", "sm_90a"}

# (how a kernel begins, the most registers of a thread, whether it is for tensor cores). The first that fits counts.
# Registers come by eights. A tile of 128 x 128 has 256 threads, of which 2 blocks fit with 128 registers; one of 64 x 64
# has 128 and one of 16 x 32 has 64, and shared memory has room for 3 blocks; attention has 128 or 32, and 2 blocks. A block of
# what is not named has at most 1,024 threads, which fit with 64.
BUDGETS = [
    ("ProductKernel<TensorCoreTile<16, 32,", 120, True),
    ("ProductKernel<TensorCoreTile<64, 64,", 120, True),
    ("ProductKernel<TensorCoreTile<128, 128,", 128, True),
    ("ProductKernel<PlainTile<", 72, False),
    ("FlashKernel<128,", 240, True),
    ("FlashKernel<64, 4>", 168, True),
    ("FlashKernel<64, 1>", 192, True),
    ("AttentionKernel<", 32, False),
    ("StoreKvKernel<", 32, False),
    ("MergeKernel", 32, False),
    ("RmsNormKernel", 32, False),
    ("SoftmaxKernel", 32, False),
    ("LogSumExpKernel", 32, False),
    ("WeightedSumKernel", 32, False),
    ("AddKernel", 32, False),
    ("GatherRowsKernel<", 32, False),
    ("GatherMessagesKernel<", 32, False),
    ("RopeKernel", 32, False),
    ("", 64, False),
]
TENSOR_CORES = ("HMMA", "LDSM", "LDGSTS")
DOUBLE = re.compile(r"D(ADD|MUL|FMA|SETP|MNMX)$")


def short(name):
    return re.sub(r"octet::cuda::|\(anonymous namespace\)::|^void ", "", name)


def budget_of(kernel):
    return next(budget for budget in BUDGETS if kernel.startswith(budget[0]))


def demangled(text):
    return subprocess.run(["c++filt"], input=text, capture_output=True, text=True, check=True).stdout


def find(variable, *places):
    return next((place for place in (os.environ.get(variable), *places) if place and os.access(place, os.X_OK)), None)


def report_of(file):
    return pathlib.Path(f"{file}.ptxas")


def keep(command):
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    report_of(command[command.index("-o") + 1]).write_text(done.stderr, encoding="utf-8")
    for line in done.stderr.splitlines():
        if not re.match(r"ptxas info |    \d+ bytes stack frame|\s*$", line):
            print(line, file=sys.stderr)
    return done.returncode


def check_budgets(log):
    """The faults of the kernels in a log of ptxas, and how many there are."""
    kernels = re.findall(r"Compiling entry function '(.*?)' for '(\w+)'(.*?)(?=Compiling entry|\Z)", log, re.S)
    faults = []
    for name, architecture, report in kernels:
        kernel = f"{short(name)} of {architecture}"
        registers = re.search(r"Used (\d+) registers", report)
        most = budget_of(short(name))[1]
        if "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads" not in report:
            faults.append(f"{kernel} has a stack or spills")
        if registers is None or int(registers[1]) > most:
            faults.append(f"{kernel} has {registers and registers[1]} registers, at most {most}")
    if {architecture for _, architecture, _ in kernels} != ARCHITECTURES:
        faults.append("there is no kernel of some architecture")
    return faults, len(kernels)


def budgets(objects):
    failed = False
    for file in objects:
        faults, count = check_budgets(demangled(report_of(file).read_text(encoding="utf-8")))
        print(f"{pathlib.Path(file).name}: {count} kernels", *faults, sep="\n  ")
        failed = failed or bool(faults)
    return 1 if failed else 0


def instructions_of(text):
    """(architecture, kernel) -> how often each instruction stands there."""
    found = collections.defaultdict(collections.Counter)
    architecture = kernel = None
    for line in text.splitlines():
        if match := re.match(r"arch = (\w+)", line):
            architecture = match[1]
        elif match := re.match(r"\s*Function : (.*)", line):
            kernel = short(match[1])
        elif match := re.match(r"\s+/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9]*)", line):
            found[architecture, kernel][match[1]] += 1
    return found


def faults_of(kernel, count):
    faults = [f"computes in double precision: {name}" for name in count if DOUBLE.match(name)]
    for name in TENSOR_CORES:
        if budget_of(kernel)[2] != (count[name] > 0):
            faults.append(f"has {count[name]} {name}")
    return faults


def instructions(objects):
    cuobjdump = find("CUOBJDUMP", shutil.which("cuobjdump"), "/usr/local/cuda/bin/cuobjdump")
    if cuobjdump is None:
        print("left out: there is no cuobjdump to look for HMMA, LDSM, LDGSTS and double precision with; "
              "CUOBJDUMP says where it is")
        return NO_TOOL
    path = f"{pathlib.Path(cuobjdump).parent}:{os.environ.get('PATH', '')}"
    found = {}
    for file in objects:
        sass = subprocess.run([cuobjdump, "-sass", file], capture_output=True, text=True, check=True,
                              env={**os.environ, "PATH": path}).stdout
        found.update(instructions_of(demangled(sass)))
    failed = False
    for (architecture, kernel), count in sorted(found.items()):
        named = ", ".join(f"{count[name]} {name}" for name in TENSOR_CORES if count[name] > 0)
        faults = faults_of(kernel, count)
        print(f"{architecture} {kernel}: {count.total()} instructions, {named or 'no tensor cores'}", *faults, sep="\n  ")
        failed = failed or bool(faults)
    for start, _, tensor_cores in BUDGETS:
        if tensor_cores and not any(kernel.startswith(start) for _, kernel in found):
            print(f"there is no kernel {start}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    commands = {"budgets": budgets, "instructions": instructions, "keep": keep}
    if sys.argv[1:2] and sys.argv[1] in commands and len(sys.argv) > 2:
        sys.exit(commands[sys.argv[1]](sys.argv[2:]))
    sys.exit(__doc__)
