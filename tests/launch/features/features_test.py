#!/usr/bin/env python3
"""The table of features says what Octet does: each of its rows is tried here, has a test that is named here, or says that Octet
has none. OCTET_BIN: the program; the argument: a directory for files."""

import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
import command_rows  # noqa: E402
import request_rows  # noqa: E402

CHECKOUT = command_rows.CHECKOUT
TABLE = CHECKOUT / "launch/features/README.md"
# From the row to the file that tests it.
TESTED = {
    "a file of requests in, a file of answers out": "tests/launch/batch/run_batch_test.cc",
    "a killed job goes on": "tests/launch/batch/run_batch_files_test.cc",
    "speculation without a second model": "tests/launch/batch/speculation_test.cc",
    "failed lines once more": "tests/launch/observe/batch_life_test.cc",
    "lm-evaluation-harness": "tests/launch/eval/eval_lines_test.py",
    "OpenCompass": "tests/launch/eval/opencompass_test.py",
    "safetensors": "tests/golden/hf_golden_test.cc",
    "models": "tests/launch/inspect/inspect_test.cc",
    "GGUF, K-quants": "tests/golden/gguf_golden_test.cc",
    "GPUs": "tests/launch/emulated_device_test.cc",
    "several hosts": "tests/launch/hosts_test.sh",
    "on after a lost host": "tests/launch/keep_weights_test.sh",
    "hosts that come and go": "tests/cluster/elastic_test.sh",
    "what is wrong with hosts": "tests/launch/doctor/doctor_test.sh",
    "system message, settings with a name": "tests/launch/chat/chat_test.py",
    "library": "tests/launch/examples/generate_example_test.cc",
    "package": "tests/launch/package/package_test.sh",
}


def table_rows():
    """From the first cell of each row to the cell of Octet."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ") and not line.startswith("| |")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(row) == 5 for row in cells), [row for row in cells if len(row) != 5]
    return {row[0]: row[1] for row in cells}


def try_requests(place):
    """All requests as one job."""
    lines = [{"custom_id": f"{row}/{number}", "method": "POST", "url": url, "body": body}
             for row, (asked, _) in request_rows.ROWS.items() for number, (url, body) in enumerate(asked)]
    template = place.directory / "template.jinja"
    template.write_text(request_rows.TEMPLATE)
    place.batch(lines, "--chat-template", template)
    answers = {}
    for line in place.file("out.jsonl").read_text().splitlines():
        result = json.loads(line)
        answers.setdefault(result["custom_id"].rpartition("/")[0], []).append(result["response"]["body"])
    for row, (_, is_right) in request_rows.ROWS.items():
        try:
            assert is_right(*answers[row])
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise AssertionError(f"{row}: {answers[row]}") from error


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    place = command_rows.Place(os.environ["OCTET_BIN"], directory)
    rows = table_rows()
    tried = {**request_rows.ROWS, **command_rows.ROWS, **TESTED}
    has_none = {row for row, cell in rows.items() if cell.startswith("–")}
    assert set(tried) <= set(rows), set(tried) - set(rows)
    assert set(rows) - set(tried) <= has_none, set(rows) - set(tried) - has_none
    assert all((CHECKOUT / path).exists() for path in TESTED.values()), TESTED
    try_requests(place)
    for row, try_row in command_rows.ROWS.items():
        print(row, flush=True)
        try_row(place)
    print(f"{len(tried)} of {len(rows)} rows are tried or tested, Octet has none of {len(has_none)}")


if __name__ == "__main__":
    main()
