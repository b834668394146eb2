"""The manual page and the completions have every command and flag of --help; man bash and zsh take them."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["OCTET_BIN"]
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "LC_ALL": "C.UTF-8"}


def run(*command, text=""):
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False, env=ENVIRONMENT)


def output(*words):
    result = run(PROGRAM, *words)
    assert result.returncode == 0, (words, result.stderr)
    return result.stdout


def flags_of(help_text):
    """Of the lines that describe one: "  -o,--output TEXT   help"."""
    lines = re.findall(r"^ {2,4}(-\S+)", help_text, re.M)
    return {flag for line in lines for flag in line.split(",")}


def commands_below(path):
    """Words of each command, with its help text."""
    text = output(*path, "--help")
    yield path, text
    listed = re.search(r"^Subcommands:\n((?: .*\n?)+)", text, re.M)
    for name in re.findall(r"^  (\S+)", listed[1], re.M) if listed else []:
        yield from commands_below([*path, name])


COMMANDS = list(commands_below([]))


def completions(script, line):
    """What bash offers at the end of a line."""
    words = re.findall(r"=|[^\s=]+", line) + ([""] if line.endswith((" ", "=")) else [])
    question = f"{script}\nCOMP_WORDS=({' '.join(repr(word) for word in words)})\nCOMP_CWORD={len(words) - 1}\n"
    result = run("bash", "--norc", "-s", text=question + '_octet\nprintf "%s\\n" "${COMPREPLY[@]}"\n')
    assert result.returncode == 0 and not result.stderr, (line, result)
    return set(result.stdout.split())


# In place of zsh's own, whose completion needs a terminal: they print what there is to choose from.
ZSH_STAND_INS = """
compdef() { :; }
compset() { PREFIX=${PREFIX#*=} }
_files() { print -rl -- $PREFIX*(N) }
_describe() { [[ $1 != -o ]] || shift; print -rl -- ${${(P)2}%%:*} }
"""


def zsh_choices(script, line):
    """All that zsh can choose from at the end of a line, before it leaves out what does not fit."""
    words = line.split(" ")
    quoted = " ".join(repr(word) if word else '""' for word in words)
    question = f"{ZSH_STAND_INS}{script}\nwords=({quoted})\nCURRENT={len(words)}\nPREFIX={words[-1] or repr('')}\n_octet\n"
    result = run("zsh", "-f", "-s", text=question)
    assert result.returncode == 0 and not result.stderr, (line, result)
    return set(result.stdout.split())


class Manual(unittest.TestCase):
    def setUp(self):
        self.page = output("man")

    def test_there_are_commands_and_flags(self):
        names = {" ".join(path) for path, _ in COMMANDS}
        self.assertLessEqual({"", "run-batch", "doctor", "bench", "bench exchange", "man"}, names)
        self.assertIn("--output", flags_of(dict((" ".join(p), t) for p, t in COMMANDS)["run-batch"]))

    def test_every_flag_is_in_the_section_of_its_command(self):
        page = self.page.replace("\\-", "-")
        sections = dict(re.findall(r'^\.SS "octet ([^"]*)"\n(.*?)(?=^\.S[SH])', page, re.M | re.S))
        for path, text in COMMANDS[1:]:
            section = sections[" ".join(path)]
            for flag in flags_of(text):
                self.assertIn(f"\\fB{flag}\\fR", section, path)

    def test_man_has_nothing_to_say_against_it(self):
        result = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", "-", text=self.page)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        shown = run("man", "-E", "UTF-8", "-l", "-", text=self.page).stdout
        shown = re.sub(".\b", "", shown)
        self.assertIn("octet run-batch", shown)
        self.assertIn("--hostfile", shown)
        self.assertIn("EXIT STATUS", shown)


class Completion(unittest.TestCase):
    def setUp(self):
        self.bash = output("completion", "bash")

    def test_every_command_and_flag_is_offered(self):
        for path, text in COMMANDS:
            line = " ".join(["octet", *path])
            self.assertEqual(completions(self.bash, line + " -"), flags_of(text), line)
            below = {p[-1] for p, _ in COMMANDS if p[:-1] == path and p}
            if below:
                self.assertEqual(completions(self.bash, line + " "), below, line)

    def test_words_are_completed(self):
        self.assertEqual(completions(self.bash, "octet run-b"), {"run-batch"})
        self.assertEqual(completions(self.bash, "octet bench e"), {"exchange"})
        self.assertEqual(completions(self.bash, "octet-run -n 4 --hosts a,b run-batch --outp"), {"--output"})
        self.assertEqual(completions(self.bash, "octet run-batch --model /et"), {"/etc"})
        self.assertEqual(completions(self.bash, "octet run-batch --model=/et"), {"/etc"})
        self.assertEqual(completions(self.bash, "octet inspect /et"), {"/etc"})

    def test_fish_gets_every_flag(self):
        fish = output("completion", "fish")
        for path, text in COMMANDS:
            seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in path)
            lines = [line for line in fish.splitlines() if f"-n '{seen}" in line]
            for flag in flags_of(text):
                option = f" -l {flag[2:]} " if flag.startswith("--") else f" -s {flag[1:]} "
                self.assertTrue(any(option in line for line in lines), (path, flag))

    def test_zsh_is_offered_every_command_and_flag(self):
        zsh = output("completion", "zsh")
        for path, text in COMMANDS:
            line = " ".join(["octet-run -n 2", *path])
            self.assertEqual(zsh_choices(zsh, line + " -"), flags_of(text), line)
            below = {p[-1] for p, _ in COMMANDS if p[:-1] == path and p}
            if below:
                self.assertEqual(zsh_choices(zsh, line + " "), below, line)
        for line in ["octet run-batch --model /et", "octet run-batch --model=/et", "octet inspect /et"]:
            self.assertEqual(zsh_choices(zsh, line), {"/etc"}, line)

    def test_zsh_completes_in_a_terminal(self):
        with tempfile.TemporaryDirectory() as directory:
            pathlib.Path(directory, "_octet").write_text(output("completion", "zsh"))
            question = f"""
                zmodload zsh/zpty && zpty shell zsh -f -i
                zpty -w shell 'PS1=; fpath=({directory} $fpath)'
                zpty -w shell 'autoload -Uz compinit && compinit -u -d {directory}/dump && print REA""DY'
                zpty -r -m shell seen '*READY*'
                zpty -w shell $'octet bench thr\\t --output-j\\t'
                zpty -r -m shell seen '*--output-json*' && print -r -- $seen
                zpty -d shell"""
            self.assertRegex(run("zsh", "-f", "-s", text=question).stdout, r"octet bench throughput.*--output-j")

    def test_other_shells_are_refused(self):
        result = run(PROGRAM, "completion", "csh")
        self.assertEqual(result.returncode, 2)
        self.assertIn("must be bash, fish or zsh, not 'csh'", result.stderr)


if __name__ == "__main__":
    unittest.main()
