"""One loss with all gradients on a GPU: symnn's CuPy program beside CuPy written by hand and PyTorch's autograd.

float32, PyTorch eager without TF32. Each contender has a process of its own and reports the median time of a call over
blocks of calls that end with a synchronisation; figures are medians over interleaved rounds, and ratios to the
hand-written CuPy. What is not installed, or sees no GPU, is said not to have run. There are no bars.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from shared.rounds import arguments, finish, middle, rounds, table
from step import Step, arrays, by_hand, by_symnn

HERE = Path(__file__).resolve()
#: Rows of a batch; of attention, (examples, positions, width).
NETWORKS = {"784-256-128-10": 128, "1024-4096-4096-1000": 4096}
ATTENTION = {"attention": (32, 512, 64)}
CASES = (*NETWORKS, *ATTENTION)
CONTENDERS = ("cupy", "symnn", "torch")
BLOCK, SECONDS, DTYPE = 20, 1.0, "float32"


def data(case: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return parameters and a batch."""
    if case in NETWORKS:
        return arrays(case, DTYPE, NETWORKS[case])
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(ATTENTION[case]).astype(DTYPE) for name in "qkv"}, {}


def attention_by_hand(xp: Any) -> Step:
    """Return the mean of O^2 of softmax attention and its gradients, as one writes them without waste."""

    def step(params: dict[str, Any], batch: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        q, k, v = params["q"], params["k"], params["v"]
        scale = np.float32(1 / np.sqrt(q.shape[-1]))
        s = (q @ k.swapaxes(1, 2)) * scale
        s -= s.max(axis=-1, keepdims=True)
        p = xp.exp(s)
        p /= p.sum(axis=-1, keepdims=True)
        o = p @ v
        do = o * np.float32(2 / o.size)
        dp = do @ v.swapaxes(1, 2)
        ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
        ds *= scale
        grads = {"q": ds @ k, "k": ds.swapaxes(1, 2) @ q, "v": p.swapaxes(1, 2) @ do}
        return (o * o).mean(), grads

    return step


def attention_by_symnn() -> Step:
    """Return the same, derived and compiled by symnn."""
    import symnn as sn

    size, (b, i, c) = sn.dims("B T D"), sn.indices("b i c")
    o = sn.attention(*(sn.parameter(name, size) for name in "qkv"))
    B, T, D = size
    return sn.Network(sn.define("loss", (), sn.sum(o[b, i, c] ** 2, b, i, c) / (B * T * D))).compile(
        backend="cupy", dtype=DTYPE
    )


def by_torch(case: str) -> tuple[Step, Any]:
    """Return the step by PyTorch's autograd, and how it takes an array."""
    import torch
    import torch.nn.functional as F

    def step(params: dict[str, Any], batch: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        if case in ATTENTION:
            q, k, v = params["q"], params["k"], params["v"]
            loss = (torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v).square().mean()
        else:
            h, depth = batch["x"], case.count("-")
            for n in range(1, depth + 1):
                h = F.linear(h, params[f"W{n}"], params[f"b{n}"])
                h = torch.relu(h) if n < depth else h
            loss = F.cross_entropy(h, batch["t"])
        grads = torch.autograd.grad(loss, list(params.values()))
        return loss.detach(), dict(zip(params, grads, strict=True))

    def take(array: Any) -> Any:
        t = torch.as_tensor(array).cuda()
        return t.requires_grad_() if t.is_floating_point() else t

    return step, take


def one(who: str, case: str) -> dict[str, Any]:
    """Time one contender in this process."""
    params, batch = data(case)
    if who == "torch":
        import torch

        step, take = by_torch(case)
        wait = torch.cuda.synchronize
    else:
        import cupy

        take, wait = cupy.asarray, cupy.cuda.Device().synchronize
        if who == "symnn":
            step = attention_by_symnn() if case in ATTENTION else by_symnn(case, DTYPE, "cupy")
        else:
            step = attention_by_hand(cupy) if case in ATTENTION else by_hand(case, cupy)
    params, batch = ({k: take(v) for k, v in d.items()} for d in (params, batch))
    loss, grads = step(params, batch)
    norms = {name: float(np.linalg.norm((g.cpu().numpy() if who == "torch" else g.get()).astype("float64")))
             for name, g in sorted(grads.items())}  # fmt: skip
    times, end = [], time.perf_counter() + SECONDS
    wait()
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        for _ in range(BLOCK):
            step(params, batch)
        wait()
        times.append((time.perf_counter() - start) / BLOCK)
    return {"seconds": median(times), "loss": float(loss), "norms": norms}


def runs(module: str, seen: str) -> bool:
    """Tell whether a library is installed here and sees a GPU."""
    code = f"import {module}, sys; sys.exit(not {module}.{seen}())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def main() -> int:
    chosen = arguments((__doc__ or "").split("\n")[0], default_rounds=3).parse_args()
    if chosen.one:
        print(json.dumps(one(*chosen.one)))
        return 0
    if not runs("cupy", "is_available"):
        print("NOT RUN: CuPy is not installed, or sees no GPU")
        return 0
    there = [who for who in CONTENDERS if who != "torch" or runs("torch", "cuda.is_available")]
    if "torch" not in there:
        print("NOT RUN: torch is not installed, or sees no GPU")
    keys = [(who, case) for case in CASES for who in there]
    measured = rounds({key: [sys.executable, str(HERE), "--one", *key] for key in keys}, chosen.rounds)
    rows: list[dict[str, Any]] = []
    for case in CASES:
        hand = measured["cupy", case]
        for who in there:
            for name, norm in hand[0]["norms"].items():
                if abs(measured[who, case][0]["norms"][name] - norm) > 1e-3 * norm:
                    print(f"{case}: {who} and CuPy by hand disagree: {measured[who, case][0]} against {hand[0]}")
                    return 1
        rows.append({"case": case} | {who: middle(measured[who, case]) for who in there})
    cupy = importlib.import_module("cupy")
    name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    print(f"{name}, {DTYPE}: a loss and all gradients; medians of {chosen.rounds} rounds")
    others = [who for who in there if who != "cupy"]
    print(table(("case", *(f"{who} us" for who in there), *(f"{who} / by hand" for who in others)), [
        (r["case"], *(f"{r[who] * 1e6:.0f}" for who in there), *(f"{r[who] / r['cupy']:.2f}" for who in others))
        for r in rows]))  # fmt: skip
    return finish({"benchmark": "gpu", "device": name, "rows": rows, "rounds": chosen.rounds}, [], chosen.json)


if __name__ == "__main__":
    sys.exit(main())
