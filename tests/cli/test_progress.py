"""The bars of a preparation: tasks done, those of an earlier try included, and rates; or nothing at all."""

import pytest

from triptych.cli.progress import TerminalJournal


def run(journal: TerminalJournal) -> None:
    with journal.step("tokenize", total=10, reused=4) as step:
        step.advance("worker", 100, rows=30, tokens=7000)
        journal.say("a warning")
        step.advance("worker", 300, rows=20)


def test_what_was_done_before_counts_and_rates_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    journal = TerminalJournal()
    run(journal)
    said = capsys.readouterr()
    assert said.out == ""
    assert "a warning" in said.err
    bar = next(line for line in said.err.splitlines() if "tokenize" in line)
    assert "6/10" in bar
    assert "rows/s" in bar
    assert "tokens/s" in bar
    assert [(step.label, step.done, step.reused, step.rows, step.tokens) for step in journal.steps] == [
        ("tokenize", 2, 4, 50, 7000)
    ]


def test_a_quiet_journal_records_the_same_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    journal = TerminalJournal(quiet=True)
    run(journal)
    assert capsys.readouterr() == ("", "")
    assert journal.steps[0].peak_bytes == {"worker": 300}
