"""The gallery: textbook derivations, executed, checked and written as pages; ``python -m symnn.gallery`` runs it."""

from symnn.gallery.asking import computed, pulled_back, result_at
from symnn.gallery.page import Page, Row
from symnn.gallery.records import Record, Result
from symnn.gallery.runner import chosen, load, main, write

__all__ = [
    "Page", "Record", "Result", "Row", "chosen", "computed", "load", "main", "pulled_back", "result_at", "write",
]  # fmt: skip
