"""HTTP to one upstream system: requests, retries, credentials, files, health."""
