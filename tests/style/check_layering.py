"""Includes point down only: launch -> runtime -> parallel -> kernels; see ALLOWED. Nothing uses tests."""

import re
import sys

ALLOWED = {
    "kernels": {"kernels"},
    "parallel": {"parallel", "kernels", "proto/placement.pb.h"},
    "runtime": {"runtime", "parallel", "kernels", "proto"},
    "launch": {"launch", "runtime", "parallel", "kernels", "proto"},
    "tests": {"tests", "launch", "runtime", "parallel", "kernels", "proto"},
}
INCLUDE = re.compile(r'#include "([^"]+)"')


def allowed(folder, target):
    return target.split("/")[0] in ALLOWED[folder] or target in ALLOWED[folder]


def main(paths):
    bad = 0
    for path in paths:
        folder = path.split("/")[0]
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            match = INCLUDE.match(line)
            if match and not allowed(folder, match[1]):
                print(f"{path}:{number}: {folder} may not use {match[1]}", file=sys.stderr)
                bad += 1
    return bad != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
