"""The command line: ``symnn derive|draw|check|train NAME_OR_FILE``; its help loads neither SymPy nor NumPy."""

from __future__ import annotations

import argparse
import codecs
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from symnn.examples import EXAMPLES

__all__ = ["main"]

_ABOUT = "Write the forward pass of a neural network; get the backward pass derived, checked, drawn and compiled."
_TARGET = "a built-in example, or a Python FILE that defines net = symnn.Network(...); the FILE IS EXECUTED"
_DERIVED = "a forward pass as a formula such as 'mean((X @ w - y)**2)', " + _TARGET
_JUDGED = "a TOML FILE of claims, which is only read; " + _TARGET


def _parser() -> argparse.ArgumentParser:
    width = max((len(name) for name in EXAMPLES), default=0)
    examples = "\n".join(f"  {e.name:{width}}  {e.summary}" for e in EXAMPLES.values())
    parser = argparse.ArgumentParser(
        prog="symnn",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"built-in examples:\n{examples}\n\n"
        "In place of an example give a forward pass as a formula (derive), a TOML file of claims (check), or a\n"
        "Python FILE that defines net, a symnn.Network. The FILE IS EXECUTED as a\n"
        "Python program: give only files that you trust. It may define sizes = {'H': 32, ...} for train.\n\n"
        "exit status: 0 all is well; 1 a check does not hold; 2 something was wrong with what was asked",
    )
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")

    derive = _command(commands, "derive", "derive gradients, line by line, each line named by its rule and checked",
                      _DERIVED)  # fmt: skip
    derive.add_argument("--wrt", type=_names, metavar="W1,b1", help="by what: parameters, inputs or inner tensors "
                        "(default: every parameter)")  # fmt: skip
    derive.add_argument("--format", choices=("text", "brief", "latex", "html", "markdown"), default="text")
    derive.add_argument("--out", metavar="FILE", help="write there instead of to the terminal")
    derive.add_argument("--no-check", action="store_true", help="show the lines without proving them")
    derive.add_argument("--shape", action="append", default=[], metavar="X=N,D", help="a shape in a formula; labels "
                        "end in their number of classes, t=N|C; give it again for the next name")  # fmt: skip
    derive.add_argument("--numpy", action="store_true", help="print the compiled program too (a formula always does)")
    derive.add_argument("--value", action=_Value, default={}, metavar="lam=0.1", help="a scalar in that program")

    draw = _command(commands, "draw", "draw the computation graph with its mathematics")
    draw.add_argument("--backward", action="store_true", help="with the backward pass beside the forward pass")
    draw.add_argument("--out", metavar="FILE", help="ends in .svg, .png, .pdf or .dot (default: NAME.svg)")

    check = _command(commands, "check", "judge claims about gradients, or prove every gradient of a network", _JUDGED)
    check.add_argument("--wrt", type=_names, metavar="W1,b1", help="which ones (default: every parameter)")
    check.add_argument("--forward", metavar="FORMULA", help="in place of a file: the forward pass")
    check.add_argument("--candidate", metavar="FORMULA", help="the gradient to judge, by the one name in --wrt")
    check.add_argument("--latex", metavar="FORMULA", help="the same in LaTeX")
    check.add_argument("--shape", action="append", default=[], metavar="X=N,D", help="a shape in --forward; labels end "
                       "in their number of classes, t=N|C; give it again for the next name")  # fmt: skip
    check.add_argument("--seed", type=_seed, default=0, metavar="N", help="of the points at which claims are compared")
    check.add_argument("--json", action="store_true", help="print JSON instead of a table")
    check.add_argument(
        "--without-answer", metavar="HINT", nargs="?", const="diagnosis", default=None,
        choices=("verdict", "place", "kind", "diagnosis"),
        help="of claims, show nothing that holds the true gradient; HINT says how much of what is wrong is told: "
        "verdict, place, kind or diagnosis (the default)",
    )  # fmt: skip

    init = commands.add_parser(
        "init", help="derive the initial variance of a layer's weights for an activation, with numbers",
        description="Derive, line by line, the variance of a layer's weights that keeps the variance of its values "
        "and of its gradients, and print it for given sizes.",
    )  # fmt: skip
    init.add_argument("activation", metavar="ACTIVATION", help="one of the table, such as tanh, or a formula in one "
                      "name, such as 'z*tanh(log(1+exp(z)))'")  # fmt: skip
    init.add_argument("--fan-in", type=_count, required=True, metavar="N", help="what goes into a unit")
    init.add_argument("--fan-out", type=_count, required=True, metavar="N", help="how many units there are")
    init.add_argument("--value", action=_Value, default={}, metavar="slope=0.2", help="a constant of the activation")
    init.add_argument("--plot", type=Path, metavar="FILE.svg", help="also draw second moments, layer by layer, "
                      "predicted and measured")  # fmt: skip
    init.add_argument("--depth", type=_count, default=30, metavar="N", help="layers of the plot (30)")
    init.add_argument("--width", type=_count, default=512, metavar="N", help="width of the plot's layers (512)")
    init.add_argument("--json", action="store_true", help="print JSON instead of a page")

    train = _command(commands, "train", "train on scikit-learn's 8 x 8 digits with the derived, compiled gradients")
    train.add_argument("--epochs", type=_count, default=30, metavar="N", help="default 30")
    train.add_argument("--seed", type=_seed, default=0, metavar="N", help="of weights, split and order (default 0)")
    train.add_argument("--rate", type=float, default=0.05, metavar="X", help="learning rate (default 0.05)")
    train.add_argument("--momentum", type=float, default=0.9, metavar="X", help="default 0.9")
    train.add_argument("--batch", type=_count, default=32, metavar="N", help="examples a step (default 32)")
    train.add_argument("--sizes", type=_sizes, default={}, metavar="H1=32,H2=16", help="symbolic sizes as numbers")
    train.add_argument("--out", metavar="FILE", help="save the parameters there, as .npz")
    return parser


_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _command(commands: _Commands, name: str, deed: str, target: str = _TARGET) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=deed, description=f"{deed[0].upper()}{deed[1:]}.")
    made.add_argument("target", metavar="NAME_OR_FILE", help=target, nargs="?" if target == _JUDGED else None)
    return made


class _Value(argparse.Action):
    """Gathers NAME=NUMBER."""

    def __call__(self, parser: Any, chosen: Any, text: Any, option: str | None = None) -> None:
        name, _, number = text.partition("=")
        try:
            setattr(chosen, self.dest, {**getattr(chosen, self.dest), name.strip(): float(number)})
        except ValueError:
            parser.error(f"{option}: expected NAME=NUMBER, found {text!r}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} on, found {text!r}")
    return int(text)


def _count(text: str) -> int:
    return _whole(text, 1)


def _seed(text: str) -> int:
    return _whole(text, 0)


def _sizes(text: str) -> dict[str, int]:
    pairs = [part.partition("=") for part in _names(text)]
    return {name.strip(): _count(value.strip()) for name, _, value in pairs}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 1 where a check does not hold, 2 for an error."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.command is None:
        parser.print_help()
        return 2
    try:
        status = _run(chosen)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("symnn: interrupted", file=sys.stderr)
        return 130


def _spell_out(stream: object) -> None:
    """Have signs that a stream's encoding lacks spelled out, sum for its sign, where they would stop the program."""
    from symnn.show.plain import spelled

    def instead(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        return spelled(error.object[error.start : error.end], error.encoding), error.end

    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        codecs.register_error("symnn.spelled", instead)
        stream.reconfigure(errors="symnn.spelled")


def _run(chosen: argparse.Namespace) -> int:
    from symnn.ground.errors import SymnnError

    try:
        _spell_out(sys.stdout)
        run = getattr(import_module("symnn.commands"), chosen.command)
        return int(run(chosen))
    except BrokenPipeError:
        raise
    except SymnnError as error:
        print(f"symnn: {error}", file=sys.stderr)
    except OSError as error:
        print(f"symnn: {error.strerror or error}: {error.filename2 or error.filename}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
