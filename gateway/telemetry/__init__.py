"""What the gateway tells its operator: metrics, traces, and a line in the log for each request. All is off by default.

What is off costs a request nothing: at start-up `setup` chooses which classes serve it.
"""
