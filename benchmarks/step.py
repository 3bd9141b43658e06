"""One loss with all gradients: symnn's generated NumPy beside NumPy written by hand, float32 and float64.

Each contender has a process of its own and reports the least time of many calls; figures are medians over
interleaved rounds, and ratios to the hand-written code of the same precision. The bars only inform.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from shared.rounds import Bar, arguments, finish, least, middle, rounds, table

HERE = Path(__file__).resolve()
CASES = {"64-32-10": 32, "784-256-128-10": 128}
PRECISIONS = ("float32", "float64")
SECONDS = 0.4
# the ratios of peers.md, reached there by probes of generated NumPy
BARS = {("64-32-10", "float32"): 0.52, ("64-32-10", "float64"): 0.64,
        ("784-256-128-10", "float32"): 0.96, ("784-256-128-10", "float64"): 0.94}  # fmt: skip


def arrays(case: str, dtype: str, rows: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters of a ReLU network and one batch of so many rows."""
    widths, rng = [int(n) for n in case.split("-")], np.random.default_rng(0)
    params: dict[str, Any] = {}
    for k, (fan_in, out) in enumerate(zip(widths, widths[1:], strict=False), 1):
        params[f"W{k}"] = (rng.standard_normal((out, fan_in)) * np.sqrt(2 / fan_in)).astype(dtype)
        params[f"b{k}"] = np.zeros(out, dtype)
    x = rng.standard_normal((rows, widths[0])).astype(dtype)
    return params, {"x": x, "t": rng.integers(0, widths[-1], rows)}


Step = Callable[[dict[str, Any], dict[str, Any]], tuple[Any, dict[str, Any]]]


def by_hand(case: str, xp: Any = np) -> Step:
    """Return loss and gradients as one writes them on an afternoon, without waste; ``xp`` is NumPy or CuPy."""
    depth = case.count("-")

    def step(params: dict[str, Any], batch: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        h, rows = [batch["x"]], xp.arange(len(batch["t"]))
        for k in range(1, depth):
            h.append(xp.maximum(h[-1] @ params[f"W{k}"].T + params[f"b{k}"], 0))
        z = h[-1] @ params[f"W{depth}"].T + params[f"b{depth}"]
        z = z - z.max(axis=1, keepdims=True)
        e = xp.exp(z)
        total = e.sum(axis=1, keepdims=True)
        loss = xp.mean(xp.log(total[:, 0]) - z[rows, batch["t"]])
        delta = e / total
        delta[rows, batch["t"]] -= 1
        delta /= len(rows)
        grads = {}
        for k in range(depth, 0, -1):
            grads[f"W{k}"] = delta.T @ h[k - 1]
            grads[f"b{k}"] = delta.sum(axis=0)
            if k > 1:
                delta = (delta @ params[f"W{k}"]) * (h[k - 1] > 0)
        return loss, grads

    return step


def by_symnn(case: str, dtype: str, backend: str = "numpy") -> Step:
    """Return loss and gradients derived and compiled by symnn."""
    import symnn as sn

    names = sn.dims(" ".join(["N", *(f"H{k}" for k in range(case.count("-") + 1))]))
    N, widths = names[0], names[1:]
    x, t = sn.input("x", (N, widths[0])), sn.labels("t", (N,), widths[-1])
    h = x
    for k, width in enumerate(widths[1:-1], 1):
        h = sn.relu(sn.dense(h, width, name=str(k)))
    p = sn.softmax(sn.dense(h, widths[-1], name=str(len(widths) - 1)))
    return sn.Network(sn.cross_entropy(p, t)).compile(backend=backend, dtype=dtype)


def one(who: str, case: str, dtype: str) -> dict[str, Any]:
    """Time one contender in this process."""
    params, batch = arrays(case, dtype, CASES[case])
    step = by_hand(case) if who == "numpy" else by_symnn(case, dtype)
    loss, grads = step(params, batch)
    norms = {name: float(np.linalg.norm(g)) for name, g in sorted(grads.items())}
    best, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        step(params, batch)
        best = min(best, time.perf_counter() - start)
    return {"seconds": best, "loss": float(loss), "norms": norms}


def agree(left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Tell whether two contenders computed the same loss and gradients."""
    pairs = [(left["loss"], right["loss"]), *((v, right["norms"][k]) for k, v in left["norms"].items())]
    return all(abs(a - b) <= 1e-4 * abs(b) + 1e-7 for a, b in pairs)


def main() -> int:
    chosen = arguments((__doc__ or "").split("\n")[0], default_rounds=5).parse_args()
    if chosen.one:
        print(json.dumps(one(*chosen.one)))
        return 0
    keys = [(who, case, dtype) for case in CASES for dtype in PRECISIONS for who in ("numpy", "symnn")]
    measured = rounds({key: [sys.executable, str(HERE), "--one", *key] for key in keys}, chosen.rounds)
    rows: list[dict[str, Any]] = []
    for case, batch in CASES.items():
        for dtype in PRECISIONS:
            mine, hand = measured["symnn", case, dtype], measured["numpy", case, dtype]
            if not agree(mine[0], hand[0]):
                print(f"{case} {dtype}: symnn and NumPy disagree: {mine[0]} against {hand[0]}")
                return 1
            rows.append({"case": case, "batch": batch, "dtype": dtype, "seconds": middle(mine),
                         "numpy_seconds": middle(hand), "ratio": middle(mine) / middle(hand),
                         "least_ratio": least(mine) / least(hand)})  # fmt: skip
    print(f"loss and all gradients of a ReLU network; medians of {chosen.rounds} rounds, hand-written NumPy = 1")
    print(table(("network", "batch", "precision", "NumPy us", "symnn us", "symnn / NumPy", "of the least"), [
        (r["case"], str(r["batch"]), r["dtype"], f"{r['numpy_seconds'] * 1e6:.0f}", f"{r['seconds'] * 1e6:.0f}",
         f"{r['ratio']:.2f}", f"{r['least_ratio']:.2f}") for r in rows]))  # fmt: skip
    bars = [Bar(f"{r['case']} {r['dtype']}: symnn / NumPy", r["ratio"], BARS[r["case"], r["dtype"]]) for r in rows]
    finish({"benchmark": "step", "rows": rows, "rounds": chosen.rounds}, bars, chosen.json)
    print("these bars inform only")
    return 0


if __name__ == "__main__":
    sys.exit(main())
