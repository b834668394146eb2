#!/usr/bin/env python3
"""No input of a megabyte takes a parser a second of processor time or 512 MiB, as it is delivered, without sanitizers.

    tests/fuzz/large_inputs_test.py PARSE_ONCE [TARGET...]
"""

import os
import sys
import tempfile

import large_inputs

MOST_SECONDS = 1
MOST_KIB = 512 << 10


def measure(*command):
    """Exit status, seconds, KiB."""
    process = os.posix_spawn(command[0], command, os.environ)
    _, status, used = os.wait4(process, 0)
    return status, used.ru_utime + used.ru_stime, used.ru_maxrss


def main(program, *targets):
    bad = 0
    for target in targets or large_inputs.TARGETS:
        with tempfile.TemporaryDirectory() as directory:
            costs = {path: measure(program, target, path) for path in large_inputs.write(target, directory)}
        for path, (status, seconds, kib) in costs.items():
            if status != 0 or seconds > MOST_SECONDS or kib > MOST_KIB:
                print(f"{path.name}: status {status}, {seconds:.2f} s, {kib >> 10} MiB: FAILED")
                bad += 1
        print(f"{target}: {len(costs)} inputs, at most {max(c[1] for c in costs.values()):.2f} s, "
              f"{max(c[2] for c in costs.values()) >> 10} MiB")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
