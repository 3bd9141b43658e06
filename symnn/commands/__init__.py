"""What the command line does: open what is asked for, then derive, draw, check or train it."""

from symnn.commands.checking import check
from symnn.commands.deriving import derive
from symnn.commands.drawing import draw
from symnn.commands.initialising import init
from symnn.commands.opening import Opened, open_network
from symnn.commands.training import train

__all__ = ["Opened", "check", "derive", "draw", "init", "open_network", "train"]
