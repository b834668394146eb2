#!/usr/bin/env python3
"""Conversations with ranks on several hosts, for chat_hosts_test.sh: on the host node1 of a cluster."""

import os
import unittest

from chat_session import CTRL_C, LEFT, Session, run

MODEL = os.environ["OCTET_CHAT_MODEL"]
SHORT = ("--temperature", "0", "--max-tokens", "8")


class OnHosts(unittest.TestCase):

    def test_two_hosts_answer_as_one(self):
        with Session(*SHORT, model=MODEL) as session:
            expected = [session.ask(question) for question in ("Who is David?", "And Saul?")]
            self.assertEqual(session.end(), 0)
        with Session(*SHORT, flags=("--hosts", "node1,node2"), model=MODEL) as session:
            session.at_prompt()
            self.assertEqual(session.type("Who is Dvid?" + LEFT * 4 + "a\r"), expected[0])
            session.expect("^>>> Who is David\\?$")
            self.assertEqual(session.ask("And Saul?"), expected[1])
            self.assertEqual(session.end(), 0)
            self.assertTrue(session.modes_are_restored())

    def test_the_interrupt_stops_an_answer_on_four_ranks_of_two_hosts(self):
        long = ("--temperature", "0", "--max-tokens", "1500", "--ignore-eos", "true")
        with Session(*long, flags=("--hostfile", os.environ["HOSTFILE"]), model=MODEL) as session:
            session.at_prompt()
            session.send("Who is David?\r")
            session.wait_for(lambda: session.text().count("\n") > 6, "some lines")
            session.send(CTRL_C)
            session.expect("octet: stopped; what came so far is kept")
            session.ask("/set max_tokens 4")
            self.assertTrue(session.ask("And Saul?"))
            self.assertEqual(session.end("/exit\r"), 0)

    def test_a_terminal_on_another_host_than_rank_0(self):
        with Session(*SHORT, flags=("--hosts", "node2"), model=MODEL) as session:
            self.assertEqual(session.wait(), 2)
            self.assertIn("rank 0 is on another host than the terminal", session.text())
        code, output, error = run(*SHORT, "--plain", flags=("--hosts", "node2"), text="Who?\n/show\n", model=MODEL)
        self.assertEqual(code, 0, error)
        self.assertIn("user: Who?\nassistant: ", output)


if __name__ == "__main__":
    unittest.main()
