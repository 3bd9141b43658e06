"""The zoo: layers, activations, losses and penalties, each one forward expression and no derivative."""
