#!/usr/bin/env python3
"""The benchmark of ops: every public op of unroll and PyTorch's, measured alternately in one run.

    python3 benchmarks/run_ops.py [--only exp,"sum of rows"] [--json FILE] [--markdown FILE]

The ops, with what PyTorch does for each, stand in op_rows.cpp. Each is measured forward, and forward
and backward, on inputs of 64, 4,096 and 1,048,576 elements: contiguous, transposed, and broadcast. A
ratio is PyTorch's time over unroll's, so above 1 unroll is faster. Before a case is measured, the
sums of both sides' results and gradients are compared.
"""
import argparse
import json
import os
import pathlib
import statistics
import sys

from run import BENCH, HERE, Server, cpu, fair_environment, idle_cores, pretty

CHECKED = 4096  # elements at which results are compared
TOLERANCE = 2e-3  # relative, for sums in f32
SLOW = 0.9  # cases with a lower ratio are reported as slow


def compare(case, ours, theirs):
    """An error message if the two sides do not compute the same."""
    if case["random"]:
        return None
    mine = ours.ask(f"check {case['name']}", empty=True)
    if not mine:
        return None
    yours = theirs.ask(f"check {json.dumps(case)}")
    mine, yours = [float(s) for s in mine.split()], [float(s) for s in yours.split()]
    close = len(mine) == len(yours) and all(abs(a - b) <= TOLERANCE * max(1, abs(a), abs(b)) for a, b in zip(mine, yours))
    return None if close else f"{case['name']}: equal sums were required: got {mine} and of PyTorch {yours}"


def measure(case, direction, ours, theirs, repetitions):
    """The fastest repetition, unroll's and PyTorch's: other processes can only make it slower."""
    pairs = [(ours, f"{direction} {case['name']}"), (theirs, f"{direction} {json.dumps(case)}")]
    for server, line in pairs:
        server.seconds(line)  # warm-up
    samples = {ours: [], theirs: []}
    for repetition in range(repetitions):
        for server, line in pairs if repetition % 2 == 0 else reversed(pairs):
            samples[server].append(server.seconds(line))
    return min(samples[ours]), min(samples[theirs])


def table(results):
    """One line per op: the median ratio, and the lowest one with its case. Slowest op first."""
    rows = {}
    for r in results:
        rows.setdefault(r["case"].split("/")[0], []).append(r)
    lines = ["| op | cases | median ratio | lowest ratio | where | unroll | PyTorch |",
             "|---|---:|---:|---:|---|---:|---:|"]
    for name, of_row in sorted(rows.items(), key=lambda row: min(r["ratio"] for r in row[1])):
        worst = min(of_row, key=lambda r: r["ratio"])
        _, layout, size = worst["case"].split("/")
        lines.append(f"| {name} | {len(of_row)} | {statistics.median(r['ratio'] for r in of_row):.2f} "
                     f"| {worst['ratio']:.2f} | {layout}, {int(size):,}, {worst['direction']} "
                     f"| {pretty(worst['seconds'])} | {pretty(worst['pytorch_seconds'])} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ops", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--only", default="", help="rows or beginnings of cases, with commas between: exp,sum of rows/transposed")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", help="write all numbers to this file")
    parser.add_argument("--markdown", help="write the table to this file")
    parser.add_argument("--bench", default=str(BENCH), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    if not os.access(options.bench, os.X_OK):
        parser.error(f"{options.bench} is not built: ./dev build bench")

    name, flags = cpu()
    ours = Server("unroll", [options.bench, "--serve", "--threads", "1"], {})
    theirs = Server("PyTorch", [sys.executable, str(HERE / "pytorch_reference.py"), "--serve", "--threads", "1"],
                    fair_environment(1, flags))
    print(f"{name}, 1 thread, {theirs.ask('info')}\n", flush=True)
    cases = json.loads(ours.ask("ops"))
    if options.only:
        wanted = options.only.split(",")
        cases = [c for c in cases if any((c["name"] + "/").startswith(w.rstrip("/") + "/") for w in wanted)]
        if not cases:
            parser.error(f"--only {options.only}: no such case; the rows are in benchmarks/op_rows.cpp")

    results, wrong = [], []
    for case in cases:
        if case["R"] * case["C"] == CHECKED and (error := compare(case, ours, theirs)):
            wrong.append(error)
            print(error, flush=True)
        if cores := idle_cores(1):
            ours.move(cores), theirs.move(cores)
        for direction in ["forward"] if case["forward_only"] else ["forward", "backward"]:
            mine, yours = measure(case, direction, ours, theirs, options.repetitions)
            result = {"case": case["name"], "direction": direction, "seconds": mine, "pytorch_seconds": yours,
                      "ratio": yours / mine}
            results.append(result)
            if result["ratio"] < SLOW or options.only:
                print(f"{result['ratio']:6.2f}  {pretty(mine):>8} {pretty(yours):>8}  {case['name']} {direction}", flush=True)
    for server in (ours, theirs):
        server.close()

    ratios = [r["ratio"] for r in results]
    summary = (f"{len(ratios)} cases of {len({c['name'].split('/')[0] for c in cases})} rows: median ratio "
               f"{statistics.median(ratios):.2f}, lowest {min(ratios):.2f}, {sum(r < SLOW for r in ratios)} below {SLOW}.")
    lines = table(results)
    print("\n" + "\n".join(lines) + "\n\n" + summary)
    if options.markdown:
        pathlib.Path(options.markdown).write_text("\n".join(lines) + "\n\n" + summary + "\n")
    if options.json:
        result = {"program": "bench_ops", "cpu": name, "threads": 1, "results": results}
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    if wrong:
        sys.exit(f"run_ops.py: {len(wrong)} rows do not compute what PyTorch computes")


if __name__ == "__main__":
    main()
