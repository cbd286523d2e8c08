"""One conversation with one upstream system: requests, policy, credentials, files, health."""
