"""Usage by openwisp-radius: RADIUS accounting."""
