#!/usr/bin/env python3
"""Conversations with the demo model, as a user has them. OCTET_BIN: the program."""

import json
import os
import re
import signal
import stat
import tempfile
import time
import unittest

from chat_session import (BACKSPACE, CTRL_A, CTRL_C, CTRL_D, CTRL_Z, LEFT, SHELL, TAB, UP, Session,
                          batch_answers, run)

SHORT = ("--temperature", "0", "--max-tokens", "8")
LONG = ("--temperature", "0", "--max-tokens", "1500", "--ignore-eos", "true")


def visible(text):
    """As it is on a screen of some width."""
    return "".join(text.split())


class Typing(unittest.TestCase):
    """What is typed at the prompt."""

    def test_an_answer_and_the_end(self):
        with Session(*SHORT) as session:
            self.assertTrue(session.ask("Who made the heaven?"))
            self.assertEqual(session.end(CTRL_D), 0)
            self.assertTrue(session.modes_are_restored())

    def test_the_line_can_be_edited(self):
        with Session(*SHORT) as session:
            session.at_prompt()
            session.send("the kng" + LEFT * 2 + "i" + CTRL_A + "xy" + BACKSPACE)
            session.expect(r"^>>> xthe king$")
            session.type(CTRL_C)
            self.assertEqual(session.end(), 0)

    def test_utf8(self):
        with Session(*SHORT) as session:
            session.at_prompt()
            session.type("/system Größe 漢字x" + BACKSPACE * 2 + "\r")
            self.assertIn("system: Größe 漢\n", session.ask("/show") + "\n")
            self.assertEqual(session.end(), 0)

    def test_the_arrow_keys_bring_lines_back(self):
        with Session(*SHORT) as session:
            session.ask("/set top_k 5")
            session.type(UP + BACKSPACE + "7\r")
            self.assertIn("top_k 7", session.ask("/show"))
            self.assertEqual(session.end("/exit\r"), 0)

    def test_history_is_kept_and_private(self):
        with tempfile.TemporaryDirectory() as state:
            with Session(*SHORT, state=state) as session:
                session.ask("/set top_k 3")
                self.assertEqual(session.end(), 0)
            path = os.path.join(state, "octet", "history")
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)
            with Session(*SHORT, state=state) as session:
                session.at_prompt()
                session.send(UP)
                session.expect(r"^>>> /set top_k 3$")
                session.type("\r")
                self.assertIn("top_k 3", session.ask("/show"))
                self.assertEqual(session.end(), 0)

    def test_commands_are_completed(self):
        with Session(*SHORT) as session:
            session.at_prompt()
            session.send("/res" + TAB)
            session.expect(r"^>>> /reset")
            session.type(CTRL_C)
            session.send("/set top" + TAB + TAB)
            session.expect(r"^top_p +top_k$")
            session.type("k" + TAB + "4\r")
            self.assertIn("top_k 4", session.ask("/show"))
            self.assertEqual(session.end(), 0)

    def test_a_backslash_joins_lines(self):
        with Session(*SHORT) as session:
            session.at_prompt()
            session.send("one\\\r")
            session.expect(r"^\.\.\.$")
            session.type("two\r")
            self.assertIn("user: one\ntwo\nassistant: ", session.ask("/show"))
            self.assertEqual(session.end(), 0)

    def test_quotes_hold_a_text_of_several_lines(self):
        with Session(*SHORT) as session:
            session.at_prompt()
            session.type('"""/one\r\rthree"""\r')
            self.assertIn("user: /one\n\nthree\nassistant: ", session.ask("/show"))
            session.type('"""lost' + "\r" + CTRL_C)
            self.assertNotIn("lost", session.ask("/show"))
            self.assertEqual(session.end(), 0)

    def test_what_is_pasted_is_one_message(self):
        with Session(*SHORT) as session:
            session.at_prompt()
            session.send("first , 5" + LEFT * 3 + "\x1b[200~one\rtwo\x1b[31m\r\rfour\x1b[201~")
            session.expect(r"^>>> first one, 5$")
            session.expect(r"^\.\.\. four$")
            session.type(" more\r")
            self.assertIn("user: first one, 5\ntwo[31m\n\nfour more\nassistant: ", session.ask("/show"))
            self.assertEqual(session.end(), 0)

    def test_the_interrupt_clears_the_line_and_twice_ends(self):
        with Session(*SHORT) as session:
            session.at_prompt()
            session.type("half a line" + CTRL_C)
            self.assertNotIn("once more", session.text())
            self.assertIn("^C once more, ^D or /exit ends", session.type(CTRL_C))
            session.send(CTRL_C)
            self.assertEqual(session.wait(), 0)
            self.assertTrue(session.modes_are_restored())


    def test_ctrl_z_stops_the_program_until_the_shell_goes_on(self):
        with Session(*SHORT, shell=SHELL) as session:
            session.ask("/set top_k 3")
            session.at_prompt()
            session.send("/sh" + CTRL_Z)
            session.expect("^stopped with 148$")
            self.assertTrue(session.modes_are_restored())
            session.send("\r")
            session.wait_for(lambda: session.last_line() == ">>> /sh", "the line that was begun")
            self.assertIn("top_k 3", session.type("ow\r"))
            self.assertEqual(session.end(), 0)

    def test_ctrl_z_does_nothing_under_mpirun(self):
        with Session(*SHORT, ranks=2) as session:
            session.at_prompt()
            session.send(CTRL_Z)
            self.assertIn("temperature 0", session.ask("/show"))
            self.assertEqual(session.end(), 0)


class Commands(unittest.TestCase):
    """Lines that begin with a slash."""

    def test_help_and_what_is_no_command(self):
        with Session(*SHORT) as session:
            self.assertIn("/system TEXT", session.ask("/help"))
            self.assertIn("'/frobnicate' is no command; /help lists them", session.ask("/frobnicate 1"))
            self.assertIn("/save needs a FILE", session.ask("/save"))
            self.assertIn("/reset takes nothing after it", session.ask("/reset all"))
            self.assertEqual(session.end(), 0)

    def test_fields_are_set_and_checked(self):
        with Session(*SHORT) as session:
            self.assertIn("'temperature' must be a number from 0 to 2", session.ask("/set temperature 9"))
            self.assertIn("'n' is no field that can be set here", session.ask("/set n 2"))
            self.assertIn("repetition_penalty", session.ask("/set"))
            session.ask("/set temperature 0.5")
            session.ask("/set stop [\"a\", \"b\"]")
            session.ask("/set max_tokens")
            shown = session.ask("/show")
            self.assertIn("temperature 0.5\n", shown)
            self.assertIn('stop ["a","b"]', shown)
            self.assertNotIn("max_tokens", shown)
            self.assertEqual(session.end(), 0)

    def test_a_saved_conversation_is_loaded_and_is_a_request(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "saved.json")
            with Session(*SHORT, "--system", "Speak as a prophet.") as session:
                session.ask("Who is David?")
                self.assertIn("saved to", session.ask("/save " + path))
                self.assertIn("saved to", session.ask("/save " + path))
                self.assertEqual(session.end(), 0)
            with open(path, encoding="utf-8") as file:
                body = json.load(file)
            self.assertEqual([m["role"] for m in body["messages"]], ["system", "user", "assistant"])
            self.assertEqual(body["max_tokens"], 8)
            body["messages"].append({"role": "user", "content": "And Saul?"})
            with Session() as session:
                self.assertIn("loaded", session.ask("/load " + path))
                answer = session.ask("And Saul?")
                self.assertIn("there is a file", session.ask("/save " + __file__))
                self.assertEqual(session.end(), 0)
            self.assertEqual(visible(answer.split("octet: note")[0]), visible(batch_answers([body], directory)[0]))

    def test_a_damaged_file_is_refused(self):
        with tempfile.TemporaryDirectory() as directory, Session(*SHORT) as session:
            path = os.path.join(directory, "c")
            for text in ['{"messages": 3}', "[", '{"messages": [], "temperature": 7}', '{"n": 1}']:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                self.assertIn(path, session.ask("/load " + path))
            self.assertIn("temperature 0", session.ask("/show"))
            self.assertEqual(session.end(), 0)

    def test_turns_are_forgotten(self):
        with Session(*SHORT, "--system", "S") as session:
            session.ask("first")
            session.ask("second")
            session.ask("/drop")
            shown = session.ask("/show")
            self.assertNotIn("first", shown)
            self.assertIn("user: second", shown)
            session.ask("/reset")
            self.assertEqual(session.ask("/show").split("\n")[-1], "system: S")
            self.assertIn("there is no turn to forget", session.ask("/drop"))
            self.assertEqual(session.end(), 0)


class Answers(unittest.TestCase):
    """What the model says, and how it ends."""

    def test_later_turns_compute_what_is_new(self):
        with Session(*SHORT, "--verbose", "--ignore-eos", "true") as session:
            pattern = r"prompt (\d+) tokens, (\d+) of them kept"
            rates = []
            for question in ["In the beginning God created the heaven and the earth.", "And then?", "And then?"]:
                session.ask(question)
                rates.append([tuple(map(int, r)) for r in re.findall(pattern, visible_lines(session))][-1])
            self.assertEqual(rates[0][1], 0)
            for (prompt, _), (_, kept) in zip(rates, rates[1:]):
                self.assertEqual(kept, prompt + 8 - 1)  # the answer's last token was not computed
            self.assertEqual(session.end(), 0)

    def test_the_interrupt_stops_an_answer(self):
        with Session(*LONG) as session:
            session.at_prompt()
            session.send("Who is David?\r")
            session.wait_for(lambda: session.text().count("\n") > 4, "some lines")
            session.send(CTRL_C)
            session.expect("octet: stopped; what came so far is kept")
            session.at_prompt()
            self.assertIn("assistant: ", session.ask("/show"))
            session.ask("/set max_tokens 4")
            self.assertTrue(session.ask("And Saul?"))
            self.assertEqual(session.end(), 0)

    def test_typing_ahead(self):
        with Session(*SHORT) as session:
            session.at_prompt()
            session.send("first\rsecond\r/exit\r")
            self.assertEqual(session.wait(), 0)
            self.assertIn(">>> second", session.text())

    def test_a_stop_text_does_not_appear(self):
        with tempfile.TemporaryDirectory() as directory:
            body = {"messages": [{"role": "user", "content": "Who?"}], "temperature": 0, "max_tokens": 40}
            whole = batch_answers([body], directory)[0]
            stop = whole[20:24]
            code, output, _ = run("--temperature", "0", "--max-tokens", "40", "--stop", json.dumps([stop]),
                                  "--prompt", "Who?")
            self.assertEqual((code, output), (0, whole[:whole.index(stop)] + "\n"))

    def test_control_characters_do_not_reach_the_terminal(self):
        with Session("--temperature", "0") as session:
            session.ask('/set structured_outputs {"choice": ["red\\u001b[2Jdead\\u0007\\tend"]}')
            self.assertIn("red\\x1b[2Jdead\\x07", session.ask("Which?"))
            self.assertNotIn(b"\x1b[2Jdead", session.raw)
            self.assertEqual(session.end(), 0)

    def test_a_full_context_says_what_to_do(self):
        with Session("--temperature", "0", "--max-model-len", "64", "--ignore-eos", "true") as session:
            self.assertIn("the answer ends after", session.ask("In the beginning God created"))
            refused = session.ask("And the earth was without form")
            self.assertIn("/reset begins anew, /drop forgets the oldest turn", visible_spaces(refused))
            session.ask("/reset")
            self.assertIn("the answer ends after", session.ask("And then?"))
            self.assertEqual(session.end(), 0)

    def test_a_text_without_template_goes_on(self):
        with tempfile.TemporaryDirectory() as directory:
            text = "In the beginning God created"
            body = {"prompt": text, "max_tokens": 8, "temperature": 0}
            expected = batch_answers([body], directory, "/v1/completions")[0]
            with Session(*SHORT, "--no-template") as session:
                self.assertIn(visible(expected), visible(session.ask(text)))
                session.ask(" and")
                self.assertIn(visible(text + expected + " and"), visible(session.ask("/show")))
                self.assertEqual(session.end(), 0)

    def test_the_loading_bar_and_a_signal(self):
        with Session(*SHORT) as session:
            session.expect("^loading .*100 %")
            session.at_prompt()
            session.process.send_signal(signal.SIGTERM)
            self.assertEqual(session.wait(), 1)
            self.assertTrue(session.modes_are_restored())


class WithoutTerminal(unittest.TestCase):
    """One answer, or lines of standard input."""

    def test_one_answer_is_that_of_run_batch(self):
        with tempfile.TemporaryDirectory() as directory:
            message = {"role": "user", "content": "Who is David?"}
            bodies = [{"messages": [message], "temperature": 0.8, "seed": seed, "max_tokens": 30} for seed in (1, 2)]
            expected = batch_answers(bodies, directory)
            self.assertNotEqual(expected[0], expected[1])
            for seed, text in zip((1, 2), expected):
                flags = ("--temperature", "0.8", "--seed", str(seed), "--max-tokens", "30")
                for ranks in (0, 3):
                    code, output, error = run(*flags, "--prompt", "Who is David?", ranks=ranks)
                    self.assertEqual((code, output), (0, text + "\n"), error)
                code, output, _ = run(*flags, text="Who is David?\n")
                self.assertEqual((code, output), (0, text + "\n"))
                code, output, _ = run(*flags, "--prompt", "-", text="Who is David?", ranks=2)
                self.assertEqual((code, output), (0, text + "\n"))

    def test_plain_lines(self):
        for ranks in (0, 2):
            code, output, error = run(*SHORT, "--plain", text="Who?\n/set n\n/show\n", ranks=ranks)
            self.assertEqual(code, 0, error)
            self.assertIn("user: Who?\nassistant: ", output)
            self.assertIn("'n' is no field", error)
            self.assertNotIn("\x1b", output + error)

    def test_what_can_not_be_served_is_refused_before_loading(self):
        for flags, why in [(("--temperature", "9"), "'temperature' must be a number from 0 to 2"),
                           (("--no-template", "--system", "S"), "has no system message"),
                           (("--max-model-len", "4"), "--max-model-len")]:
            code, output, error = run(*flags, "--prompt", "Who is David, and who is Saul?")
            self.assertEqual((code, output), (2, ""), error)
            self.assertIn(why, error)
            self.assertNotIn("loaded", error)
        code, output, error = run(text="")
        self.assertEqual((code, output), (2, ""))
        self.assertIn("standard input is empty", error)


class OnRanks(unittest.TestCase):
    """By launch/run.sh."""

    def test_four_ranks(self):
        with Session(*SHORT) as session:
            expected = [session.ask(question) for question in ("Who is David?", "And Saul?")]
            self.assertEqual(session.end(), 0)
        with Session(*SHORT, ranks=4) as session:
            session.at_prompt()
            self.assertEqual(session.type("Who is Davi" + LEFT + "x" + BACKSPACE + "\x05d?\r"), expected[0])
            self.assertEqual(session.ask("And Saul?"), expected[1])
            self.assertEqual(session.end(), 0)
            self.assertTrue(session.modes_are_restored())

    def test_the_interrupt_stops_an_answer_on_all_ranks(self):
        with Session(*LONG, ranks=3) as session:
            session.at_prompt()
            session.send("Who is David?\r")
            session.wait_for(lambda: session.text().count("\n") > 4, "some lines")
            session.send(CTRL_C)
            session.expect("octet: stopped; what came so far is kept")
            session.ask("/set max_tokens 4")
            self.assertTrue(session.ask("And Saul?"))
            self.assertEqual(session.end("/bye\r"), 0)

    def test_ranks_wait_longer_than_their_timeout(self):
        with Session(*SHORT, "--timeout", "1", ranks=3) as session:
            session.at_prompt()
            time.sleep(3)
            self.assertTrue(session.ask("Who is David?"))
            self.assertEqual(session.end(), 0)

    def test_a_lost_rank_is_named_and_the_terminal_is_restored(self):
        with Session(*SHORT, "--timeout", "2", ranks=2) as session:
            session.at_prompt()
            os.kill(rank_processes(session.process.pid)[-1], signal.SIGKILL)
            self.assertEqual(session.wait(), 1)
            self.assertIn("run.sh: rank ", session.text())
            self.assertTrue(session.modes_are_restored())


def visible_spaces(text):
    """With single spaces, wherever the screen has broken a line."""
    return text.replace("\n", "")


def visible_lines(session):
    return session.text().replace("\n", " ")


def rank_processes(root):
    """The processes below this one that are ranks, in the order of their numbers."""
    children = {}
    ranks = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                children.setdefault(int(file.read().rsplit(")", 1)[1].split()[1]), []).append(int(pid))
        except FileNotFoundError:
            continue
    todo = [root]
    while todo:
        pid = todo.pop()
        todo += children.get(pid, [])
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            if file.read().strip() == os.path.basename(os.environ["OCTET_BIN"])[:15]:
                ranks.append(pid)
    return sorted(ranks)


if __name__ == "__main__":
    unittest.main()
