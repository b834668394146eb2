"""A conversation of octet chat in a pseudo terminal, with the screen that a user sees."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time

import pyte

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
PROGRAM = os.environ["OCTET_BIN"]
MODEL = os.path.join(CHECKOUT, "launch", "demo", "model")
COLUMNS, ROWS = 100, 50
PATIENCE = 60  # seconds; a hang is a failure
PROMPT = ">>> "

UP, LEFT, TAB, BACKSPACE, CTRL_A, CTRL_C, CTRL_D, CTRL_Z = "\x1b[A", "\x1b[D", "\t", "\x7f", "\x01", "\x03", "\x04", "\x1a"


def launcher(ranks, *flags):
    """The beginning of a command line: octet itself (ranks 0), or on ranks by launch/run.sh."""
    if ranks == 0 and not flags:
        return [PROGRAM]
    return [os.path.join(CHECKOUT, "launch", "run.sh"), *(["-n", str(ranks)] if ranks else []), *flags]


# A shell that runs a command, and goes on with it after it was stopped.
SHELL = ("bash", "--norc", "-ic", '"$0" "$@"; echo "stopped with $?"; read -r; fg')


def chat_command(*arguments, ranks=0, flags=(), model=MODEL):
    return [*launcher(ranks, *flags), "chat", "--model", model, "--threads", "1", *arguments]


class Session:
    """A child whose terminal is ours. Every wait ends after PATIENCE."""

    def __init__(self, *arguments, ranks=0, flags=(), state=None, environment=None, model=MODEL, shell=()):
        self.directory = tempfile.TemporaryDirectory()
        self.state = state or self.directory.name
        self.screen = pyte.HistoryScreen(COLUMNS, ROWS, history=2000)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        environment = {**os.environ, "TERM": "xterm", "XDG_STATE_HOME": self.state, **(environment or {})}
        environment.pop("COLUMNS", None)
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.modes = termios.tcgetattr(follower)
        self.follower = follower  # kept open, so that the modes can be read at the end
        self.process = subprocess.Popen(
            [*shell, *chat_command(*arguments, ranks=ranks, flags=flags, model=model)], stdin=follower,
            stdout=follower, stderr=follower, env=environment, preexec_fn=take_terminal, cwd=CHECKOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        os.close(self.leader)
        os.close(self.follower)
        self.directory.cleanup()

    def read(self, seconds):
        """Takes what the child writes within a time; returns whether there was anything."""
        if not select.select([self.leader], [], [], seconds)[0]:
            return False
        data = os.read(self.leader, 65536)
        self.raw += data
        self.stream.feed(data)
        return True

    def text(self):
        """All lines so far, also those that have left the screen."""
        lines = ["".join(line[x].data for x in range(COLUMNS)) for line in self.screen.history.top]
        return "\n".join(line.rstrip() for line in lines + self.screen.display).rstrip("\n")

    def wait_for(self, condition, what):
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not within {PATIENCE} s: {what}; the screen has\n{self.text()}")
            if self.process.poll() is not None and not self.read(0.1) and not condition():
                raise AssertionError(f"ended with {self.process.returncode} without {what}:\n{self.text()}")
            self.read(0.1)

    def expect(self, pattern):
        """Waits until the text has this pattern; returns the match."""
        self.wait_for(lambda: re.search(pattern, self.text(), re.MULTILINE), pattern)
        return re.search(pattern, self.text(), re.MULTILINE)

    def at_prompt(self):
        """Waits until the last line is an empty prompt."""
        self.wait_for(lambda: self.last_line() == PROMPT.rstrip(), "a prompt")

    def last_line(self):
        return self.text().rsplit("\n", 1)[-1]

    def send(self, keys):
        os.write(self.leader, keys.encode())

    def ask(self, line):
        """Sends a line at a prompt, and returns what is on the screen between it and the next prompt."""
        self.at_prompt()
        return self.type(line + "\r")

    def type(self, keys):
        """Sends keys that end a line, and returns what is on the screen between it and the next prompt."""
        before = self.text().count("\n")
        self.send(keys)
        self.wait_for(lambda: self.text().count("\n") > before and self.last_line() == PROMPT.rstrip(), "a prompt")
        lines = self.text().split("\n")
        return "\n".join(lines[before + 1:-1])

    def end(self, keys=CTRL_D):
        """Ends the conversation; returns the exit code."""
        self.at_prompt()
        self.send(keys)
        return self.wait()

    def wait(self):
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f"does not end; the screen has\n{self.text()}")
            self.read(0.1)
        while self.read(0.1):
            pass
        return self.process.returncode

    def modes_are_restored(self):
        return termios.tcgetattr(self.follower)[:4] == self.modes[:4]


def take_terminal():
    """In the child: standard input becomes the terminal of a session of its own, as a shell has it."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def run(*arguments, ranks=0, text=None, **settings):
    """One run without a terminal: its exit code, standard output and standard error."""
    done = subprocess.run(chat_command(*arguments, ranks=ranks, **settings), input=text, capture_output=True,
                          text=True, timeout=PATIENCE, cwd=CHECKOUT)
    return done.returncode, done.stdout, done.stderr


def batch_answers(bodies, directory, url="/v1/chat/completions"):
    """The texts of run-batch's answers to these request bodies."""
    path = os.path.join(directory, "in.jsonl")
    output = os.path.join(directory, "out.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        for i, body in enumerate(bodies):
            file.write(json.dumps({"custom_id": str(i), "method": "POST", "url": url, "body": body}) + "\n")
    subprocess.run([PROGRAM, "run-batch", "--model", MODEL, "-i", path, "-o", output, "--overwrite"], check=True,
                   capture_output=True, timeout=PATIENCE)
    with open(output, encoding="utf-8") as file:
        choices = [json.loads(line)["response"]["body"]["choices"][0] for line in file]
    return [c["message"]["content"] if "message" in c else c["text"] for c in choices]
