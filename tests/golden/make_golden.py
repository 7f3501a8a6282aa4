#!/usr/bin/env python3
"""Writes the numbers that PyTorch gets, for the parity tests (tests/nn/*_parity.cpp, tests/optim/parity.cpp).

    /usr/bin/python3 tests/golden/make_golden.py            # writes tests/golden/*.safetensors again
    /usr/bin/python3 tests/golden/make_golden.py --check    # compares with what stands there

Needs PyTorch only (Debian: python3-torch; written with 1.13.0). The tests need no Python.

One file for each family. In it every case has a name; "__metadata__" maps it to its options
("layers=2 bias=1 ..."), and its tensors are "<case>/<tensor>":
    x, target, ...       what went in
    y, hn, loss, ...     what came out
    cotangent.<output>   the loss is sum(output * cotangent) over the outputs that have one
    grad.<input>         the gradient of that loss
Everything that goes in is a multiple of 1/256 and so is the same number in f32 and in f64; what
comes out was computed in f64. So each case is an oracle for both types.
"""
import argparse
import itertools
import json
import math
import pathlib
import struct
import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

FOLDER = pathlib.Path(__file__).resolve().parent
D, H, P, T, B, V = 3, 5, 3, 5, 4, 6  # input, hidden, projection, time, batch, classes


# --- the format -----------------------------------------------------------------------------------

class Family:
    """The cases of one file."""

    def __init__(self, name):
        self.path = FOLDER / f"{name}.safetensors"
        self.options, self.tensors = {}, {}
        torch.manual_seed(sum(name.encode()))

    def add(self, case, options, tensors):
        assert case not in self.options, case
        self.options[case] = " ".join(f"{k}={int(v) if isinstance(v, bool) else v}" for k, v in options.items())
        self.add_shared(case, tensors)

    def add_shared(self, prefix, tensors):
        for name, t in tensors.items():
            self.tensors[f"{prefix}/{name}"] = t.detach().clone()

    def bytes(self):
        header, numbers = {"__metadata__": self.options}, []
        at = 0
        for name, t in self.tensors.items():
            if t.dtype == torch.float64 and bool((t.float().double() == t).all()):
                t = t.float()  # half the space for the same numbers
            kind, letter = {torch.float32: ("F32", "f"), torch.float64: ("F64", "d"), torch.int64: ("I64", "q")}[t.dtype]
            data = struct.pack(f"<{t.numel()}{letter}", *t.flatten().tolist())
            header[name] = {"dtype": kind, "shape": list(t.shape), "data_offsets": [at, at + len(data)]}
            at += len(data)
            numbers.append(data)
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return struct.pack("<Q", len(text)) + text + b"".join(numbers)

    def compare(self):
        """The largest difference between these numbers and the file's, relative to 1 + |number|."""
        raw = self.path.read_bytes()
        length = struct.unpack("<Q", raw[:8])[0]
        header, data = json.loads(raw[8:8 + length]), raw[8 + length:]
        if header.pop("__metadata__") != self.options or header.keys() != self.tensors.keys():
            return math.inf
        worst = 0.0
        for name, t in self.tensors.items():
            entry = header[name]
            begin, end = entry["data_offsets"]
            letter = {"F32": "f", "F64": "d", "I64": "q"}[entry["dtype"]]
            there = torch.tensor(struct.unpack(f"<{t.numel()}{letter}", data[begin:end]), dtype=torch.float64)
            here = t.double().flatten()
            if here.numel():
                worst = max(worst, ((here - there).abs() / (1 + here.abs())).max().item())
        return worst


def given(*shape, scale=1.0):
    return torch.round(torch.randn(shape) * scale * 256).double() / 256


def differentiate(outputs, inputs):
    """Random cotangents of the named outputs, and the gradients of the named inputs."""
    cotangents = {f"cotangent.{name}": given(*y.shape) for name, y in outputs.items()}
    loss = sum((y * cotangents[f"cotangent.{name}"]).sum() for name, y in outputs.items())
    gradients = torch.autograd.grad(loss, list(inputs.values()))
    return {**cotangents, **{f"grad.{name}": g for name, g in zip(inputs, gradients)}}


def leaves(**tensors):
    return {name: t.clone().requires_grad_() for name, t in tensors.items()}


# --- recurrent layers -----------------------------------------------------------------------------

def recurrent(family, kind, make):
    """Cases over layers x directions x bias x lengths; the weights are shared between cases."""
    for bidirectional in (False, True):
        group = f"{kind}.{'bidirectional' if bidirectional else 'forward'}"
        largest = make(num_layers=2, bidirectional=bidirectional, bias=True)
        weights = {name: given(*p.shape, scale=0.5) for name, p in largest.named_parameters()}
        family.add_shared(group, weights)
        for layers, bias, ragged in itertools.product((1, 2), (True, False), (False, True)):
            layer = make(num_layers=layers, bidirectional=bidirectional, bias=bias).double()
            for name, p in layer.named_parameters():
                p.data = weights[name]
            lengths = torch.tensor([3, 5, 1, 3] if ragged else [T] * B)
            projected = getattr(layer, "proj_size", 0) or H
            count = layers * (2 if bidirectional else 1)
            inputs = leaves(x=given(B, T, D), h0=given(count, B, projected))
            if isinstance(layer, nn.LSTM):
                inputs.update(leaves(c0=given(count, B, H)))
            state = (inputs["h0"], inputs["c0"]) if "c0" in inputs else inputs["h0"]
            packed = pack_padded_sequence(inputs["x"], lengths, batch_first=True, enforce_sorted=False)
            out, last = layer(packed if ragged else inputs["x"], state)
            outputs = {"y": pad_packed_sequence(out, batch_first=True)[0] if ragged else out}
            outputs.update(zip(("hn", "cn"), last if isinstance(last, tuple) else (last,)))
            case = f"{group}.layers{layers}.{'bias' if bias else 'plain'}.{'ragged' if ragged else 'equal'}"
            family.add(case, {"weights": group, "kind": kind, "layers": layers, "bidirectional": bidirectional, "bias": bias},
                       {**inputs, "lengths": lengths, **outputs,
                        **differentiate(outputs, {**inputs, **dict(layer.named_parameters())})})


def make_rnn():
    family = Family("rnn")
    for kind in ("tanh", "relu"):
        recurrent(family, f"rnn_{kind}", lambda **o: nn.RNN(D, H, nonlinearity=kind, batch_first=True, **o))
    return family


def make_lstm():
    family = Family("lstm")
    recurrent(family, "lstm", lambda **o: nn.LSTM(D, H, batch_first=True, **o))
    recurrent(family, "lstm_projected", lambda **o: nn.LSTM(D, H, proj_size=P, batch_first=True, **o))
    return family


def make_gru():
    family = Family("gru")
    recurrent(family, "gru", lambda **o: nn.GRU(D, H, batch_first=True, **o))
    return family


# --- attention ------------------------------------------------------------------------------------

def make_attention():
    family = Family("attention")
    dim, heads, batch, queries, keys = 8, 2, 3, 4, 6
    lengths = torch.tensor([3, 4, 1])

    def multihead(case, causal=False, padded=False, cross=False, bias=True, averaged=False):
        layer = nn.MultiheadAttention(dim, heads, bias=bias, batch_first=True).double()
        for p in layer.parameters():
            p.data = given(*p.shape, scale=0.5)
        inputs = leaves(query=given(batch, queries, dim))
        if cross:
            inputs.update(leaves(key=given(batch, keys, dim), value=given(batch, keys, dim)))
        query, key, value = (list(inputs.values()) * 3)[:3]
        outside = torch.arange(key.shape[1])[None, :] >= lengths[:, None]
        y, weights = layer(query, key, value, need_weights=True, average_attn_weights=averaged,
                           attn_mask=torch.ones(queries, queries).triu(1).bool() if causal else None,
                           key_padding_mask=outside if padded else None)
        outputs = {"y": y, "weights": weights}
        parameters = dict(layer.named_parameters())
        family.add(case, {"op": "multihead", "heads": heads, "causal": causal, "padded": padded, "averaged": averaged, "bias": bias},
                   {**inputs, **parameters, "lengths": lengths, **outputs,
                    **differentiate(outputs, {**inputs, **parameters})})

    multihead("multihead.self")
    multihead("multihead.no_bias", bias=False)
    multihead("multihead.averaged", averaged=True)
    multihead("multihead.causal", causal=True)
    multihead("multihead.causal_averaged", causal=True, averaged=True)
    multihead("multihead.padded", padded=True)
    multihead("multihead.causal_padded", causal=True, padded=True)
    multihead("multihead.cross", cross=True)
    multihead("multihead.cross_padded_averaged", cross=True, padded=True, averaged=True)

    for causal, masked in itertools.product((False, True), (False, True)):
        steps = queries if causal else keys
        inputs = leaves(q=given(2, heads, queries, 3), k=given(2, heads, steps, 3), v=given(2, heads, steps, 5))
        visible = torch.ones(queries, steps).tril() if causal else torch.ones(queries, steps)
        if masked:
            visible = visible * (torch.rand(2, heads, queries, steps) < 0.6)
            visible[..., 0] = 1  # a row with everything masked is NaN in PyTorch
        logits = inputs["q"] @ inputs["k"].transpose(-1, -2) / math.sqrt(3)
        weights = torch.softmax(logits.masked_fill(visible == 0, -math.inf), -1)
        outputs = {"y": weights @ inputs["v"], "weights": weights}
        tensors = {**inputs, **outputs, **differentiate(outputs, inputs)}
        if masked:
            tensors["visible"] = visible
        family.add(f"scaled_dot_product{'.causal' if causal else ''}{'.masked' if masked else ''}",
                   {"op": "scaled_dot_product", "causal": causal}, tensors)
    return family


# --- the Transformer ------------------------------------------------------------------------------

def rotated(x, position, interleaved, base):
    """A row [K] rotated to its position, as complex numbers. Su et al. 2021."""
    half = x.shape[0] // 2
    a, b = (x[0::2], x[1::2]) if interleaved else (x[:half], x[half:])
    angle = position * base ** (-torch.arange(half).double() / half)
    c, s = torch.cos(angle), torch.sin(angle)
    a, b = a * c - b * s, a * s + b * c
    return torch.stack([a, b], 1).flatten() if interleaved else torch.cat([a, b])


def attend_by_loops(x, lengths, weight, bias, out_weight, out_bias, heads, kv_heads, causal, window, rotary, base):
    """Self-attention with shared heads of keys and values, a window and rotary positions: one query at a time."""
    size = x.shape[2] // heads
    y = []
    for sequence, length in zip(x, lengths.tolist()):
        q, k, v = (sequence[:length] @ weight.T + bias).split([heads * size, kv_heads * size, kv_heads * size], 1)
        rows = []
        for t in range(x.shape[1]):
            row = []
            for h in range(heads if t < length else 0):
                kv = slice(h // (heads // kv_heads) * size, (h // (heads // kv_heads) + 1) * size)
                own = slice(h * size, (h + 1) * size)
                seen = [j for j in range(length) if not (causal and j > t) and not (window and abs(t - j) >= window)]
                turn = (lambda r, at: r) if rotary == 0 else (lambda r, at: rotated(r, at, rotary == 1, base))
                logits = torch.stack([turn(q[t, own], t) @ turn(k[j, kv], j) for j in seen]) / math.sqrt(size)
                row.append(torch.softmax(logits, 0) @ torch.stack([v[j, kv] for j in seen]))
            rows.append(torch.cat(row) @ out_weight.T + out_bias if row else torch.zeros(x.shape[2]).double())
        y.append(torch.stack(rows))
    return torch.stack(y)


def make_transformer():
    family = Family("transformer")
    dim, heads, hidden, batch, steps = 8, 2, 12, 3, 5
    lengths, memory_lengths = torch.tensor([3, 5, 1]), torch.tensor([4, 2, 6])

    def outside(of, count):
        return torch.arange(count)[None, :] >= of[:, None]
    inside = (~outside(lengths, steps)).double()[:, :, None]
    future = torch.ones(steps, steps).triu(1).bool()

    def add(case, model, options, inputs, call):
        model.double()
        for p in model.parameters():
            p.data = given(*p.shape, scale=0.5)
        outputs = {"y": call(model, *inputs.values()) * inside}
        parameters = dict(model.named_parameters())
        family.add(case, {"heads": heads, "hidden": hidden, **options},
                   {**inputs, "lengths": lengths, "memory_lengths": memory_lengths,
                    **{f"model.{name}": p for name, p in parameters.items()}, **outputs,
                    **differentiate(outputs, {**inputs, **parameters})})

    def encode(causal):
        return lambda model, x: model(x, src_key_padding_mask=outside(lengths, steps),
                                      **{"src_mask" if isinstance(model, nn.TransformerEncoderLayer) else "mask":
                                         future if causal else None})

    def decode(model, x, memory):
        return model(x, memory, tgt_mask=future, tgt_key_padding_mask=outside(lengths, steps),
                     memory_key_padding_mask=outside(memory_lengths, memory.shape[1]))

    for first, activation in itertools.product((False, True), ("relu", "gelu")):
        def layer(of):
            return of(dim, heads, hidden, dropout=0, activation=activation, batch_first=True, norm_first=first)
        options = {"norm_first": first, "gelu": activation == "gelu"}
        name = f"{'pre' if first else 'post'}.{activation}"
        for causal in (False, True):
            add(f"encoder_layer.{name}{'.causal' if causal else ''}", layer(nn.TransformerEncoderLayer),
                {"kind": "encoder_layer", "causal": causal, **options}, leaves(x=given(batch, steps, dim)), encode(causal))
        add(f"decoder_layer.{name}", layer(nn.TransformerDecoderLayer), {"kind": "decoder_layer", **options},
            leaves(x=given(batch, steps, dim), memory=given(batch, 6, dim)), decode)
        if first != (activation == "gelu"):
            continue
        stacked = {"layers": 2, "final_norm": first, **options}
        norm = nn.LayerNorm(dim) if first else None
        add(f"encoder.{name}", nn.TransformerEncoder(layer(nn.TransformerEncoderLayer), 2, norm, enable_nested_tensor=False),
            {"kind": "encoder", "causal": True, **stacked}, leaves(x=given(batch, steps, dim)), encode(True))
        add(f"decoder.{name}", nn.TransformerDecoder(layer(nn.TransformerDecoderLayer), 2, norm),
            {"kind": "decoder", **stacked}, leaves(x=given(batch, steps, dim), memory=given(batch, 6, dim)), decode)

    # What PyTorch 1.13 does not have, by its definition.
    for kv_heads, window, rotary, causal in ((1, 0, 0, True), (2, 2, 0, True), (4, 2, 0, False), (4, 0, 1, False),
                                             (4, 0, 2, True), (2, 3, 1, True), (2, 3, 2, False), (1, 1, 2, True)):
        columns = dim + 2 * kv_heads * dim // 4
        inputs = leaves(x=given(batch, steps, dim))
        parameters = leaves(in_proj_weight=given(columns, dim, scale=0.5), in_proj_bias=given(columns, scale=0.5),
                            **{"out_proj.weight": given(dim, dim, scale=0.5), "out_proj.bias": given(dim, scale=0.5)})
        options = {"heads": 4, "kv_heads": kv_heads, "causal": causal, "window": window, "rotary": rotary, "base": 30}
        outputs = {"y": attend_by_loops(inputs["x"], lengths, *parameters.values(), **options) * inside}
        family.add(f"attention.kv{kv_heads}.window{window}.rotary{rotary}.{'causal' if causal else 'both'}",
                   {"kind": "attention", **options},
                   {**inputs, "lengths": lengths, **{f"model.{name}": p for name, p in parameters.items()}, **outputs,
                    **differentiate(outputs, {**inputs, **parameters})})
    return family


# --- sequence to sequence -------------------------------------------------------------------------

class Seq2Seq(nn.Module):
    """A GRU encoder and decoder with attention, one pair at a time; a of Luong et al. is called `a` here."""

    def __init__(self, score, feeding):
        super().__init__()
        self.score, self.feeding = score, feeding
        self.source_embed, self.target_embed = nn.Embedding(V, D), nn.Embedding(V, D)
        self.encoder, self.decoder = nn.GRU(D, H), nn.GRU(D + (H if feeding else 0), H)
        self.bridge, self.combine, self.head = nn.Linear(H, H), nn.Linear(2 * H, H), nn.Linear(H, V)
        if score == "additive":  # Bahdanau et al. 2015
            self.wq, self.wk, self.v = nn.Linear(H, H), nn.Linear(H, H, bias=False), nn.Linear(H, 1, bias=False)
        elif score == "general":  # Luong et al. 2015
            self.wk = nn.Linear(H, H, bias=False)

    def logits_of(self, h, encoded):
        """[H], [S, H] -> [S]"""
        if self.score == "additive":
            return self.v(torch.tanh(self.wq(h) + self.wk(encoded)))[:, 0]
        return (self.wk(encoded) if self.score == "general" else encoded) @ h

    def forward(self, source, target):
        """Ids [S], [T] -> logits [T, V], weights [T, S]; the first input is id 0."""
        encoded, last = self.encoder(self.source_embed(source))  # not batched: [S, H], [1, H]
        state, a = torch.tanh(self.bridge(last)), torch.zeros(H).double()
        logits, weights = [], []
        for id in [0, *target.tolist()[:-1]]:
            x = self.target_embed(torch.tensor(id))
            h, state = self.decoder(torch.cat([x, a])[None] if self.feeding else x[None], state)
            w = torch.softmax(self.logits_of(h[0], encoded), 0)
            a = torch.tanh(self.combine(torch.cat([w @ encoded, h[0]])))
            logits.append(self.head(a))
            weights.append(w)
        return torch.stack(logits), torch.stack(weights)


def make_seq2seq():
    family = Family("seq2seq")
    source_lengths, target_lengths = [3, 1, 5], [4, 3, 1]  # targets longest first
    for score, feeding in itertools.product(("additive", "dot", "general"), (False, True)):
        model = Seq2Seq(score, feeding).double()
        for p in model.parameters():
            p.data = given(*p.shape, scale=0.5)
        sources = [torch.randint(V, (n,)) for n in source_lengths]
        targets = [torch.randint(V, (n,)) for n in target_lengths]
        results = [model(s, t) for s, t in zip(sources, targets)]
        # The rows of step 0 of all targets, then of step 1, and so on.
        order = [(b, t) for t in range(max(target_lengths)) for b in range(3) if t < target_lengths[b]]
        outputs = {"logits": torch.stack([results[b][0][t] for b, t in order]),
                   "weights": torch.cat([results[b][1][t] for b, t in order])}
        parameters = dict(model.named_parameters())
        family.add(f"{score}{'.feeding' if feeding else ''}", {"score": score, "feeding": feeding},
                   {"source": torch.cat(sources), "target": torch.cat(targets),
                    "source_lengths": torch.tensor(source_lengths), "target_lengths": torch.tensor(target_lengths),
                    **parameters, **outputs, **differentiate(outputs, parameters)})
    return family


# --- layers that work row by row, and activations -------------------------------------------------

# --- scans ----------------------------------------------------------------------------------------
# The equations of the papers as loops over sequences and steps; PyTorch has none of these layers.

def along(lengths, reverse, step, inputs, state):
    """step(inputs at t of a sequence, its state) -> (output, state), for each sequence; padded with 0."""
    outputs, last = [], []
    for b, length in enumerate(lengths):
        h, rows = state[b], [None] * T
        for t in (reversed(range(length)) if reverse else range(length)):
            rows[t], h = step([x[b, t] for x in inputs], h)
        zero = torch.zeros_like(rows[0])
        outputs.append(torch.stack([zero if row is None else row for row in rows]))
        last.append(h)
    return torch.stack(outputs), torch.stack(last)


def selective_step(a, d, bias):
    """Gu and Dao 2023, algorithm 2, with the gate of the block."""
    def step(row, h):
        x, delta, b, c, z = row
        dt = F.softplus(delta + bias)
        h = torch.exp(dt[:, None] * a) * h + dt[:, None] * b[None, :] * x[:, None]
        return ((h * c[None, :]).sum(-1) + d * x) * z * torch.sigmoid(z), h
    return step


def min_gru_step(w, hidden, positive):
    def step(row, h):
        z, c = (row[0] @ w["weight"].t() + w["bias"]).split(hidden)
        z = torch.sigmoid(z)
        h = (1 - z) * h + z * (torch.where(c >= 0, c + 0.5, torch.sigmoid(c)) if positive else c)
        return h, h
    return step


def min_lstm_step(w, hidden, positive):
    def step(row, h):
        f, i, c = (row[0] @ w["weight"].t() + w["bias"]).split(hidden)
        f, i = torch.sigmoid(f), torch.sigmoid(i)
        h = f / (f + i) * h + i / (f + i) * (torch.where(c >= 0, c + 0.5, torch.sigmoid(c)) if positive else c)
        return h, h
    return step


def rg_lru_step(w):
    """De et al. 2024, equations 1 to 6; the state has a last column that is 1 before the first step."""
    def blocks(x, name):
        parts = x.reshape(w[f"w{name}"].shape[0], 1, -1)
        return torch.sigmoid((parts @ w[f"w{name}"]).flatten() + w[f"b{name}"])

    def step(row, h):
        x, begins = row[0], h[-1]
        a = torch.exp(-8 * F.softplus(w["lambda"]) * blocks(x, "r"))
        scale = begins + (1 - begins) * torch.sqrt(1 - a * a)
        y = a * h[:-1] * (1 - begins) + scale * blocks(x, "i") * x
        return y, torch.cat([y, torch.zeros(1, dtype=y.dtype)])
    return step


def mamba(w, x, lengths, layers, eps=1e-5):
    """The stack of blocks; weights have the names and shapes of the published checkpoints. x [B, T, D]."""
    def norm(v, weight):
        return v / torch.sqrt((v * v).mean(-1, keepdim=True) + eps) * weight

    for layer in range(layers):
        p = {k.split(".mixer.")[1]: v for k, v in w.items() if f"layers.{layer}.mixer." in k}
        inner, states, taps = p["D"].shape[0], p["A_log"].shape[1], p["conv1d.weight"].shape[2]
        u, z = (norm(x, w[f"backbone.layers.{layer}.norm.weight"]) @ p["in_proj.weight"].t()).split(inner, -1)
        padded = torch.cat([torch.zeros(B, taps - 1, inner, dtype=x.dtype), u], 1)
        u = sum(padded[:, k:k + T] * p["conv1d.weight"][:, 0, k] for k in range(taps)) + p["conv1d.bias"]
        u = u * torch.sigmoid(u)
        rank = p["dt_proj.weight"].shape[1]
        dt, b, c = (u @ p["x_proj.weight"].t()).split([rank, states, states], -1)
        delta = dt @ p["dt_proj.weight"].t()
        y, _ = along(lengths, False, selective_step(-torch.exp(p["A_log"]), p["D"], p["dt_proj.bias"]),
                     [u, delta, b, c, z], torch.zeros(B, inner, states, dtype=x.dtype))
        x = x + y @ p["out_proj.weight"].t()
    return norm(x, w["backbone.norm_f.weight"])


def make_scans():
    family = Family("scans")
    lengths, states = [3, 5, 1, 3], 4
    shared = {"lengths": torch.tensor(lengths)}
    for reverse in (False, True):
        options = {"reverse": reverse}
        inputs = leaves(x=given(B, T, D), delta=given(B, T, D), b=given(B, T, states), c=given(B, T, states),
                        z=given(B, T, D), a=-given(D, states).abs() - 1 / 8, d=given(D), bias=given(D),
                        h0=given(B, D, states))
        rows = [inputs[name] for name in ("x", "delta", "b", "c", "z")]
        y, hn = along(lengths, reverse, selective_step(inputs["a"], inputs["d"], inputs["bias"]), rows, inputs["h0"])
        family.add(f"selective.{int(reverse)}", {"op": "selective", **options},
                   {**shared, **inputs, "y": y, "hn": hn, **differentiate({"y": y, "hn": hn}, inputs)})
        for kind, gates, make in (("min_gru", 2, min_gru_step), ("min_lstm", 3, min_lstm_step)):
            for positive in (False, True):
                inputs = leaves(x=given(B, T, D), h0=given(B, H), weight=given(gates * H, D), bias=given(gates * H))
                y, hn = along(lengths, reverse, make(inputs, H, positive), [inputs["x"]], inputs["h0"])
                family.add(f"{kind}.{int(reverse)}{int(positive)}", {"op": kind, **options, "positive": positive},
                           {**shared, **inputs, "y": y, "hn": hn, **differentiate({"y": y, "hn": hn}, inputs)})
        for blocks, starts in itertools.product((1, 2), (True, False)):
            width = 6
            weights = {f"w{g}": given(blocks, width // blocks, width // blocks) for g in "ri"}
            inputs = leaves(x=given(B, T, width), h0=given(B, width), br=given(width), bi=given(width),
                            **{"lambda": given(width)}, **weights)
            begins = torch.full((B, 1), float(starts), dtype=torch.float64)
            y, hn = along(lengths, reverse, rg_lru_step(inputs), [inputs["x"]],
                          torch.cat([inputs["h0"], begins], 1))
            outputs = {"y": y, "hn": hn[:, :-1]}
            family.add(f"rg_lru.{int(reverse)}{blocks}{int(starts)}",
                       {"op": "rg_lru", **options, "blocks": blocks, "starts": starts},
                       {**shared, **inputs, **outputs, **differentiate(outputs, inputs)})
    dim, inner, rank, taps, layers = 4, 8, 2, 4, 2
    weights = {"backbone.norm_f.weight": given(dim)}
    for layer in range(layers):
        at = f"backbone.layers.{layer}."
        weights[f"{at}norm.weight"] = given(dim)
        for name, shape in {"in_proj.weight": (2 * inner, dim), "conv1d.weight": (inner, 1, taps),
                            "conv1d.bias": (inner,), "x_proj.weight": (rank + 2 * states, inner),
                            "dt_proj.weight": (inner, rank), "dt_proj.bias": (inner,),
                            "A_log": (inner, states), "D": (inner,), "out_proj.weight": (dim, inner)}.items():
            weights[f"{at}mixer.{name}"] = given(*shape, scale=0.5)
    inputs = leaves(x=given(B, T, dim), **weights)
    y = mamba(inputs, inputs["x"], lengths, layers)
    y = y * torch.tensor([[[float(t < n)] for t in range(T)] for n in lengths], dtype=torch.float64)
    family.add("mamba", {"op": "mamba", "dim": dim, "layers": layers, "states": states, "dt_rank": rank, "taps": taps},
               {**shared, **inputs, "y": y, **differentiate({"y": y}, inputs)})
    return family


def make_layers():
    family = Family("layers")
    for affine in (True, False):
        layer = nn.LayerNorm(7, eps=1e-5, elementwise_affine=affine).double()
        for p in layer.parameters():
            p.data = given(*p.shape)
        inputs = leaves(x=given(2, 3, 7, scale=2) + 0.5)
        parameters = dict(layer.named_parameters())
        outputs = {"y": layer(inputs["x"])}
        family.add(f"layer_norm.{'affine' if affine else 'plain'}", {"op": "layer_norm", "eps": 1e-5},
                   {**inputs, **parameters, **outputs, **differentiate(outputs, {**inputs, **parameters})})

    for padding in (None, 2):
        layer = nn.Embedding(V, 4, padding_idx=padding).double()
        layer.weight.data = given(V, 4)
        ids = torch.tensor([[0, 2, 2, 5], [5, 1, 2, 5]])
        outputs = {"y": layer(ids)}
        family.add(f"embedding.{'plain' if padding is None else 'padding'}",
                   {"op": "embedding", "padding_id": -1 if padding is None else padding},
                   {"ids": ids, "weight": layer.weight, **outputs, **differentiate(outputs, {"weight": layer.weight})})

    layer = nn.Linear(5, 3).double()
    for p in layer.parameters():
        p.data = given(*p.shape)
    inputs, parameters = leaves(x=given(2, 4, 5)), dict(layer.named_parameters())
    outputs = {"y": layer(inputs["x"])}
    family.add("linear", {"op": "linear"},
               {**inputs, **parameters, **outputs, **differentiate(outputs, {**inputs, **parameters})})
    return family


def make_embedding_bag():
    family = Family("embedding_bag")
    ids, offsets = torch.tensor([0, 2, 2, 5, 4, 1, 1]), torch.tensor([0, 3, 3, 6])  # the second bag is empty
    for mode, padding, weighted in (("sum", None, False), ("mean", None, False), ("mean", 2, False), ("sum", 2, True)):
        layer = nn.EmbeddingBag(V, 4, mode=mode, padding_idx=padding).double()
        layer.weight.data = given(V, 4)
        values = {"values": given(len(ids))} if weighted else {}
        outputs = {"y": layer(ids, offsets, per_sample_weights=values.get("values"))}
        family.add(f"{mode}.{'plain' if padding is None else 'padding'}",
                   {"mode": mode, "padding_id": -1 if padding is None else padding},
                   {"ids": ids, "offsets": offsets, "weight": layer.weight, **values, **outputs,
                    **differentiate(outputs, {"weight": layer.weight})})
    return family


def make_activations():
    family = Family("activations")
    near = torch.arange(-96, 97).double() / 16  # -6 .. 6
    large = torch.tensor([7.5, 9, 12, 16, 20, 30, 40, 60, 87, 89, 100, 300, 700, 720, 1e4])
    grid = torch.cat([near, large, -large]).double()
    functions = {
        "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu,
        "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu,
        # The default threshold of 20 drops log(1 + exp(-x)) there, 2e-9: more than f64 forgives.
        "softplus": lambda x: F.softplus(x, threshold=500),
        "elu": F.elu, "elu_alpha": lambda x: F.elu(x, 1.5),
        "leaky_relu": F.leaky_relu, "leaky_relu_slope": lambda x: F.leaky_relu(x, 0.25),
        "softmax": lambda x: torch.softmax(x.reshape(-1, 1) * torch.tensor([1.0, -0.5, 0.25, 0]).double(), 1),
        "log_softmax": lambda x: torch.log_softmax(x.reshape(-1, 1) * torch.tensor([1.0, -0.5, 0.25, 0]).double(), 1),
    }
    for name, f in functions.items():
        inputs = leaves(x=grid)
        outputs = {"y": f(inputs["x"])}
        family.add(name, {"op": name}, {**inputs, **outputs, **differentiate(outputs, inputs)})
    return family


# --- losses ---------------------------------------------------------------------------------------

def make_losses():
    family = Family("losses")
    reductions = ("mean", "sum", "none")

    def add(case, options, inputs, constants, loss):
        outputs = {"loss": loss}
        family.add(case, options, {**inputs, **constants, **outputs, **differentiate(outputs, inputs)})

    target = torch.tensor([1, 5, 0, 2, 2, 4, 3])
    ignoring = torch.tensor([1, -100, 0, 2, -100, 4, 3])
    weights = torch.tensor([0.5, 1, 2, 0.25, 1.5, 3]).double()
    for reduction, smoothing, weighted, ignored in itertools.product(reductions, (0, 0.125), (False, True), (False, True)):
        x, ids = leaves(x=given(7, V, scale=3)), ignoring if ignored else target
        names = [n for n, on in (("smoothed", smoothing), ("weighted", weighted), ("ignoring", ignored)) if on]
        add(".".join(["cross_entropy", *names, reduction]),
            {"op": "cross_entropy", "reduction": reduction, "smoothing": smoothing}, x,
            {"target": ids, **({"class_weights": weights} if weighted else {})},
            F.cross_entropy(x["x"], ids, weight=weights if weighted else None, label_smoothing=smoothing, reduction=reduction))
        if smoothing == 0:
            x = leaves(x=torch.round(torch.log_softmax(given(7, V), 1) * 256) / 256)
            add(".".join(["nll", *names, reduction]), {"op": "nll", "reduction": reduction}, x,
                {"target": ids, **({"class_weights": weights} if weighted else {})},
                F.nll_loss(x["x"], ids, weight=weights if weighted else None, reduction=reduction))

    x = leaves(x=torch.tensor([[80.0, -80, 0, 3], [-1000, 1000, 2, 1], [500, 500, 500, -500]]).double())
    add("cross_entropy.large", {"op": "cross_entropy", "reduction": "mean", "smoothing": 0}, x,
        {"target": torch.tensor([1, 1, 0])}, F.cross_entropy(x["x"], torch.tensor([1, 1, 0])))

    for reduction in reductions:
        options = {"reduction": reduction}
        x = leaves(x=given(4, 3, scale=2), target=given(4, 3, scale=2))
        add(f"mse.{reduction}", {"op": "mse", **options}, x, {}, F.mse_loss(x["x"], x["target"], reduction=reduction))
        x = leaves(x=given(4, 3, scale=2), target=given(4, 3, scale=2))
        add(f"l1.{reduction}", {"op": "l1", **options}, x, {}, F.l1_loss(x["x"], x["target"], reduction=reduction))
        for delta in (0.5, 1.0, 2.0):
            x = leaves(x=given(4, 3, scale=2), target=given(4, 3, scale=2))
            add(f"huber.{delta}.{reduction}", {"op": "huber", "delta": delta, **options}, x, {},
                F.huber_loss(x["x"], x["target"], delta=delta, reduction=reduction))
        for positive, weighted in itertools.product((False, True), (False, True)):
            x = leaves(x=torch.cat([given(4, 3, scale=3), torch.tensor([[200.0, -200, 0]]).double()]))
            constants = {"target": torch.round(torch.rand(5, 3) * 4).double() / 4}
            if positive:
                constants["positive_weight"] = torch.tensor([0.5, 2, 3]).double()
            if weighted:
                constants["weight"] = torch.tensor([[1, 0.25, 2]]).double()
            add(f"bce_with_logits{'.positive' if positive else ''}{'.weighted' if weighted else ''}.{reduction}",
                {"op": "bce_with_logits", **options}, x, constants,
                F.binary_cross_entropy_with_logits(x["x"], constants["target"], weight=constants.get("weight"),
                                                   pos_weight=constants.get("positive_weight"), reduction=reduction))
        for full in (False, True):
            variance = given(4, 3).abs() + 0.125
            variance[1, 1] = 0  # raised to eps
            x = leaves(x=given(4, 3), target=given(4, 3), variance=variance)
            add(f"gaussian_nll{'.full' if full else ''}.{reduction}",
                {"op": "gaussian_nll", "full": full, "eps": 0.0625, **options}, x, {},
                F.gaussian_nll_loss(x["x"], x["target"], x["variance"], full=full, eps=0.0625, reduction=reduction))
    return family


# --- optimisers and schedules ---------------------------------------------------------------------

def make_optimizers():
    family = Family("optimizers")
    optim = torch.optim
    makers = {"sgd": optim.SGD, "rmsprop": optim.RMSprop, "adagrad": optim.Adagrad, "adam": optim.Adam, "adamw": optim.AdamW}
    cases = [
        ("sgd", "", {}), ("sgd", "decay", {"weight_decay": 0.1}), ("sgd", "momentum", {"momentum": 0.9}),
        ("sgd", "momentum_decay", {"momentum": 0.9, "weight_decay": 0.1}),
        ("sgd", "nesterov", {"momentum": 0.9, "nesterov": True}),
        ("sgd", "nesterov_decay", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        ("rmsprop", "", {}), ("rmsprop", "alpha_decay", {"alpha": 0.9, "weight_decay": 0.1}),
        ("rmsprop", "momentum", {"momentum": 0.9}), ("rmsprop", "centered", {"centered": True}),
        ("rmsprop", "centered_momentum", {"centered": True, "momentum": 0.9}),
        ("adagrad", "", {}), ("adagrad", "decay", {"weight_decay": 0.1}),
        ("adam", "", {}), ("adam", "betas_decay", {"betas": (0.8, 0.95), "weight_decay": 0.1}),
        ("adamw", "", {"weight_decay": 0.01}), ("adamw", "betas_decay", {"betas": (0.8, 0.95), "weight_decay": 0.2}),
    ]
    for kind, name, options in cases:
        start = [given(3, 7), given(5)]
        parameters = [p.clone().requires_grad_() for p in start]
        optimizer = makers[kind](parameters, lr=0.03125, **options)
        tensors = {f"start{i}": p for i, p in enumerate(start)}
        for step in range(3):
            for i, p in enumerate(parameters):
                p.grad = given(*p.shape)
                tensors[f"grad{i}.{step}"] = p.grad
            optimizer.step()
            tensors.update({f"after{i}.{step}": p.detach().clone() for i, p in enumerate(parameters)})
        options = {k: v for k, v in options.items() if k != "betas"} | (
            dict(zip(("beta1", "beta2"), options["betas"])) if "betas" in options else {})
        family.add(f"{kind}.{name}" if name else kind, {"op": kind, "lr": 0.03125, **options}, tensors)
    return family


def make_schedules():
    family = Family("schedules")
    rates = torch.optim.lr_scheduler

    def add(case, options, make, steps, losses=None):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=options["lr"])
        schedule, out = make(optimizer), []
        for step in range(steps):
            if losses is None:  # the rate of this step
                out.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step() if losses is None else schedule.step(losses[step])
            if losses is not None:  # the rate from here on
                out.append(optimizer.param_groups[0]["lr"])
        tensors = {"rates": torch.tensor(out, dtype=torch.float64)}
        if losses is not None:
            tensors["losses"] = torch.tensor(losses, dtype=torch.float64)
        family.add(case, options, tensors)

    add("step", {"op": "step", "lr": 0.1, "every": 3, "factor": 0.5}, lambda o: rates.StepLR(o, 3, gamma=0.5), 11)
    add("cosine", {"op": "cosine", "lr": 0.1, "steps": 10, "least": 0.01},
        lambda o: rates.CosineAnnealingLR(o, T_max=10, eta_min=0.01), 11)
    add("warm_up", {"op": "warm_up", "lr": 0.1, "steps": 5, "start": 0.25},
        lambda o: rates.LinearLR(o, start_factor=0.25, total_iters=5), 9)
    losses = [4, 3, 2.5, 2.5, 2.6, 2.499999, 2.7, 2, 2.1, 2.2, 2.3, 2.4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    for cooldown in (0, 2):
        add(f"plateau.cooldown{cooldown}",
            {"op": "plateau", "lr": 0.1, "factor": 0.5, "patience": 2, "threshold": 1e-4, "cooldown": cooldown, "least": 0.015},
            lambda o: rates.ReduceLROnPlateau(o, factor=0.5, patience=2, threshold=1e-4, cooldown=cooldown, min_lr=0.015),
            len(losses), losses)
    return family


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    check = parser.parse_args().check
    torch.set_num_threads(1)
    good = True
    for make in (make_rnn, make_lstm, make_gru, make_attention, make_transformer, make_seq2seq, make_scans,
                 make_layers, make_embedding_bag, make_activations, make_losses, make_optimizers, make_schedules):
        family = make()
        if check:
            difference = family.compare()
            good &= difference < 1e-13
            print(f"{family.path.name}: {len(family.options)} cases, largest difference {difference:.1e}")
        else:
            family.path.write_bytes(family.bytes())
            print(f"{family.path.name}: {len(family.options)} cases, {family.path.stat().st_size} bytes")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
