"""No file is longer than 350 lines; no function, or body of a test, than 50, in kernels 100."""

import re
import sys

MAX_FILE = 350
START = re.compile(r"^[A-Za-z_~].*\(")
NOT_A_FUNCTION = re.compile(r"^(namespace|class|struct|enum|using|typedef|return|INSTANTIATE_TEST_SUITE_P|if|for|while)\b")


def functions(lines):
    """Yields (first line, length) of each function at the outermost level; Google style closes it in column 0."""
    start = None
    for i, line in enumerate(lines):
        if start is None and START.match(line) and not NOT_A_FUNCTION.match(line):
            start = i
        if start is not None and line.endswith(";") and "{" not in "".join(lines[start : i + 1]):
            start = None
        if start is not None and line.startswith("}"):
            yield start, i - start + 1
            start = None


def main(paths):
    bad = 0
    for path in paths:
        limit = 100 if path.startswith("kernels/") else 50
        with open(path, encoding="utf-8") as file:
            lines = file.read().removesuffix("\n").split("\n")
        if len(lines) > MAX_FILE:
            print(f"{path}: {len(lines)} lines, at most {MAX_FILE}", file=sys.stderr)
            bad += 1
        for start, length in functions(lines):
            if length > limit:
                print(f"{path}:{start + 1}: {length} lines, at most {limit}", file=sys.stderr)
                bad += 1
    return bad != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
