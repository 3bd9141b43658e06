"""C12: how multipliers, initial scales and the learning rate must shrink or grow with the width, for one step."""

import numpy as np
import sympy

import symnn as sn
from symnn.gallery import Page, Row, result_at
from symnn.theory.numbers import at_values as put

N, D = sn.dims("n D")
i, j = sn.indices("i j")
one = sn.index("i", N)
A_V, B_V, A_W, B_W, A_U, B_U, C = sympy.symbols("a_v b_v a_w b_w a_u b_u c", real=True)
HALF = sympy.Rational(1, 2)
#: Exponents of the ways in use: multipliers n^-a, initial deviations n^-b, learning rate n^-c.
WAYS = {
    "standard, one rate for all widths": {A_V: 0, B_V: HALF, A_U: 0, B_U: 0, C: 0},
    "standard, rate 1/n": {A_V: 0, B_V: HALF, A_U: 0, B_U: 0, C: 1},
    "NTK": {A_V: HALF, B_V: 0, A_U: 0, B_U: 0, C: 0},
    "muP": {A_V: HALF, B_V: HALF, A_U: -HALF, B_U: HALF, C: 0},
}  # fmt: skip
#: The same with a matrix between two hidden layers.
TWO_WAYS = {
    "standard, one rate for all widths": {**WAYS["standard, one rate for all widths"], A_W: 0, B_W: HALF},
    "standard, rate 1/n": {**WAYS["standard, rate 1/n"], A_W: 0, B_W: HALF},
    "NTK": {**WAYS["NTK"], A_W: HALF, B_W: 0},
    "muP": {**WAYS["muP"], A_W: 0, B_W: HALF},
}
ASSUMED = ("the loss's derivative g by the output is a fixed number of size 1",)


def build() -> Page:
    page = Page("one and two hidden layers of any width $n$, one step of gradient descent")
    s_v, s_u, eta, m_v, m_u, r = sn.scalars("s_v s_u eta m_v m_u r", positive=True)
    g = sn.scalars("g")
    u, v, x = sn.parameter("u", (N, D)), sn.parameter("v", (N,)), sn.input("x", (D,))
    page.prose(
        """A hidden layer of width $n$ over $D$ inputs, without a bend, with multipliers $m_u$ and $m_v$ in front of its
        weights, which start with variances $s_u$ and $s_v$. How must the five numbers $m_u, m_v, s_u, s_v$ and the rate
        $\\eta$ depend on $n$ so that nothing explodes as $n$ grows, and so that the hidden values still learn?"""
    )
    page.heading("Given")
    h = sn.define("h", (i,), m_u * sn.sum(u[i, j] * x[j], j))
    f = sn.define("f", (), m_v * sn.sum(v[i] * h[i], i))
    page.given(h, f)
    page.heading("One step")
    page.prose("Both gradients of the output are derived; a step goes by $-\\eta g$ of them.")
    by_v, by_u = sn.vjp(f, "v"), sn.vjp(f, "u")
    page.derive(by_v)
    page.derive(by_u)
    k = sn.index("j")
    dv = sn.define("dv", (i,), -eta * g * m_v * h[i])
    du = sn.define("du", (i, k), -eta * g * m_v * m_u * v[i] * x[k])
    page.prose("Where the gradient that arrives at the output is $g$, as it is from here on, the steps are:")
    for step, by, letters in ((dv, by_v, (i,)), (du, by_u, (i, k))):
        page.equal(
            f"the step of {by.wrt.name}", -eta * result_at(by, *letters), step[letters], given=[(by.upstream[()], g)]
        )
    dh = sn.define("dh", (i,), m_u * sn.sum(du[i, j] * x[j], j))
    df = sn.define("df", (), m_v * sn.sum(dv[i] * h[i] + v[i] * dh[i], i))
    page.given(dh, df, words=("what the hidden values move by", "and the output, to first order"))

    page.heading("Sizes")
    page.prose(
        """Let the inputs be independent signs of size $\\sqrt{r}$: what matters is $\\sum_j x_j^2 = r D$. Second
        moments of the values, and the mean of the output's step, by the laws of the initial weights:"""
    )
    random = {u: sn.laws.gaussian(s_u), v: sn.laws.gaussian(s_v), x: sn.laws.rademacher(sympy.sqrt(r))}
    moments = {
        "hidden value": page.moment(
            sn.expectation(h[one] ** 2, random), claim=m_u**2 * s_u * r * D, folded="the lines"
        ),
        "output": page.moment(
            sn.expectation(f[()] ** 2, random), claim=m_v**2 * m_u**2 * N * s_v * s_u * r * D, folded="the lines"
        ),
        "step of a hidden value": page.moment(
            sn.expectation(dh[one] ** 2, random, assuming=ASSUMED),
            claim=eta**2 * g**2 * m_v**2 * m_u**4 * s_v * r**2 * D**2, folded="the lines",
        ),
        "step of the output": page.moment(
            sn.expectation(df[()], random, assuming=ASSUMED),
            claim=-eta * g * m_v**2 * m_u**2 * N * r * D * (s_u + s_v), folded="the lines",
        ),
    }  # fmt: skip
    page.heading("Exponents")
    page.prose(
        """Put in $m = n^{-a}$, $s = n^{-2b}$, $\\eta = n^{-c}$ and read off the power of $n$. Nothing may grow; the
        hidden values learn where their step neither grows nor vanishes."""
    )
    powers = {m_v: -A_V, m_u: -A_U, s_v: -2 * B_V, s_u: -2 * B_U, eta: -C}
    size = {what: exponents(m.value, powers, 1 if what == "step of the output" else 2) for what, m in moments.items()}
    page.table(("size of", "power of n"), [(w, ", ".join(f"${sympy.latex(e)}$" for e in es)) for w, es in size.items()])
    rows = []
    for way, chosen in WAYS.items():
        found = {w: max(put(e, chosen) for e in es) for w, es in size.items()}
        grows = [w for w, e in found.items() if e > 0]
        moves = found["step of a hidden value"]
        learns = "the hidden values learn" if moves == 0 else "only the output learns"
        said = f"{grows[0]} explodes" if grows else learns
        rows.append((way, *(str(found[w]) for w in size), said))
        measured = experiment(chosen)
        close = all(abs(measured[w] - float(found[w])) < 0.15 for w in ("step of a hidden value", "step of the output"))
        page.observed(
            f"{way}: measured at widths 64 to 4096", close,
            ", ".join(f"{w} n^{measured[w]:.2f} (predicted {found[w]})" for w in measured),
        )  # fmt: skip
    page.table(("way", *size, ""), rows)
    page.heading("All of them")
    a = sympy.solve(
        [e for w in ("hidden value", "step of a hidden value") for e in size[w]] + [max_of(size["step of the output"])],
        [A_U, A_V, C], dict=True,
    )[0]  # fmt: skip
    page.prose(
        """Asking for hidden values, their steps and the output's step of size 1 leaves the scales free and fixes the
        rest: $a_u = """ + sympy.latex(a[A_U]) + "$, $a_v = " + sympy.latex(a[A_V]) + "$, $c = " + sympy.latex(a[C])
        + """$, with $b_u \\leq b_v$. That is one step. Where $b_u < b_v$ the step of $v$ is larger than $v$ itself was,
        by $n^{b_v - b_u}$, and the next steps explode; so both layers have to start at one scale, $b_u = b_v$, which is
        what the last row of the table does: multipliers, scales and rates can still be traded for each other."""
    )
    _two_layers(page)
    return page


def _two_layers(page: Page) -> None:
    """Ask the same of two hidden layers: the matrix between them has both sides of width n."""
    page.heading("Two hidden layers")
    page.prose(
        """Between two hidden layers stands a matrix $w$ whose inputs and outputs are both $n$. The same questions, with
        a multiplier $m_w$ and a variance $s_w$ for it:"""
    )
    s_u, s_w, s_v, eta, m_u, m_w, m_v, r = sn.scalars("s_u s_w s_v eta m_u m_w m_v r", positive=True)
    g = sn.scalars("g")
    k, at = sn.index("k", N), sn.index("k")
    u, w, v, x = sn.parameter("u", (N, D)), sn.parameter("w", (N, N)), sn.parameter("v", (N,)), sn.input("x", (D,))
    h1 = sn.define("h1", (k,), m_u * sn.sum(u[k, j] * x[j], j))
    h2 = sn.define("h2", (i,), m_w * sn.sum(w[i, at] * h1[at], at))
    f = sn.define("f", (), m_v * sn.sum(v[i] * h2[i], i))
    page.given(h1, h2, f)
    dv = sn.define("dv", (i,), -eta * g * m_v * h2[i])
    dw = sn.define("dw", (i, k), -eta * g * m_v * m_w * v[i] * h1[k])
    du = sn.define("du", (k, j), -eta * g * m_v * m_w * m_u * sn.sum(v[i] * w[i, k], i) * x[j])
    page.prose("The steps, against the gradients that the engine derives:")
    for step, by, letters in ((dv, "v", (i,)), (dw, "w", (i, k)), (du, "u", (k, j))):
        gradient = sn.vjp(f, by)
        whole = result_at(gradient, *letters)
        page.equal(f"the step of {by}", -eta * whole, step[letters], given=[(gradient.upstream[()], g)])
    dh1 = sn.define("dh1", (k,), m_u * sn.sum(du[k, j] * x[j], j))
    dh2 = sn.define("dh2", (i,), m_w * sn.sum(dw[i, at] * h1[at] + w[i, at] * dh1[at], at))
    df = sn.define("df", (), m_v * sn.sum(dv[i] * h2[i] + v[i] * dh2[i], i))
    page.given(dh1, dh2, df, words=("what the lower hidden values move by", "the upper ones", "the output"))
    random = {
        u: sn.laws.gaussian(s_u), w: sn.laws.gaussian(s_w), v: sn.laws.gaussian(s_v),
        x: sn.laws.rademacher(sympy.sqrt(r)),
    }  # fmt: skip
    moved = eta**2 * g**2 * m_u**4 * m_v**2 * r**2 * D**2 * s_v
    asked = {
        "upper hidden value": (h2[one] ** 2, m_w**2 * m_u**2 * N * s_w * s_u * r * D, "(h^{(2)}_i)^2"),
        "output": (f[()] ** 2, m_v**2 * m_w**2 * m_u**2 * N**2 * s_v * s_w * s_u * r * D, "f^2"),
        "step of a lower value": (dh1[one] ** 2, moved * m_w**2 * N * s_w, r"(\Delta h^{(1)}_k)^2"),
        "step of an upper value": (
            dh2[one] ** 2,
            moved * m_w**4 * ((N**2 + 2 * N) * s_u**2 + (2 * N**2 + N) * s_w**2 + 2 * N**2 * s_u * s_w),
            r"(\Delta h^{(2)}_i)^2",
        ),
        "step of the output": (
            df[()], -eta * g * m_v**2 * m_w**2 * m_u**2 * N**2 * r * D * (s_u * s_w + s_u * s_v + s_w * s_v),
            r"\Delta f",
        ),
    }  # fmt: skip
    powers = {m_v: -A_V, m_w: -A_W, m_u: -A_U, s_v: -2 * B_V, s_w: -2 * B_W, s_u: -2 * B_U, eta: -C}
    size = {}
    for what, (of, claim, shown) in asked.items():
        value = page.moment_of(
            what, sn.expectation(of, random, assuming=ASSUMED), claim, lead=rf"\mathbb{{E}}[{shown}]",
        )  # fmt: skip
        size[what] = exponents(value, powers, 1 if what == "step of the output" else 2)
    rows = []
    for way, chosen in TWO_WAYS.items():
        found = {w: max(put(e, chosen) for e in es) for w, es in size.items()}
        grows = [w for w, e in found.items() if e > 0]
        moves = {found["step of a lower value"], found["step of an upper value"]} == {0}
        said = f"{grows[0]} explodes" if grows else "both layers learn" if moves else "only the output learns"
        rows.append((way, *(str(found[w]) for w in size), said))
        measured = deeper(chosen)
        close = all(abs(measured[w] - float(found[w])) < 0.15 for w in measured)
        page.observed(
            f"{way}: measured at widths 64 to 1024", close,
            ", ".join(f"{w} n^{measured[w]:.2f} (predicted {found[w]})" for w in measured),
        )  # fmt: skip
    page.table(("way", *size, ""), rows)
    page.prose(
        """Of these four ways the lower and the upper hidden values both move in the last one only, where the matrix
        between them has no multiplier and variance $1/n$."""
    )


def deeper(chosen: dict[sympy.Symbol, sympy.Expr]) -> dict[str, float]:
    """Return by which power of the width steps of two hidden layers grow in a seeded experiment."""
    rng = np.random.default_rng(1)
    widths, seen = (64, 128, 256, 512, 1024), []
    e = {s: float(v) for s, v in chosen.items()}
    for n in widths:
        lower, upper, output = [], [], []
        m_u, m_w, m_v, eta = n ** -e[A_U], n ** -e[A_W], n ** -e[A_V], n ** -e[C]
        for _ in range(24):
            u = n ** -e[B_U] * rng.normal(size=(n, 3))
            w, v = n ** -e[B_W] * rng.normal(size=(n, n)), n ** -e[B_V] * rng.normal(size=n)
            x = rng.choice((-1.0, 1.0), 3)
            h1 = m_u * u @ x
            h2 = m_w * w @ h1
            dh1 = -eta * m_v * m_w * m_u * (w.T @ v) * m_u * (x @ x)
            dh2 = m_w * (-eta * m_v * m_w * v * (h1 @ h1) + w @ dh1)
            lower.append((dh1**2).mean())
            upper.append((dh2**2).mean())
            output.append(m_v * (-eta * m_v * h2 @ h2 + v @ dh2))
        seen.append((np.sqrt(np.mean(lower)), np.sqrt(np.mean(upper)), abs(np.mean(output))))
    slopes = np.polyfit(np.log(widths), np.log(np.array(seen)), 1)[0]
    return dict(zip(("step of a lower value", "step of an upper value", "step of the output"), slopes, strict=True))


def exponents(value: sympy.Expr, powers: dict[sympy.Symbol, sympy.Expr], root: int) -> list[sympy.Expr]:
    """Return the powers of n of the terms of a moment, of its root where that is a second moment."""
    out = []
    for term in sympy.Add.make_args(sympy.expand(value)):
        e = sympy.Integer(0)
        for base, power in term.as_powers_dict().items():
            e += power * powers.get(base, 1 if base == N else 0)
        out.append(sympy.expand(e / root))
    return list(dict.fromkeys(out))


def max_of(terms: list[sympy.Expr]) -> sympy.Expr:
    """Return the term that is the largest where b_u <= b_v."""
    return max(terms, key=lambda e: put(e, {B_U: 0, B_V: 1, A_U: 0, A_V: 0, C: 0}))


def experiment(chosen: dict[sympy.Symbol, sympy.Expr]) -> dict[str, float]:
    """Return by which power of the width steps grow in a seeded experiment."""
    rng = np.random.default_rng(0)
    widths, hidden, output = (64, 256, 1024, 4096), [], []
    e = {s: float(v) for s, v in chosen.items()}
    for n in widths:
        u = n ** -e[B_U] * rng.normal(size=(40, n, 3))
        v = n ** -e[B_V] * rng.normal(size=(40, n))
        x = rng.choice((-1.0, 1.0), (40, 3))
        m_u, m_v, eta = n ** -e[A_U], n ** -e[A_V], n ** -e[C]
        h = m_u * np.einsum("bij,bj->bi", u, x)
        dh = m_u * np.einsum("bi,b->bi", -eta * m_v * m_u * v, (x * x).sum(1))
        df = m_v * ((-eta * m_v * h) * h + v * dh).sum(1)
        hidden.append(np.sqrt((dh**2).mean()))
        output.append(np.abs(df.mean()))
    slope = [np.polyfit(np.log(widths), np.log(y), 1)[0] for y in (hidden, output)]
    return {"step of a hidden value": float(slope[0]), "step of the output": float(slope[1])}


ROW = Row(
    "C12", "Widths: multipliers, scales and rates",
    "Yang, Hu 2021, Feature Learning in Infinite-Width Neural Networks, sec. 3; Jacot, Gabriel, Hongler 2018, Neural "
    "Tangent Kernel", build,
)  # fmt: skip
