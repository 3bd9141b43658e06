"""The gallery: textbook derivations, executed, checked and written as pages; ``python -m symnn.gallery`` runs it."""

from symnn.gallery.page import Page, Row, result_at
from symnn.gallery.records import Record
from symnn.gallery.runner import chosen, load, main, write

__all__ = ["Page", "Record", "Row", "chosen", "load", "main", "result_at", "write"]
