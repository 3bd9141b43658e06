"""How long until the first gradients of a deep tanh network: derive, compile and first call, from L = 2 to 1000.

The clock of a contender starts after its imports, with the arrays ready, and stops when the first gradients are
there. Every figure is a median over interleaved rounds of fresh processes, and is also given as a multiple of
``import sympy``, measured in the same rounds. JAX traces the same network in a Python loop; its backend is started
before the clock.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from shared.rounds import Bar, arguments, finish, importable, middle, rounds, table

HERE = Path(__file__).resolve()
PEERS = HERE.parent.parent / ".venv-peers" / "bin" / "python"
DEPTHS = (2, 8, 32, 128, 1000)
WIDTH, BATCH, CLASSES = 32, 32, 10
GROWTH, SYMPY = 9.0, 1.0


def arrays(depth: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return parameters of ``depth`` tanh layers and the output layer, and one batch."""
    rng = np.random.default_rng(0)
    params: dict[str, Any] = {}
    for k in range(1, depth + 2):
        out = WIDTH if k <= depth else CLASSES
        params[f"W{k}"] = rng.standard_normal((out, WIDTH)) / np.sqrt(WIDTH)
        params[f"b{k}"] = np.zeros(out)
    batch = {"x": rng.standard_normal((BATCH, WIDTH)), "t": rng.integers(0, CLASSES, BATCH)}
    return params, batch


def one_symnn(depth: int) -> dict[str, Any]:
    """Time symnn in this process."""
    import symnn as sn

    load = sn.Network  # the names load when the first is asked for
    params, batch = arrays(depth)
    start = time.perf_counter()
    N, D, H, C = sn.dims("N D H C")
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    h = x
    for k in range(1, depth + 1):
        h = sn.tanh(sn.dense(h, H, name=str(k)))
    p = sn.softmax(sn.dense(h, C, name=str(depth + 1)))
    net = load(sn.cross_entropy(p, t))
    built = time.perf_counter()
    net.adjoints()
    derived = time.perf_counter()
    f = net.compile()
    compiled = time.perf_counter()
    loss, grads = f(params, batch)
    end = time.perf_counter()
    assert len(grads) == 2 * depth + 2
    return {
        "seconds": end - start, "loss": float(loss), "norm": float(np.linalg.norm(grads["W1"])),
        "forward": built - start, "derive": derived - built, "compile": compiled - derived, "call": end - compiled,
    }  # fmt: skip


def one_jax(depth: int) -> dict[str, Any]:
    """Time JAX in this process: jit of value_and_grad, float32 as it comes."""
    import jax
    import jax.numpy as jnp

    params, batch = arrays(depth)
    params = {k: jnp.asarray(v, jnp.float32) for k, v in params.items()}
    x, t = jnp.asarray(batch["x"], jnp.float32), jnp.asarray(batch["t"])
    (x + 1).block_until_ready()
    start = time.perf_counter()

    def loss(params: Any, x: Any, t: Any) -> Any:
        h = x
        for k in range(1, depth + 1):
            h = jnp.tanh(h @ params[f"W{k}"].T + params[f"b{k}"])
        z = h @ params[f"W{depth + 1}"].T + params[f"b{depth + 1}"]
        return -jnp.mean(jax.nn.log_softmax(z)[jnp.arange(BATCH), t])

    value, grads = jax.jit(jax.value_and_grad(loss))(params, x, t)
    jax.block_until_ready(grads)
    end = time.perf_counter()
    norm = float(jnp.linalg.norm(grads["W1"]))
    return {"seconds": end - start, "loss": float(value), "norm": norm, "version": jax.__version__}


def one_sympy() -> dict[str, Any]:
    """Time ``import sympy`` in this process."""
    start = time.perf_counter()
    import sympy

    return {"seconds": time.perf_counter() - start, "version": sympy.__version__}


def agree(left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Tell whether loss and gradient norm are the same but for float32."""
    return all(abs(left[k] - right[k]) <= 2e-3 * abs(left[k]) + 1e-6 for k in ("loss", "norm"))


def main() -> int:
    parser = arguments((__doc__ or "").split("\n")[0], default_rounds=5)
    parser.add_argument("--depths", type=lambda s: tuple(map(int, s.split(","))), default=DEPTHS, metavar="2,8,32")
    parser.add_argument("--jax-python", default=str(PEERS) if PEERS.exists() else None, metavar="PATH",
                        help="an interpreter that can import jax (default: .venv-peers/bin/python)")  # fmt: skip
    chosen = parser.parse_args()
    if chosen.one:
        what, *rest = chosen.one
        print(json.dumps({"symnn": one_symnn, "jax": one_jax, "sympy": one_sympy}[what](*map(int, rest))))
        return 0

    with_jax = importable(chosen.jax_python, "jax")
    contenders: dict[Any, list[str]] = {("sympy",): [sys.executable, str(HERE), "--one", "sympy"]}
    for L in chosen.depths:
        contenders["symnn", L] = [sys.executable, str(HERE), "--one", "symnn", str(L)]
        if with_jax:
            contenders["jax", L] = [chosen.jax_python, str(HERE), "--one", "jax", str(L)]
    measured = rounds(contenders, chosen.rounds)

    unit = middle(measured["sympy",])
    rows: list[dict[str, Any]] = []
    for L in chosen.depths:
        mine = measured["symnn", L]
        seconds = middle(mine)
        jax = middle(measured["jax", L]) if with_jax else None
        if with_jax and not agree(mine[0], measured["jax", L][0]):
            print(f"L = {L}: symnn and JAX disagree: {mine[0]} against {measured['jax', L][0]}")
            return 1
        rows.append({
            "L": L, "seconds": seconds, "times_import_sympy": seconds / unit, "jax_seconds": jax,
            "jax_over_symnn": jax / seconds if jax else None, "worst": max(r["seconds"] for r in mine),
            **{part: middle(mine, part) for part in ("forward", "derive", "compile", "call")},
        })  # fmt: skip

    print(f"derive + compile + first call, tanh layers of width {WIDTH}, batch {BATCH}, {CLASSES} classes; "
          f"medians of {chosen.rounds} rounds")  # fmt: skip
    print(table(
        ("L", "forward", "derive", "compile", "call", "seconds", "x import sympy", "JAX seconds", "JAX / symnn"),
        [(str(r["L"]), *(f"{r[k]:.3f}" for k in ("forward", "derive", "compile", "call", "seconds")),
          f"{r['times_import_sympy']:.2f}", f"{r['jax_seconds']:.3f}" if with_jax else "not run",
          f"{r['jax_over_symnn']:.1f}" if with_jax else "not run") for r in rows],
    ))  # fmt: skip
    print(f"import sympy: {unit:.3f} s")
    if with_jax:
        print(f"JAX {measured['jax', chosen.depths[0]][0]['version']}, {chosen.jax_python}")
    else:
        print(f"JAX: not run ({chosen.jax_python or 'no .venv-peers'} has none; make peers-env, or --jax-python PATH)")

    by = {r["L"]: r["seconds"] for r in rows}
    bars = [
        Bar("time(1000) / time(128)", by[1000] / by[128] if {128, 1000} <= set(by) else None, GROWTH),
        Bar("L = 128 in multiples of import sympy", by[128] / unit if 128 in by else None, SYMPY),
    ]
    for r in rows:
        bars.append(Bar(f"L = {r['L']}: symnn / JAX", r["seconds"] / r["jax_seconds"] if with_jax else None, 1.0))
    report = {"benchmark": "depth", "rows": rows, "import_sympy": unit, "rounds": chosen.rounds, "jax": with_jax}
    return finish(report, bars, chosen.json)


if __name__ == "__main__":
    sys.exit(main())
