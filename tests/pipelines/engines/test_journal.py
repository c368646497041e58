import subprocess
import sys

from triptych.pipelines.engines.journal import Journal, peak_memory


def test_steps_are_timed_and_counted_and_watched() -> None:
    journal, seen = Journal(), []
    with journal.step("read", total=3, reused=1) as step:
        step.watch(lambda: seen.append(step.done))
        step.advance("a:1", 100, rows=5, tokens=7)
        step.advance("b:1", 300)
        step.advance("a:1", 50, rows=1)
    assert journal.steps == [step]
    assert (step.done, step.rows, step.tokens, step.peak_bytes) == (3, 6, 7, {"a:1": 100, "b:1": 300})
    assert 0 < step.seconds <= step.elapsed
    assert seen == [1, 2, 3]


def test_a_peak_is_that_of_the_process_and_not_of_its_parent() -> None:
    held = b"x" * 150_000_000
    before = peak_memory()
    code = "from triptych.pipelines.engines.journal import peak_memory; print(peak_memory())"
    child = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert len(held) < before
    assert 1_000_000 < child < before - 50_000_000
