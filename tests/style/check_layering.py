"""Includes point down only: launch -> runtime -> parallel -> kernels; see ALLOWED. Within each of them, too: see ORDER.
Nothing uses tests."""

import re
import sys

ALLOWED = {
    "kernels": {"kernels"},
    "parallel": {"parallel", "kernels", "proto/placement.pb.h"},
    "runtime": {"runtime", "parallel", "kernels", "proto"},
    "launch": {"launch", "runtime", "parallel", "kernels", "proto"},
    "tests": {"tests", "launch", "runtime", "parallel", "kernels", "proto"},
}
ORDER = {  # the folders of each; one may use those before it
    "kernels": ["base", "cpu", "cuda"],
    "parallel": ["watch", "transport", "placement", "planner", "dispatch"],
    "runtime": ["io", "text", "structured", "checkpoint", "model", "trace", "engine", "batch", "replay"],
}
INCLUDE = re.compile(r'#include "([^"]+)"')


def allowed(path, target):
    folder = path.split("/")[0]
    if target.split("/")[0] not in ALLOWED[folder] and target not in ALLOWED[folder]:
        return False
    if folder not in ORDER or target.split("/")[0] != folder:
        return True
    order = ORDER[folder]
    return order.index(target.split("/")[1]) <= order.index(path.split("/")[1])


def main(paths):
    bad = 0
    for path in paths:
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            match = INCLUDE.match(line)
            if match and not allowed(path, match[1]):
                print(f"{path}:{number}: may not use {match[1]}", file=sys.stderr)
                bad += 1
    return bad != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
