"""What the sandbox's four systems know, made from a seed."""
