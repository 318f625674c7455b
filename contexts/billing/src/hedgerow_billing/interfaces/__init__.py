"""How billing is reached from outside the process."""
