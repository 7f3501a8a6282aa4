#!/usr/bin/env python3
"""The speed table: unroll and PyTorch, measured alternately in one run.

    python3 benchmarks/run.py --pytorch [--only w3,w4] [--threads N] [--json FILE]

It starts two processes, build/release/benchmarks/bench --serve and pytorch_reference.py --serve.
Each reads the name of a workload and prints the seconds of one repetition. They run alternately on
the same cores, the least busy ones, so that changes in the machine's speed affect both alike; the
table has the medians. Needs only Python's standard library (and PyTorch for --pytorch).
"""
import argparse
import datetime
import importlib.util
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
BENCH = HERE.parent / "build/release/benchmarks/bench"

# For each row of the table: the workload of unroll, and those of PyTorch, of which the fastest
# counts.
ROWS = {
    "w1": ("LSTM language model", ["w1"], ["w1"]),
    "w2": ("char LSTM, 2 x 512", ["w2"], ["w2"]),
    "w3": ("GRU classifier", ["w3"], ["w3"]),
    "w4": ("tanh RNN regression", ["w4"], ["w4"]),
    "w5": ("causal attention block", ["w5", "w5_positions"], ["w5", "w5_positions"]),
    "w6": ("overhead of an op", ["w6"], ["w6"]),
    "w7": ("streaming LSTM, a step", ["w7", "w7_limit"], ["w7"]),
    "w8": ("w2 on ragged lengths", ["w8", "w8_equal"], ["w8_padded", "w8_packed"]),
    "w9": ("own LSTM cell", ["w9", "w9_builtin"], ["w9", "w9_builtin"]),
    "c1": ("CTC loss, T 150, L 40, B 64", ["c1"], ["c1"]),
    "s1": ("seq2seq, GRU 256", ["s1", "s1_limit"], ["s1"]),
    "s1_feeding": ("the same with input feeding", ["s1_feeding", "s1_limit"], ["s1_feeding"]),
    "s2": ("word model, V 10000, 2 x 200", ["s2", "s2_limit"], ["s2"]),
    "s3": ("1,000 characters, 2 x 512, B 1", ["s3", "s3_limit"], ["s3"]),
    "s3_32": ("the same, B 32", ["s3_32", "s3_limit"], ["s3_32"]),
    "t1": ("Transformer layer, D 256", ["t1", "t1_limit"], ["t1"]),
    "t2": ("256 ids, Transformer 2 x 256", ["t2", "t2_limit"], ["t2"]),
    "t3": ("Mamba block, D 128, T 1024", ["t3", "t3_limit"], ["t3"]),
    "t4": ("minGRU layer, D 256, T 1024", ["t4", "t4_limit"], ["t4"]),
    "t5": ("linear attention, T 4096", ["t5", "t5_full"], ["t5", "t5_all_pairs"]),
    "t6": ("streaming Mamba block, a step", ["t6", "t6_limit"], ["t6"]),
    "scan": ("scan alone, forward", ["scan", "scan_limit"], []),
}
# Tokens per step of w8 and w8_equal: see ragged_lengths in pytorch_reference.py.
TOKENS = {"w8": 2256, "w8_equal": 32 * 71}
SCANNED = 3 * 2**22 * 4  # bytes that scan reads and writes
RATIO_GOALS = {"w1": 1.9, "w2": 1.75, "w3": 6, "w4": 15, "w5": 1.6, "w8": 3.5,  # at least
               "t1": 1, "t2": 3, "t3": 10, "c1": 1}
TIME_GOALS = {"w6": 120e-9, "w7": 0.8e-6}  # at most
# Rows with a limit: its workload, what it is, and how often the limit the row may take.
LIMITS = {
    "s1": ("s1_limit", "over its products", 1.3),
    "s1_feeding": ("s1_limit", "over its products", None),
    "s2": ("s2_limit", "over its products", 1.3),
    "s3": ("s3_limit", "over reading its weights", 1.3),
    "s3_32": ("s3_limit", "over reading its weights", None),
    "t1": ("t1_limit", "over its products", 1.25),
    "t2": ("t2_limit", "over reading its weights", 1.5),
    "t3": ("t3_limit", "over products and exponentials", 2.5),
    "t4": ("t4_limit", "over its products", 1.3),
    "t6": ("t6_limit", "over reading its weights", 1.5),
    "scan": ("scan_limit", "over a copy of its bytes", 1.67),
}
WITHIN_EQUAL, WITHIN_BUILTIN, WITHIN_READING = 1.15, 2, 1.4  # at most


class Server:
    """A process that reads the name of a workload and prints its seconds."""

    def __init__(self, name, command, environment):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **environment})

    def ask(self, line, empty=False):
        """One line of output; an empty one is an error unless `empty`."""
        try:
            print(line, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        ended, answer = not answer, answer.strip()
        if ended or answer.startswith("error") or (not answer and not empty):
            sys.exit(f"run.py: {self.name} was asked for {line[:200]}: {answer or 'it ended'}")
        return answer

    def seconds(self, workload):
        return float(self.ask(workload))

    def move(self, cores):
        """Pins all its threads to these cores; new threads inherit them."""
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                os.sched_setaffinity(int(thread), cores)
            except ProcessLookupError:  # it has already ended
                pass

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def cpu():
    """The CPU's name and features, from /proc/cpuinfo."""
    name, flags = platform.processor() or platform.machine(), set()
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            elif key.strip() == "flags":
                flags = set(value.split())
    except OSError:
        pass
    return name, flags


def fair_environment(threads, flags):
    """Environment for PyTorch's best speed: threads, and OpenBLAS's core if it does not know the CPU."""
    environment = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    if "OPENBLAS_CORETYPE" not in os.environ:
        if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= flags:
            environment["OPENBLAS_CORETYPE"] = "SkylakeX"
        elif {"avx2", "fma"} <= flags:
            environment["OPENBLAS_CORETYPE"] = "Haswell"
    return environment


def idle_cores(count):
    """The `count` fastest cores, measured with a loop: cores may be shared, also with other virtual machines.
    None if there are no more than that, or if cores cannot be chosen."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    mine = os.sched_getaffinity(0)
    if len(mine) <= count:
        return None

    def time_on(core):
        os.sched_setaffinity(0, {core})
        times = []
        for _ in range(3):
            start = time.perf_counter()
            for _ in range(100_000):
                pass
            times.append(time.perf_counter() - start)
        return min(times)

    try:
        return sorted(mine, key=time_on)[:count]
    finally:
        os.sched_setaffinity(0, mine)


def measure(row, ours, theirs, threads, repetitions):
    """Median seconds per workload, {"w8": .., "w8_equal": ..}: unroll's, and PyTorch's ({} without it)."""
    _, our_workloads, their_workloads = ROWS[row]
    pairs = [(ours, workload) for workload in our_workloads]
    if theirs:
        pairs += [(theirs, workload) for workload in their_workloads]
    for server, workload in pairs:
        server.seconds(workload)  # warm-up
    samples = {pair: [] for pair in pairs}
    for repetition in range(repetitions):
        if cores := idle_cores(threads):
            for server in filter(None, (ours, theirs)):
                server.move(cores)
        # Alternate the order, so that no workload always runs after the same one.
        for pair in pairs if repetition % 2 == 0 else reversed(pairs):
            samples[pair].append(pair[0].seconds(pair[1]))
    def medians(of):
        return {workload: statistics.median(s) for (server, workload), s in samples.items() if server is of}
    return medians(ours), medians(theirs)


def pretty(seconds):
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 100 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def lines_of(row, ours, theirs, metrics):
    """The lines of the table for a row; adds its values to metrics."""
    title = ROWS[row][0]
    mine = ours[row]
    metrics[f"{row}.seconds"] = mine
    limit = LIMITS.get(row, [None])[0]
    for workload in ours:
        if workload not in (row, limit):
            metrics[f"{workload}.seconds"] = ours[workload]
    for workload in theirs:
        if workload != row:
            metrics[f"{workload}.pytorch_seconds"] = theirs[workload]
    ratio = None
    if theirs:
        # PyTorch's fastest variant; for w9 the loop of plain ops.
        best = min(theirs.values()) if row == "t5" else theirs.get(row, min(theirs.values()))
        ratio = best / mine
        metrics.update({f"{row}.pytorch_seconds": best, f"{row}.ratio": ratio})
    goal, met = "", None
    if row in RATIO_GOALS:
        goal = f"PyTorch / {RATIO_GOALS[row]:g}"
        met = None if ratio is None else ratio >= RATIO_GOALS[row]
    elif row in TIME_GOALS:
        goal, met = pretty(TIME_GOALS[row]), mine <= TIME_GOALS[row]
    lines = [(row, title, pretty(mine), pretty(best) if theirs else "", f"{ratio:.2f}" if theirs else "", goal, met)]
    if row in LIMITS:
        _, of_what, within = LIMITS[row]
        metrics[f"{row}.limit"] = ours[limit]
        cost = metrics[f"{row}.over_limit"] = mine / ours[limit]
        lines.append((row, f"  {of_what}", f"{cost:.2f} x", "", "", f"within {within}" if within else "",
                      cost <= within if within else None))
    if row == "w5":
        mine, of_theirs = ours["w5_positions"], theirs.get("w5_positions")
        ratio = of_theirs / mine if theirs else None
        lines.append(("w5", "  with positions added", pretty(mine), pretty(of_theirs) if theirs else "", f"{ratio:.2f}" if theirs else "", "", None))
    if row == "w7":
        cost = metrics["w7.over_reading"] = mine / ours["w7_limit"]
        lines.append(("w7", "  over reading its weights", f"{cost:.2f} x", "", "", f"within {WITHIN_READING}", cost <= WITHIN_READING))
    if row == "w8":
        metrics["w8.tokens_per_second"] = TOKENS["w8"] / mine
        metrics["w8_equal.tokens_per_second"] = TOKENS["w8_equal"] / ours["w8_equal"]
        cost = metrics["w8_equal.tokens_per_second"] / metrics["w8.tokens_per_second"]
        metrics["w8.over_equal"] = cost
        lines.append(("w8", "  a token, over equal lengths", f"{cost:.2f} x", "", "", f"within {WITHIN_EQUAL}", cost <= WITHIN_EQUAL))
    if row == "w9":
        cost = mine / ours["w9_builtin"]
        metrics["w9.over_builtin"] = cost
        of_theirs = f"{theirs['w9'] / theirs['w9_builtin']:.2f} x" if theirs else ""
        lines.append(("w9", "  over the built-in layer", f"{cost:.2f} x", of_theirs, "", f"within {WITHIN_BUILTIN}", cost <= WITHIN_BUILTIN))
    return lines


def more_lines(row, ours, metrics):
    """What only unroll is asked: memory, the crossing of two kinds of attention, bytes per second."""
    lines = []
    if row == "t3":
        peak = metrics["t3.peak_bytes"] = int(ours.ask("peak t3"))
        loop = metrics["t3.loop_peak_bytes"] = int(ours.ask("peak t3_loop"))
        part = metrics["t3.peak_over_loop"] = peak / loop
        lines.append(("t3", "  peak memory over all states kept", f"{part:.2f} x", "", "", "within 0.25", part <= 0.25))
    if row == "t5":
        ratio = metrics["t5.over_full"] = metrics["t5.seconds"] / metrics["t5_full.seconds"]
        steps = metrics["t5.crossing_steps"] = float(ours.ask("crossing"))
        lines.append(("t5", "  over full attention", f"{ratio:.2f} x", "", "", "", None))
        lines.append(("t5", "  faster from this T on", f"{steps:.0f}", "", "", "", None))
    if row == "scan":
        speed = metrics["scan.bytes_per_second"] = SCANNED / metrics["scan.seconds"]
        lines.append(("scan", "  bytes per second", f"{speed / 1e9:.1f} GB", "", "", "", None))
    return lines


def show(line):
    row, title, ours, theirs, ratio, goal, met = line
    verdict = {None: "", True: "yes", False: "no"}.get(met, met)
    print(f"| {row:<5} | {title:<31} | {ours:>9} | {theirs:>9} | {ratio:>6} | {goal:<14} | {verdict:<4} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pytorch", action="store_true", help="measure PyTorch in turns with unroll")
    parser.add_argument("--only", default="", help="rows, with commas between: w3,w4")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--json", help="write the numbers to this file")
    parser.add_argument("--bench", default=str(BENCH), help=argparse.SUPPRESS)
    options = parser.parse_args()
    rows = [row for row in options.only.split(",") if row] or list(ROWS)
    unknown = [row for row in rows if row not in ROWS]
    if unknown:
        parser.error(f"--only {','.join(unknown)}: there are {', '.join(ROWS)}")
    if options.threads < 1 or options.repetitions < 1:
        parser.error("--threads and --repetitions must be at least 1")
    if not os.access(options.bench, os.X_OK):
        parser.error(f"{options.bench} is not built: ./dev build bench")
    if options.pytorch and importlib.util.find_spec("torch") is None:
        parser.error(f"{sys.executable} has no PyTorch: use ./dev bench --pytorch, or the Python that has it")

    name, flags = cpu()
    print(f"{name}, {os.cpu_count()} cores, {options.threads} thread{'s' * (options.threads > 1)}, "
          f"{datetime.date.today().isoformat()}")
    threads = ["--threads", str(options.threads)]
    ours, theirs = Server("unroll", [options.bench, "--serve", *threads], {}), None
    if options.pytorch:
        environment = fair_environment(options.threads, flags)
        theirs = Server("PyTorch", [sys.executable, str(HERE / "pytorch_reference.py"), "--serve", *threads], environment)
        core = os.environ.get("OPENBLAS_CORETYPE") or environment.get("OPENBLAS_CORETYPE", "of its own choice")
        print(f"{theirs.ask('info')}, OpenBLAS core {core}")
    print(f"Medians of {options.repetitions} repetitions, in turns, on the same least busy cores.\n")

    show(("", "workload", "unroll", "PyTorch", "ratio", "goal", "met"))
    print("|-------|---------------------------------|----------:|----------:|-------:|----------------|------|")
    metrics = {}
    for row in rows:
        for line in lines_of(row, *measure(row, ours, theirs, options.threads, options.repetitions), metrics):
            show(line)
        for line in more_lines(row, ours, metrics):
            show(line)
    for server in filter(None, (ours, theirs)):
        server.close()
    if options.json:
        result = {"program": "bench", "seed": 0, "threads": options.threads, "metrics": metrics}
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
