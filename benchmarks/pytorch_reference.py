#!/usr/bin/env python3
"""PyTorch's side of the speed table: one training step (forward, backward, update) of each workload.

    python3 benchmarks/pytorch_reference.py [--threads N] [--only w3,w4] [--json FILE]
    python3 benchmarks/pytorch_reference.py --serve     # driven by run.py, see serve()

The workloads are those of benchmarks/*.cpp, in float32 (B batch, T time, V vocabulary):
    w1  LSTM language model: V 10000, embed 200, hidden 200, B 20, T 35, SGD
    w2  char LSTM: V 64, embed 64, 2 layers x 512, B 32, T 64, Adam
    w3  GRU classifier: V 5, embed 16, hidden 64, B 32, T 60, 3 classes, Adam
    w4  tanh RNN regression: 1 feature, hidden 32, B 32, T 30, MSE, Adam
    w5  causal attention block: D 128, 4 heads, FFN 512, LayerNorm, GELU, B 16, T 128, V 64, Adam;
        w5_positions adds learned positions to the embedded ids
    w6  500 x tanh(z + b) on 16 elements, forward and backward: the time of one of these 1000 ops
    w7  streaming LSTM: hidden 64, 1 feature, B 1: the time of one step
    w8  w2's model on ragged lengths (see ragged_lengths), as w8_padded and as w8_packed
    w9  w3 with an LSTM of plain ops instead of the GRU; w9_builtin with nn.LSTM
    s1  seq2seq: embed 64, GRU 256, additive attention, V 64, B 64, source 25, target 12, Adam; s1_feeding
        with input feeding, which takes a loop over the target steps
    s2  word model: V 10000, embed 200, 2 layers x 200, B 20, T 20, SGD, clipped gradient, carried state
    s3  1,000 characters, sampled from an LSTM: V 64, embed 64, 2 layers x 512, B 1; s3_32 B 32
    t1  Transformer layer (pre-norm, GELU): D 256, 4 heads, FFN 1024, B 8, T 256, MSE, Adam
    t2  256 ids, sampled from 2 such layers with learned positions and a cache of keys and values, V 64, B 1
    t3  Mamba block: D 128, inner 256, N 16, B 8, T 1024, as a loop over steps of plain ops, Adam
    t4  minGRU layer: D 256, B 8, T 1024, as a loop over steps of plain ops, Adam
    t5  linear attention, causal: D 128, 4 heads, T 4096, forward and backward, in chunks of 64 steps;
        t5_all_pairs by the matrix of all pairs
    t6  streaming Mamba block: D 128, N 16, B 1: the time of one step

For a fair comparison, OPENBLAS_CORETYPE must name the right kernels if OpenBLAS does not know the
CPU, and OMP_NUM_THREADS and OPENBLAS_NUM_THREADS must be set before the start. run.py does this.
"""
import argparse
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

import pytorch_ops
from torch.nn.utils.rnn import pack_padded_sequence

IGNORED = -100


def ragged_lengths():
    """32 different lengths from 1 to 128, the first one 128; 2256 tokens in all.

    The C++ side has the same formula. Equal lengths are 32 x 71 (2272 tokens).
    """
    return torch.tensor([128 - (37 * i + 16 * i * i) % 128 for i in range(32)])


# --- models ---------------------------------------------------------------------------------------

class Tagger(nn.Module):
    """Ids [T, B] -> logits [T, B, V]."""

    def __init__(self, vocab, embed, hidden, layers):
        super().__init__()
        self.embed = nn.Embedding(vocab, embed)
        self.rnn = nn.LSTM(embed, hidden, layers)
        self.head = nn.Linear(hidden, vocab)

    def forward(self, x):
        return self.head(self.rnn(self.embed(x))[0])


class Reader(nn.Module):
    """Ids or features over time, [T, B, ..] -> one output per sequence, [B, out]."""

    def __init__(self, embed, rnn, hidden, out):
        super().__init__()
        self.embed, self.rnn, self.head = embed, rnn, nn.Linear(hidden, out)

    def forward(self, x):
        return self.head(self.rnn(self.embed(x))[0][-1])


class OwnLSTM(nn.Module):
    """An LSTM as a user would write it: one product for all inputs, then a loop of plain ops."""

    def __init__(self, size, hidden):
        super().__init__()
        bound = hidden ** -0.5
        self.hidden = hidden
        self.wx = nn.Parameter(torch.empty(size, 4 * hidden).uniform_(-bound, bound))
        self.wh = nn.Parameter(torch.empty(hidden, 4 * hidden).uniform_(-bound, bound))
        self.b = nn.Parameter(torch.empty(4 * hidden).uniform_(-bound, bound))

    def forward(self, x):
        projected = x @ self.wx + self.b  # [T, B, 4H]
        h = c = x.new_zeros(x.shape[1], self.hidden)
        outputs = []
        for step in projected:
            i, f, g, o = (step + h @ self.wh).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class Block(nn.Module):
    """Embedding, one pre-norm block of causal attention, output layer. Ids [B, T] -> [B, T, V]."""

    def __init__(self, positions=False, d=128, heads=4, ff=512, vocab=64, steps=128):
        super().__init__()
        self.positions = nn.Parameter(torch.randn(steps, d)) if positions else None
        self.embed = nn.Embedding(vocab, d)
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attention = nn.MultiheadAttention(d, heads, batch_first=True)
        self.ff = nn.Sequential(nn.Linear(d, ff), nn.GELU(), nn.Linear(ff, d))
        self.head = nn.Linear(d, vocab)
        self.mask = torch.full((steps, steps), float("-inf")).triu(1)

    def forward(self, x):
        h = self.embed(x)
        if self.positions is not None:
            h = h + self.positions
        n = self.n1(h)
        h = h + self.attention(n, n, n, attn_mask=self.mask, need_weights=False)[0]
        return self.head(h + self.ff(self.n2(h)))


class Seq2Seq(nn.Module):
    """GRU encoder and decoder, additive attention. Without input feeding, all target steps attend at once."""

    def __init__(self, vocab=64, embed=64, hidden=256, feeding=False):
        super().__init__()
        self.feeding = feeding
        self.source_embed, self.target_embed = nn.Embedding(vocab, embed), nn.Embedding(vocab, embed)
        self.encoder, self.decoder = nn.GRU(embed, hidden), nn.GRU(embed + hidden * feeding, hidden)
        self.bridge, self.combine = nn.Linear(hidden, hidden), nn.Linear(2 * hidden, hidden)
        self.wq, self.wk = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden, bias=False)
        self.v, self.head = nn.Linear(hidden, 1, bias=False), nn.Linear(hidden, vocab)

    def attend(self, h, encoded, keys):
        """h [T, B, H], encoded and keys [B, S, H] -> a [T, B, H]"""
        queries = self.wq(h).transpose(0, 1)
        logits = self.v(torch.tanh(queries[:, :, None] + keys[:, None])).squeeze(-1)  # [B, T, S]
        context = torch.bmm(torch.softmax(logits, -1), encoded).transpose(0, 1)
        return torch.tanh(self.combine(torch.cat([context, h], -1)))

    def forward(self, source, target):
        """Ids [S, B], [T, B] -> logits [T, B, V]"""
        encoded, state = self.encoder(self.source_embed(source))
        state, encoded = torch.tanh(self.bridge(state)), encoded.transpose(0, 1).contiguous()
        keys = self.wk(encoded)
        x = self.target_embed(torch.cat([torch.zeros_like(target[:1]), target[:-1]]))
        if not self.feeding:
            return self.head(self.attend(self.decoder(x, state)[0], encoded, keys))
        a, out = torch.zeros_like(state), []
        for step in x:
            h, state = self.decoder(torch.cat([step[None], a], -1), state)
            a = self.attend(h, encoded, keys)
            out.append(a)
        return self.head(torch.cat(out))


# --- workloads: each returns a function that does one step ----------------------------------------

def training(model, loss, optimizer=torch.optim.Adam, **options):
    optimizer = optimizer(model.parameters(), **options)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss(model).backward()
        optimizer.step()
    return step


def language_model(vocab, embed, hidden, layers, batch, steps, **optimizer):
    x, y = torch.randint(vocab, (steps, batch)), torch.randint(vocab, (steps * batch,))
    return training(Tagger(vocab, embed, hidden, layers),
                    lambda model: F.cross_entropy(model(x).view(-1, vocab), y), **optimizer)


def classifier(rnn):
    x, y = torch.randint(5, (60, 32)), torch.randint(3, (32,))
    return training(Reader(nn.Embedding(5, 16), rnn, 64, 3), lambda model: F.cross_entropy(model(x), y))


def w4():
    x, y = torch.randn(30, 32, 1), torch.randn(32, 1)
    return training(Reader(nn.Identity(), nn.RNN(1, 32), 32, 1), lambda model: F.mse_loss(model(x), y))


def w5(positions=False):
    x, y = torch.randint(64, (16, 128)), torch.randint(64, (16 * 128,))
    return training(Block(positions), lambda model: F.cross_entropy(model(x).view(-1, 64), y))


def w6():
    z, b = torch.randn(16, requires_grad=True), torch.randn(16)

    def step():
        z.grad, v = None, z
        for _ in range(500):
            v = torch.tanh(v + b)
        v.sum().backward()
    return step


def w7():
    cell, x = nn.LSTM(1, 64), torch.randn(1, 1, 1)
    state = torch.zeros(1, 1, 64), torch.zeros(1, 1, 64)

    def step():
        nonlocal state
        with torch.no_grad():
            state = cell(x, state)[1]
    return step


def w8(packed):
    lengths = ragged_lengths()
    x, y = torch.randint(64, (128, 32)), torch.randint(64, (128, 32))
    y[torch.arange(128)[:, None] >= lengths] = IGNORED

    def padded_loss(model):
        return F.cross_entropy(model(x).view(-1, 64), y.view(-1), ignore_index=IGNORED)

    def packed_loss(model):
        rows = pack_padded_sequence(model.embed(x), lengths, enforce_sorted=False)
        targets = pack_padded_sequence(y, lengths, enforce_sorted=False).data
        return F.cross_entropy(model.head(model.rnn(rows)[0].data), targets)

    return training(Tagger(64, 64, 512, 2), packed_loss if packed else padded_loss)


def s1(feeding):
    x, y = torch.randint(64, (25, 64)), torch.randint(64, (12, 64))
    return training(Seq2Seq(feeding=feeding), lambda model: F.cross_entropy(model(x, y).view(-1, 64), y.view(-1)))


def zipf_ids(count, vocab, first):
    """Ids as frequent as words are; the C++ side has the same formula."""
    u = torch.arange(first, first + count, dtype=torch.float64) * 0.6180339887498949 % 1.0
    return (vocab ** u).long() - 1


def s2(vocab=10000, hidden=200, batch=20, steps=20):
    model = Tagger(vocab, hidden, hidden, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1)
    x, y = zipf_ids(steps * batch, vocab, 1).view(steps, batch), zipf_ids(steps * batch, vocab, 2)
    state = torch.zeros(2, batch, hidden), torch.zeros(2, batch, hidden)

    def step():
        nonlocal state
        optimizer.zero_grad(set_to_none=True)
        out, after = model.rnn(model.embed(x), state)
        loss = F.cross_entropy(model.head(out).view(-1, vocab), y)
        (loss * steps).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()
        state = tuple(part.detach() for part in after)
    return step


def c1(frames=150, labels=40, symbols=28, batch=64):
    x = torch.randn(frames, batch, symbols, requires_grad=True)
    targets = torch.randint(1, symbols, (batch, labels))
    lengths, counts = torch.full((batch,), frames), torch.full((batch,), labels)

    def step():
        x.grad = None
        F.ctc_loss(F.log_softmax(x, 2), targets, lengths, counts).backward()
    return step


def s3(batch, length=1000):
    model = Tagger(64, 64, 512, 2)

    def generate():
        ids = torch.zeros(batch, dtype=torch.long)
        state, out = (torch.zeros(2, batch, 512), torch.zeros(2, batch, 512)), []
        with torch.no_grad():
            for _ in range(length):
                h, state = model.rnn(model.embed(ids)[None], state)
                ids = torch.multinomial(torch.softmax(model.head(h[0]) / 0.8, 1), 1)[:, 0]
                out.append(ids)
        return torch.stack(out)
    return generate


class CachedLayer(nn.Module):
    """A pre-norm Transformer layer that keeps the keys and values of earlier steps, for a batch of one."""

    def __init__(self, d, heads, ff, capacity):
        super().__init__()
        self.heads = heads
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.linear1, self.linear2 = nn.Linear(d, ff), nn.Linear(ff, d)
        self.keys, self.values = torch.zeros(heads, capacity, d // heads), torch.zeros(heads, capacity, d // heads)

    def forward(self, x, t):
        """x [1, D], step t -> [1, D]"""
        q, k, v = self.qkv(self.n1(x)).view(3, self.heads, 1, -1)
        self.keys[:, t], self.values[:, t] = k[:, 0], v[:, 0]
        logits = q @ self.keys[:, :t + 1].transpose(1, 2) / q.shape[-1] ** 0.5  # [H, 1, t + 1]
        x = x + self.out((torch.softmax(logits, -1) @ self.values[:, :t + 1]).view(1, -1))
        return x + self.linear2(F.gelu(self.linear1(self.n2(x))))


def t1(d=256, heads=4, ff=1024, batch=8, steps=256):
    layer = nn.TransformerEncoderLayer(d, heads, ff, dropout=0, activation="gelu", batch_first=True, norm_first=True)
    x, y = torch.randn(batch, steps, d), torch.randn(batch, steps, d)
    return training(layer, lambda model: F.mse_loss(model(x), y))


def t2(length=256, d=256):
    embed, positions, head = nn.Embedding(64, d), nn.Embedding(length, d), nn.Linear(d, 64)
    layers, norm = [CachedLayer(d, 4, 1024, length) for _ in range(2)], nn.LayerNorm(d)

    def generate():
        ids, out = torch.zeros(1, dtype=torch.long), []
        with torch.no_grad():
            for t in range(length):
                x = embed(ids) + positions.weight[t]
                for layer in layers:
                    x = layer(x, t)
                ids = torch.multinomial(torch.softmax(head(norm(x)) / 0.8, 1), 1)[:, 0]
                out.append(ids)
        return torch.stack(out)
    return generate


class MambaBlock(nn.Module):
    """One block with norm and residual, as nn::MambaCell has it, by a loop over the steps."""

    def __init__(self, dim=128, inner=256, states=16, taps=4, rank=8):
        super().__init__()
        self.rank, self.states, self.taps = rank, states, taps
        self.gain = nn.Parameter(torch.ones(dim))
        self.in_proj, self.out_proj = nn.Linear(dim, 2 * inner, bias=False), nn.Linear(inner, dim, bias=False)
        self.conv = nn.Conv1d(inner, inner, taps, groups=inner)
        self.x_proj, self.dt_proj = nn.Linear(inner, rank + 2 * states, bias=False), nn.Linear(rank, inner)
        self.a_log = nn.Parameter(torch.log(torch.arange(1.0, states + 1)).repeat(inner, 1))
        self.d = nn.Parameter(torch.ones(inner))

    def norm(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self.gain

    def selected(self, u):
        delta, b, c = self.x_proj(u).split([self.rank, self.states, self.states], -1)
        return F.softplus(self.dt_proj(delta)), b, c

    def advance(self, h, a, dt, b, c, u):
        h = torch.exp(dt.unsqueeze(-1) * a) * h + (dt * u).unsqueeze(-1) * b.unsqueeze(1)
        return h, (h @ c.unsqueeze(-1)).squeeze(-1) + self.d * u

    def forward(self, x):
        """[T, B, D] -> [T, B, D]"""
        u, z = self.in_proj(self.norm(x)).chunk(2, -1)
        u = F.silu(self.conv(F.pad(u.permute(1, 2, 0), (self.taps - 1, 0))).permute(2, 0, 1))
        dt, b, c = self.selected(u)
        a, h, out = -torch.exp(self.a_log), u.new_zeros(*u.shape[1:], self.states), []
        for parts in zip(dt, b, c, u):
            h, y = self.advance(h, a, *parts)
            out.append(y)
        return x + self.out_proj(torch.stack(out) * F.silu(z))

    def step(self, x, before, h):
        """x [B, D], the last inputs of the convolution [B, inner, taps - 1] and h [B, inner, states]."""
        u, z = self.in_proj(self.norm(x)).chunk(2, -1)
        before = torch.cat([before, u.unsqueeze(-1)], -1)
        u = F.silu((before * self.conv.weight[:, 0]).sum(-1) + self.conv.bias)
        h, y = self.advance(h, -torch.exp(self.a_log), *self.selected(u), u)
        return x + self.out_proj(y * F.silu(z)), before[..., 1:], h


class MinGRU(nn.Module):
    def __init__(self, dim=256):
        super().__init__()
        self.gates = nn.Linear(dim, 2 * dim)

    def forward(self, x):
        z, v = self.gates(x).chunk(2, -1)
        z = torch.sigmoid(z)
        h, out = torch.zeros_like(x[0]), []
        for a, b in zip(1 - z, z * v):
            h = a * h + b
            out.append(h)
        return torch.stack(out)


def layer_step(layer, dim):
    x, y = torch.randn(1024, 8, dim), torch.randn(1024, 8, dim)
    return training(layer, lambda model: F.mse_loss(model(x), y))


def t5(all_pairs, steps=4096, heads=4, size=32, chunk=64):
    q, k, v = (torch.randn(heads, steps, size, requires_grad=True) for _ in range(3))
    seed = torch.randn(heads, steps, size)

    def by_pairs(fq, fk):
        weights = (fq @ fk.transpose(1, 2)).tril()
        return weights @ v / (weights.sum(-1, keepdim=True) + 1e-6)

    def by_chunks(fq, fk):
        def chunks(x):
            return x.reshape(heads, steps // chunk, chunk, -1)
        fq, fk, own = chunks(fq), chunks(fk), chunks(F.pad(v, (0, 1), value=1.0))
        sums = (fk.transpose(2, 3) @ own).cumsum(1)
        before = torch.cat([torch.zeros_like(sums[:, :1]), sums[:, :-1]], 1)
        y = (fq @ fk.transpose(2, 3)).tril() @ own + fq @ before
        return (y[..., :-1] / (y[..., -1:] + 1e-6)).reshape(heads, steps, size)

    def step():
        for x in (q, k, v):
            x.grad = None
        y = (by_pairs if all_pairs else by_chunks)(F.elu(q) + 1, F.elu(k) + 1)
        y.backward(seed)
    return step


def t6():
    block, x = MambaBlock(), torch.randn(1, 128)
    state = torch.zeros(1, 256, 3), torch.zeros(1, 256, 16)

    def step():
        nonlocal state
        with torch.no_grad():
            state = block.step(x, *state)[1:]
    return step


RAGGED = int(ragged_lengths().sum())

# name: (maker, tokens per step, number of steps or ops in one call)
WORKLOADS = {
    "w1": (lambda: language_model(10000, 200, 200, 1, 20, 35, optimizer=torch.optim.SGD, lr=0.1), 35 * 20, 1),
    "w2": (lambda: language_model(64, 64, 512, 2, 32, 64), 64 * 32, 1),
    "w3": (lambda: classifier(nn.GRU(16, 64)), 60 * 32, 1),
    "w4": (w4, 30 * 32, 1),
    "w5": (w5, 16 * 128, 1),
    "w5_positions": (lambda: w5(positions=True), 16 * 128, 1),
    "w6": (w6, 1, 1000),
    "w7": (w7, 1, 1),
    "w8_padded": (lambda: w8(packed=False), RAGGED, 1),
    "w8_packed": (lambda: w8(packed=True), RAGGED, 1),
    "w9": (lambda: classifier(OwnLSTM(16, 64)), 60 * 32, 1),
    "w9_builtin": (lambda: classifier(nn.LSTM(16, 64)), 60 * 32, 1),
    "c1": (c1, 150 * 64, 1),
    "s1": (lambda: s1(feeding=False), 12 * 64, 1),
    "s1_feeding": (lambda: s1(feeding=True), 12 * 64, 1),
    "s2": (s2, 20 * 20, 1),
    "s3": (lambda: s3(1), 1000, 1),
    "s3_32": (lambda: s3(32), 32 * 1000, 1),
    "t1": (t1, 8 * 256, 1),
    "t2": (t2, 256, 1),
    "t3": (lambda: layer_step(MambaBlock(), 128), 8 * 1024, 1),
    "t4": (lambda: layer_step(MinGRU(), 256), 8 * 1024, 1),
    "t5": (lambda: t5(all_pairs=False), 4096, 1),
    "t5_all_pairs": (lambda: t5(all_pairs=True), 4096, 1),
    "t6": (t6, 1, 1),
}


# --- measuring ------------------------------------------------------------------------------------

class Timed:
    """A workload after warm-up. Each call of seconds() is one repetition of about 0.3 s or more."""

    def __init__(self, name):
        make, self.tokens, self.per_call = WORKLOADS[name]
        torch.manual_seed(0)
        self.step = make()
        self.step()
        self.step()
        start = time.perf_counter()
        self.step()
        self.calls = max(1, round(0.3 / (time.perf_counter() - start)))

    def seconds(self):
        start = time.perf_counter()
        for _ in range(self.calls):
            self.step()
        return (time.perf_counter() - start) / self.calls / self.per_call


def serve():
    """Reads names of workloads, one per line, and prints the seconds of one repetition for each.

    So run.py can alternate between programs, which is fair if the machine's speed drifts.
    """
    timed = {}
    for line in sys.stdin:
        name = line.strip()
        if name.startswith(("forward ", "backward ", "check ")):  # a case of bench --ops
            print(pytorch_ops.answer(*name.split(" ", 1)), flush=True)
        elif name == "info":
            print(f"PyTorch {torch.__version__}", flush=True)
        elif name not in WORKLOADS:
            print(f"error: no workload {name!r}: there are {', '.join(WORKLOADS)}", flush=True)
        else:
            if name not in timed:
                timed[name] = Timed(name)
            print(repr(timed[name].seconds()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="workloads, with commas between; w8 means both of w8's")
    parser.add_argument("--json", help="write the numbers to this file")
    parser.add_argument("--serve", action="store_true", help="measure what standard input asks for")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.serve:
        return serve()

    only = [name for name in options.only.split(",") if name]
    names = [name for name in WORKLOADS if not only or name in only or name.split("_")[0] in only]
    if not names:
        parser.error(f"--only {options.only}: there are {', '.join(WORKLOADS)}")
    metrics = {}
    for name in names:
        timed = Timed(name)
        seconds = statistics.median(timed.seconds() for _ in range(7))
        metrics[f"{name}.seconds"] = seconds
        metrics[f"{name}.tokens_per_second"] = timed.tokens / seconds
        print(f"{name:<10} {seconds * 1e3:11.4f} ms {timed.tokens / seconds:12.0f} tokens/s", flush=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"program": "pytorch", "version": torch.__version__, "threads": options.threads, "metrics": metrics}, file, indent=1)


if __name__ == "__main__":
    main()
