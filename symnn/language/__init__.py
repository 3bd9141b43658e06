"""Formulas as text: scanned, parsed by a fixed grammar, typed by shapes. No text is ever evaluated."""
