"""Descriptions of many labels: ours beside Appendix D of the paper followed row by row, as ratios.

python benchmarks/describe.py                    # 200,000 rows, drawn by the AUs' base rates in BP4D
python benchmarks/describe.py --rows 1000000

One process, one thread, medians of interleaved repeats, the processor's time. The row-by-row contender is the plain
reading of Algorithm 1 on Python sets and lists; both describe the same rows, and the constructs are checked to be
equal first. "Join alone" puts strings together that are chosen already: what no composer can do without. Files: ours
streams CSV; the contender reads with pandas, describes row by row, and writes with pandas (``pip install pandas``).
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from zoo.facs import ACTION_UNITS, AUS, COMBINATIONS, name_of
from zoo.facs.allocation import codes_of, constructs_by_code
from zoo.facs.composer import Composer
from zoo.facs.label_files import describe_file


def combine(row):
    """Algorithm 1, row by row."""
    active = [number for number, present in zip(AUS, row, strict=True) if present]
    found, marked = [], set()
    for combination in COMBINATIONS:
        if all(number in active for number in combination):
            found.append(combination)
            if len(combination) > 2:
                active = [number for number in active if number not in combination]
            else:
                marked.update(combination)
    return found + [(number,) for number in active if number not in marked]


def describe_rows(rows, texts, chance):
    return [" ".join(chance.choice(texts[each]) for each in combine(row) or [()]) for row in rows]


def describe_with_pandas(labels, output, texts, chance):
    import pandas as pd

    table = pd.read_csv(labels)
    constructs = [combine(row) for row in table[[f"AU{number}" for number in AUS]].to_numpy().tolist()]
    table["constructs"] = [";".join(map(name_of, each)) for each in constructs]
    table["description"] = [" ".join(chance.choice(texts[one]) for one in each or [()]) for each in constructs]
    table.to_csv(output, index=False)


def medians(contenders, repeats):
    spent = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, work in contenders.items():
            begin = time.process_time()
            work()
            spent[name].append(time.process_time() - begin)
    return {name: statistics.median(times) for name, times in spent.items()}


def report(title, spent, count):
    ours = spent["ours"]
    print(title)
    for name, seconds in spent.items():
        print(f"  {name:<28} {seconds:7.2f} s   {count / seconds / 1000:8,.0f} k rows/s   {seconds / ours:6.1f} x ours")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    rates = np.array([unit.base_rate for unit in ACTION_UNITS])
    occurrence = np.random.default_rng(0).random((options.rows, len(AUS))) < rates
    rows = occurrence.tolist()
    composer, chance = Composer(), random.Random(0)
    texts = {construct: composer.lexicon.variants(construct) for construct in {(), *sum(constructs_by_code(), ())}}
    for row, code in zip(rows[:5000], codes_of(occurrence[:5000]).tolist(), strict=True):
        assert tuple(combine(row)) == constructs_by_code()[code]
    parts = [[texts[each][0] for each in constructs_by_code()[code] or [()]] for code in codes_of(occurrence).tolist()]
    contenders = {
        "ours": lambda: composer.prompts(occurrence),
        "Appendix D row by row": lambda: describe_rows(rows, texts, chance),
        "join alone": lambda: list(map(" ".join, parts)),
    }
    report(f"tables: {options.rows:,} rows", medians(contenders, options.repeats), options.rows)
    with tempfile.TemporaryDirectory() as folder:
        labels, output = Path(folder) / "labels.csv", Path(folder) / "described.csv"
        header = ",".join(["frame", *(f"AU{number}" for number in AUS)])
        lines = [f"{place},{','.join('1' if each else '0' for each in row)}" for place, row in enumerate(rows)]
        labels.write_text("\n".join([header, *lines]) + "\n")
        contenders = {"ours": lambda: describe_file(labels, output, composer=composer, overwrite=True)}
        try:
            import pandas as pd  # noqa: F401
        except ModuleNotFoundError:
            print("pandas is not installed, so files have no contender: pip install pandas")
        else:
            contenders["pandas, row by row"] = lambda: describe_with_pandas(labels, output, texts, chance)
        report(f"files: {options.rows:,} lines", medians(contenders, options.repeats), options.rows)


if __name__ == "__main__":
    main()
