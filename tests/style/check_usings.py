"""Fails where a file declares `using a::b;` and never says b."""

import collections
import re
import sys

DECLARATION = re.compile(r"^\s*using [\w:]+::(\w+);", re.MULTILINE)
failed = False
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    words = collections.Counter(re.findall(r"\w+", text))
    declared = collections.Counter(DECLARATION.findall(text))
    for name, count in declared.items():
        if words[name] == count:
            print(f"{path}: using ...::{name} is not used", file=sys.stderr)
            failed = True
sys.exit(failed)
