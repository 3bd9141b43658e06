"""Gaussian moments of every activation at unit variance, and the gains that follow: value, error bound, time.

E[g^2] and E[g'^2] are in closed form where the table of integrals gives one, else by quadrature in float64. Each is
held against mpmath's quadrature of the expression as typed, with SymPy's derivative: a bound that is exceeded, or is
above 1e-12, fails the run, and so do a quadrature slower than 50 ms, the least of several runs, and published constants
that are not met. Beside the derived gain stands torch's table, torch.nn.init.calculate_gain, where torch is installed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import sympy
from shared.rounds import Bar, finish, importable, table

from symnn.nn.activations import ACTIVATIONS
from symnn.theory.gains import activation_expression, gain
from symnn.theory.gaussian import gaussian_mean
from symnn.theory.selu import selu_constants

HERE = Path(__file__).resolve()
PEERS = HERE.parent.parent / ".venv-peers" / "bin" / "python"
DIGITS = 15
LARGEST_BOUND, SLOWEST_MS = 1e-12, 50
#: 1/sqrt(E[tanh^2]) as it is quoted; the constants of Klambauer et al. 2017 to 32 digits.
TANH = 1.592537419722831
SCALE, ALPHA = "1.0507009873554804934193349852946", "1.6732632423543772848170429916717"
Z = sympy.Symbol("z", real=True)


def oracle(expression: Any) -> Any:
    """E[f(z)] by mpmath on the expression as typed, 22 digits."""
    with mpmath.workdps(22):
        f = sympy.lambdify(Z, expression, "mpmath")
        ends = [-14, -6, -3, -1, 0, 1, 3, 6, 14]
        return mpmath.quad(lambda t: f(t) * mpmath.npdf(t), ends)


def timed(ask: Callable[[], Any], runs: int) -> tuple[Any, float]:
    """Return what is found, and the least time in milliseconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        found = ask()
        times.append((time.perf_counter() - start) * 1e3)
    return found, min(times)


def by_torch() -> dict[str, str] | None:
    """Return torch's gains by name, "raises" where it raises; None without torch."""
    python = next((p for p in (sys.executable, str(PEERS)) if importable(p, "torch")), None)
    if python is None:
        return None
    done = subprocess.run([python, str(HERE), "--torch"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"torch failed:\n{done.stderr[-2000:]}")
    out: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
    return out


def torch_table(names: list[str]) -> dict[str, str]:
    """Ask torch for each gain; leaky_relu has slope 1/100 there too."""
    import torch

    out = {}
    for name in names:
        try:
            out[name] = f"{torch.nn.init.calculate_gain(name):.6f}"
        except ValueError:
            out[name] = "raises"
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="of each moment, the least time counts; default 5")
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    parser.add_argument("--torch", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.torch:
        print(json.dumps(torch_table(list(ACTIVATIONS))))
        return 0
    gaussian_mean(sympy.tanh(Z), Z, digits=DIGITS)  # loads what is loaded once
    peers = by_torch()
    rows, gains, wrong = [], [], []
    slowest = largest = 0.0
    for name in ACTIVATIONS:
        g = activation_expression(name, Z)
        found = gain(name, digits=DIGITS)
        for what, integral, f in (
            ("E[g^2]", found.second, g**2),
            ("E[g'^2]", found.slope_second, g.diff(Z) ** 2),
        ):
            again, ms = timed(lambda e=integral.expression: gaussian_mean(e, Z, digits=DIGITS), chosen.runs)
            error = abs(float(integral.value - oracle(f)))
            largest = max(largest, integral.bound)
            slowest = max(slowest, ms if integral.method == "quadrature" else 0.0)
            if error > integral.bound or again.value != integral.value:
                wrong.append(f"{what} of {name}: {integral.value!r} is off by {error:.1e}, bound {integral.bound:.1e}")
            rows.append((name, what, integral.method, f"{integral.value:.15f}", f"{integral.bound:.0e}", f"{error:.0e}",
                         f"{ms:.1f}"))  # fmt: skip
        backward = "-" if found.backward is None else f"{found.backward.value:.12f}"
        theirs = "not installed" if peers is None else peers[name]
        gains.append((name, f"{found.forward.value:.12f}", f"{found.forward.bound:.0e}", backward,
                      f"{found.slope.value:.6f}", theirs))  # fmt: skip
    print(f"moments at unit variance, {DIGITS} digits; least of {chosen.runs} runs")
    print(table(("activation", "moment", "method", "value", "bound", "error", "ms"), rows))
    print("gains; a slope above 1 says that variances drift away from 1 with depth")
    print(table(("activation", "1/sqrt(E[g^2])", "bound", "1/sqrt(E[g'^2])", "slope at 1", "torch's table"), gains))
    constants, ms = timed(lambda: selu_constants(30), 1)
    print(f"selu, solved in {ms:.0f} ms: lambda = {mpmath.nstr(constants.scale, 30)}, alpha = "
          f"{mpmath.nstr(constants.alpha, 30)}, bound {constants.bound:.0e}, spectral norm "
          f"{mpmath.nstr(constants.norm, 6)}")  # fmt: skip
    with mpmath.workdps(40):
        off = max(abs(constants.scale - mpmath.mpf(SCALE)), abs(constants.alpha - mpmath.mpf(ALPHA)))
    for line in wrong:
        print(f"WRONG: {line}")
    bars = [
        Bar("slowest quadrature, ms", slowest, SLOWEST_MS),
        Bar("largest error bound / 1e-12", largest / LARGEST_BOUND, 1),
        Bar("tanh's gain off the published one / 1e-14", abs(gain("tanh").forward.value - TANH) / 1e-14, 1),
        Bar("SELU's constants off the published ones / 1e-30", float(off * 10**30), 1),
        Bar("moments beyond their bound", len(wrong), 0),
    ]
    report = {"benchmark": "moments", "rows": rows, "gains": gains, "runs": chosen.runs}
    return finish(report, bars, chosen.json)


if __name__ == "__main__":
    sys.exit(main())
