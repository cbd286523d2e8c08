"""The list of metrics, and what is made of it: Prometheus' instruments, the documentation, the board and the alerts."""
