"""Verification: proofs of lines and claims, evaluation by the interpreter, differences of interpreter and compiled code."""
