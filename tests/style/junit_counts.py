"""Prints the numbers of tests, failures and skipped tests in a JUnit file that CTest wrote.

Where tests of a program share a process (NAME:1of8), they are counted by what GoogleTest wrote (tests/NAME_1of8.xml).
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def counts(case, folder):
    """(tests, failures, skipped) of one test of CTest's."""
    failed = case.get("status") == "fail"
    file = folder / "tests" / (case.get("name").replace(":", "_") + ".xml")
    if "of" in case.get("name").rpartition(":")[2] and file.exists():
        suites = ElementTree.parse(file).getroot()
        failures = int(suites.get("failures")) + int(suites.get("errors"))
        skipped = sum(int(suite.get("skipped", 0)) for suite in suites)
        return int(suites.get("tests")), max(failures, int(failed)), skipped
    return 1, int(failed), int(case.get("status") in ("notrun", "disabled"))


path = pathlib.Path(sys.argv[1])
cases = ElementTree.parse(path).getroot().findall("testcase")
print(*map(sum, zip(*(counts(case, path.parent) for case in cases))))
