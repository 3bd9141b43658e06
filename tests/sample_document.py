"""A document with every kind of block, mathematics of every kind, and hostile text."""

from __future__ import annotations

from symnn.show import (
    Code,
    Contents,
    Document,
    Fold,
    Formula,
    Heading,
    Picture,
    Prose,
    StepRow,
    StepTable,
    Table,
    VerdictTable,
)

HOSTILE = (
    "\"'><script>alert(1)</script>&amp;\n$ \\end{document} \\input{x} % # _ ^ ~ {} `|` *a* [b](c) é π 中 \x00\x1b[31m"
)

FORMULAS = (
    r"\operatorname{diag}(g'(a)) \, W^{\top} \odot \mathbf{1}\{a>0\}",
    r"\bar{W}_{ij} = \overline{W h} + \hat{x}_{n} + \widehat{x y} + \tilde{z}",
    r"\mathbb{1}_{c=y} + \mathbb{E}[W_{ij} W_{kl}] = \sigma^{2} \delta_{ik} \delta_{jl}",
    r"\boldsymbol{\theta} \leftarrow \boldsymbol{\theta} - \eta \nabla_{\boldsymbol{\theta}} \ell",
    r"g(a) = \begin{cases} a & \text{if } a > 0 \\ \alpha \left(e^{a} - 1\right) & \text{otherwise}"
    r" \end{cases}",
    r"\begin{aligned} \delta^{(k)} &= \left(W^{(k+1)\top} \delta^{(k+1)}\right) \odot g'(a^{(k)}) \\"
    r" \nabla_{W^{(k)}} \ell &= \delta^{(k)} h^{(k-1)\top} \end{aligned}",
    r"\begin{pmatrix} a_{1} & \cdots & a_{n} \\ \vdots & & \vdots \\"
    r" b_{1} & \cdots & b_{n} \end{pmatrix}",
    r"\left. \frac{\partial f}{\partial x} \right|_{x=0} = \lim_{h \to 0} \frac{f(h) - f(-h)}{2 h}",
    r"\operatorname*{arg\,max}_{c} f_{c}(x) \le \max_{k} \lVert x_{k} \rVert^{2} + \log f_{y}",
    r"s_{b,i,j} = \frac{1}{\sqrt{D}} \sum_{d=0}^{D-1} q_{b,i,d}\, k_{b,j,d}",
)

LONG = " + ".join(rf"\frac{{\partial \ell}}{{\partial a_{{{k}}}}} W_{{{k},j}} h_{{n,j}}" for k in range(24))

STEPS = StepTable(
    caption="The gradient at the logits, line by line",
    rows=(
        StepRow(1, r"\frac{\partial}{\partial a_{c}}\left(-\log f_{y}\right)", (), "", "", "d/da_c ( -log f_y )"),
        StepRow(
            2,
            r"-\frac{1}{f_{y}}\,\frac{\partial f_{y}}{\partial a_{c}}",
            ("chain rule", "log'"),
            "equal to line 1 in canonical form; used $f_{y} > 0$",
            "proved",
            "-(1/f_y) d f_y/da_c",
        ),
        StepRow(
            3,
            r"-\frac{1}{f_{y}}\,\frac{\partial}{\partial a_{c}}\left[\frac{e^{a_{y}}}{S}\right],"
            r"\qquad S = \sum_{k} e^{a_{k}}",
            ("definition of $f$",),
            "equal to line 2 in canonical form",
            "proved",
            "-(1/f_y) d/da_c [ exp(a_y) / S ],  S = sum_k exp(a_k)",
        ),
        StepRow(
            4,
            r"-\frac{1}{f_{y}}\left[\frac{\frac{\partial e^{a_{y}}}{\partial a_{c}}}{S}"
            r" - \frac{e^{a_{y}}\,\frac{\partial S}{\partial a_{c}}}{S^{2}}\right]",
            ("quotient rule",),
            "24 points, $C = 1 \\ldots 7$, 50 digits: worst 4e-50",
            "evaluated",
            "-(1/f_y) [ (d exp(a_y)/da_c) / S - exp(a_y) (dS/da_c) / S^2 ]",
        ),
        StepRow(
            5,
            r"-\frac{1}{f_{y}}\left[\mathbb{1}_{c=y}\, f_{y} - f_{y} f_{c}\right]",
            ("exp'", "entry by entry", "delta contraction", "fold $f$"),
            "central differences: worst 3e-10 of the largest entry",
            "differenced",
            "-(1/f_y) [ 1_(c=y) f_y - f_y f_c ]",
        ),
        StepRow(
            6,
            r"-\left(\mathbb{1}_{c=y} - f_{c}\right)",
            ("factor $f_{y}$", "cancel"),
            "modulo a prime",
            "probable",
            "-( 1_(c=y) - f_c )",
        ),
        StepRow(
            7,
            r"-\left(\mathbb{1}_{c=y} + f_{c}\right)",
            ("a wrong sign",),
            "at $C=2$: expected 1/4, got 3/4",
            "refuted",
            "",
        ),
        StepRow(8, LONG, ("sum over every path",), "gave up", "undecided", ""),
        StepRow(9, r"\Rightarrow \ell = 0", (HOSTILE,), HOSTILE, "not run", HOSTILE),
    ),
)

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="220" height="60">'
    '<rect x="5" y="10" width="80" height="40" rx="6" fill="none" stroke="#334"/>'
    '<text x="45" y="35" text-anchor="middle">x</text><path d="M85 30h120" stroke="#334"/></svg>'
)

SAMPLE = Document(
    "Softmax cross-entropy at the logits",
    "any number of classes $C$",
    (
        Heading("Given"),
        Prose(r"The logits $a_{c}$ and the label $y \in \{0, \dots, C-1\}$; reading is \$0."),
        Formula(r"f_{c} = \frac{e^{a_{c}}}{\sum_{k} e^{a_{k}}}", "softmax"),
        Formula(r"\ell = -\log f_{y}", "cross-entropy"),
        Heading("Wanted: $\\partial \\ell / \\partial a_{c}$", 2),
        STEPS,
        VerdictTable(
            ("tensor", "verdict", "why"),
            (
                ("$W_{2}$", "wrong", "yours is $N$ times the true gradient"),
                ("$b_{2}$", "right", "proved equal for all $N, C$"),
                ("$x$", "cannot tell", "'maxout' is not a function symnn knows"),
                ("$W_1$", "proved", "long " * 40),
            ),
        ),
        Table(("size", "seconds"), (("$|x|$ | y", "0.1"), (HOSTILE, "0.2"))),
        *(Formula(latex) for latex in FORMULAS),
        Formula(LONG, "long"),
        Picture(SVG, "The graph of $\\ell$"),
        Code("def grad(p, t):\n    # 100% \\end{verbatim} ```\n    return (p - t).T @ h1 / N  # <&>\n"),
        Fold("More & more", (Prose("inside $x<y$"), Formula("x^2"), Heading("deep", 9))),
        Contents((("Page $A_1$ & more", "a1.html"),)),
        Heading(HOSTILE, 3),
        Prose(HOSTILE),
        Formula(HOSTILE, HOSTILE),
    ),
)
