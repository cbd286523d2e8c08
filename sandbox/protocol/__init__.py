"""How the sandbox's systems speak: TMF630, its deviations, writes and events."""
