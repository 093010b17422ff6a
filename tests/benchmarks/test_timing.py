"""Alternation, figures and tables."""

import json

from benchmarks.timing import (
    Options,
    alternate,
    bar_picture,
    pair_ratios,
    quickly,
    rates,
    run_benchmark,
    spread,
    summary,
)


def test_works_take_turns_and_the_warm_up_does_not_count():
    calls = []
    works = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    seconds = alternate(works, repeats=3, warmup=1)
    assert calls == ["a", "b"] * 4
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}


def test_ratios_are_taken_round_by_round():
    assert pair_ratios([2.0, 9.0, 8.0], [1.0, 3.0, 2.0]) == {"median": 3.0, "low": 2.0, "high": 4.0}


def test_figures_are_median_lowest_and_highest():
    assert summary([3.0, 1.0, 2.0]) == {"median": 2.0, "low": 1.0, "high": 3.0}
    assert rates(6.0, [3.0, 1.0, 2.0]) == {"median": 3.0, "low": 2.0, "high": 6.0}
    assert spread({"median": 1234.5, "low": 1.0, "high": 2000.0}) == "1,234 (1 to 2,000)"


def test_result_is_written_with_the_machine_and_a_picture(tmp_path):
    options = quickly(Options(output=tmp_path / "new"))
    text = run_benchmark(
        "speed",
        options,
        measure=lambda options: {"threads": options.threads[0]},
        table=lambda result: f"{result['threads']} thread",
        picture=lambda result, path: bar_picture(path, {"t": {"a": 1.0, "b": 200.0}}, "s"),
    )
    assert text == "1 thread"
    written = json.loads((tmp_path / "new" / "speed.json").read_text())
    assert written["threads"] == 1
    assert set(written["machine"]) > {"cpu", "date", "commit", "torch"}
    assert (tmp_path / "new" / "speed.png").stat().st_size > 1000
