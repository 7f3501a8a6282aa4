"""PyTorch's side of the benchmark of ops: times the expressions listed in op_rows.cpp.

A case is the JSON that `bench --serve` gives for "ops": see ops.h, which has the same inputs.
"""
import json
import time

import torch
import torch.nn.functional as F

SECONDS = 0.01  # about, per measurement
SEED, WEIGHT = 8, 9  # as in ops.cpp


def value_at(count, at):
    """The elements of input number `at`, in [0, 1): ops.cpp has the same formula."""
    place = torch.arange(count, dtype=torch.int64)
    return ((place * 7919 + 104729 * (at + 1)) % 10007).double() / 10007


def numbers(shape, at, low, high):
    count = 1
    for size in shape:
        count *= size
    return (low + (high - low) * value_at(count, at)).float().reshape(shape)


def attend(q, k, v, causal):
    """[N, D] each: sequences of up to 128 rows, heads of up to 64 columns."""
    n, d = q.shape
    length, width = min(n, 128), min(d, 64)

    def heads(x):
        return x.reshape(n // length, length, d // width, width).transpose(1, 2)
    logits = heads(q) @ heads(k).transpose(-1, -2) / width ** 0.5
    if causal:
        logits = logits + torch.full((length, length), float("-inf")).triu(1)
    return (torch.softmax(logits, -1) @ heads(v)).transpose(1, 2).reshape(n, d)


def attend_linearly(q, k, v, causal):
    """As attend, by the feature map elu + 1; causal by all pairs of rows, which is fastest at up to 128 rows."""
    n, d = q.shape
    length, width = min(n, 128), min(d, 64)

    def heads(x):
        return x.reshape(n // length, length, d // width, width).transpose(1, 2)
    fq, fk, v = F.elu(heads(q)) + 1, F.elu(heads(k)) + 1, heads(v)
    if causal:
        weights = (fq @ fk.transpose(-1, -2)).tril()
        out = weights @ v / (weights.sum(-1, keepdim=True) + 1e-6)
    else:
        sums = fk.sum(-2, keepdim=True).transpose(-1, -2)
        out = fq @ (fk.transpose(-1, -2) @ v) / (fq @ sums + 1e-6)
    return out.transpose(1, 2).reshape(n, d)


def attend_memory(q, k, v=None):
    """Groups of up to 16 queries over as many keys, which are also the values; additive if v is given."""
    n, d = q.shape
    length = min(n, 16)
    q, k = q.reshape(-1, length, d), k.reshape(-1, length, d)
    if v is None:
        logits = q @ k.transpose(1, 2)
    else:
        logits = torch.tanh(q[:, :, None] + k[:, None]) @ v
    return (torch.softmax(logits, -1) @ k).reshape(n, d)


def by_steps(*tensors):
    """[N, D] each -> [T, B, D]: sequences of up to 128 steps, as op_rows.cpp has them."""
    return [t.reshape(min(t.shape[0], 128), -1, t.shape[1]) for t in tensors]


def scan(a, b):
    (ta, tb), out = by_steps(a, b), []
    h = torch.zeros_like(tb[0])
    for step in range(ta.shape[0]):
        h = ta[step] * h + tb[step]
        out.append(h)
    return torch.stack(out).reshape(a.shape)


def min_gru(x):
    u, v = x.split(x.shape[1] // 2, 1)
    z = torch.sigmoid(u)
    return scan(1 - z, z * v)


def convolve(x, w, bias):
    taps, channels = w.shape
    t = by_steps(x)[0].permute(1, 2, 0)  # [B, C, T]
    y = F.conv1d(F.pad(t, (taps - 1, 0)), w.t().unsqueeze(1), bias, groups=channels)
    return y.permute(2, 0, 1).reshape(x.shape)


def selective(x, delta, a):
    tx, td, tb, tc = by_steps(x, delta, x[:, :4], delta[:, :4])
    h, out = torch.zeros(*tx.shape[1:], 4), []
    for step in range(tx.shape[0]):
        dt = F.softplus(td[step])
        h = torch.exp(dt.unsqueeze(-1) * a) * h + (dt * tx[step]).unsqueeze(-1) * tb[step].unsqueeze(1)
        out.append((h * tc[step].unsqueeze(1)).sum(-1) * F.silu(td[step]))
    return torch.stack(out).reshape(x.shape)


def rotary(x):
    """Pairs of columns i and i + half of heads of up to 64 columns, turned by the step of up to 128."""
    n, c = x.shape
    size = min(c, 64)
    half, steps = size // 2, min(n, 128)
    angle = torch.arange(steps)[:, None] * 10000 ** (-torch.arange(half) / half)  # [T, K / 2]
    cos, sin = (f(angle).repeat_interleave(n // steps, 0)[:, None] for f in (torch.cos, torch.sin))
    a, b = x.reshape(n, c // size, size).split(half, 2)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], 2).reshape(n, c)


def quarters(x, axis):
    a, b, c, d = x.split(x.shape[axis] // 4, axis)
    return a * b + c * d


class Case:
    def __init__(self, case):
        self.rows, self.columns = case["R"], case["C"]
        self.forward_only = case["forward_only"]
        # Compiled once, so that parsing is not measured.
        self.names = {"torch": torch, "F": F, "attend": attend, "attend_memory": attend_memory,
                      "attend_linearly": attend_linearly, "quarters": quarters,
                      "scan": scan, "min_gru": min_gru, "convolve": convolve, "selective": selective, "rotary": rotary,
                      "R": self.rows, "C": self.columns}
        self.f = eval(f"lambda x, y, z, ids: {case['torch']}", self.names)
        self.inputs, self.leaves, self.ids = [], [], None
        for i in case["inputs"]:
            if i["kind"] == "ids":
                count = numbers(i["shape"], i["at"], 0, 1).numel()
                self.ids = (value_at(count, i["at"]) * i["limit"]).long().reshape(i["shape"])
                continue
            x = numbers(i["shape"], i["at"], i["low"], i["high"])
            if i["layout"] == "transposed":
                x = x.t()
            if i["kind"] == "mask":
                x = x > 0
            elif i["kind"] == "number":
                x.requires_grad_()
                self.leaves.append(x)
            self.inputs.append((x, i["layout"] == "expanded"))
        self.seed = None

    def arguments(self):
        args = [x.expand(self.rows, self.columns) if expanded else x for x, expanded in self.inputs]
        return args + [None] * (3 - len(args)) + [self.ids]

    def forward(self):
        with torch.no_grad():
            args = self.arguments()
        f = self.f
        return lambda: f(*args)

    def backward(self):
        self.seed = numbers(self.f(*self.arguments()).shape, SEED, -1, 1)

        def run():
            for leaf in self.leaves:
                leaf.grad = None
            self.f(*self.arguments()).backward(self.seed)
        return run

    def checksums(self):
        def weighted(x):
            return float((x.detach().double().reshape(-1) * value_at(x.numel(), WEIGHT)).sum())
        y = self.f(*self.arguments())
        sums = [weighted(y)]
        if not self.forward_only and self.leaves:
            self.backward()()
            sums += [weighted(leaf.grad) for leaf in self.leaves]
        return sums


ready = {"key": None}  # only the last case


def answer(what, text):
    """`what` is "forward" or "backward" (seconds of one run) or "check" (sums of results and gradients)."""
    if what == "check":
        return " ".join(repr(s) for s in Case(json.loads(text)).checksums())
    if ready["key"] != (what, text):
        case = Case(json.loads(text))
        run = case.forward() if what == "forward" else case.backward()
        with torch.set_grad_enabled(what == "backward"):
            for _ in range(2):
                run()
            start = time.perf_counter()
            run()
            once = max(time.perf_counter() - start, 1e-9)
        ready.update(key=(what, text), run=run, times=max(1, int(SECONDS / once)))
    run, times = ready["run"], ready["times"]
    with torch.set_grad_enabled(what == "backward"):
        start = time.perf_counter()
        for _ in range(times):
            run()
        return repr((time.perf_counter() - start) / times)
