"""The TM Forum standard: how an installation deviates from it, and how its collections are asked and read."""
