"""The judge: whether somebody's gradient is right, and if not, what is wrong with it."""
