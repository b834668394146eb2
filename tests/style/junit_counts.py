"""Prints the numbers of tests, failures and skipped tests in a JUnit file that CTest wrote."""

import sys
import xml.etree.ElementTree as ElementTree

suite = ElementTree.parse(sys.argv[1]).getroot()
cases = suite.findall("testcase")
failures = sum(case.get("status") == "fail" for case in cases)
skipped = sum(case.get("status") in ("notrun", "disabled") for case in cases)
print(len(cases), failures, skipped)
